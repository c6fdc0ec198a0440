// Postgres: written in this change.
