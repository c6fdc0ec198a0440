// Placement: written in this change.
