// Lifecycle: written in this change.
