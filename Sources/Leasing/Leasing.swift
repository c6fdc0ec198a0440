// Leasing: written in this change.
