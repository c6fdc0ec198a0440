// Lab: written in this change.
