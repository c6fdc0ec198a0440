// HTTPClient: written in this change.
