// APIClient: written in this change.
