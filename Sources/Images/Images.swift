// Images: written in this change.
