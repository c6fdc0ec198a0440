// Rack: written in this change.
