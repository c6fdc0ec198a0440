// Transfers: written in this change.
