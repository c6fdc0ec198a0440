// Domain: written in this change.
