// APIModel: written in this change.
