// Installation: written in this change.
