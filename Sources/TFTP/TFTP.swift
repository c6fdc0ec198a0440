// TFTP: written in this change.
