// JSON: written in this change.
