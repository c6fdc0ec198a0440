// PostgresStorage: written in this change.
