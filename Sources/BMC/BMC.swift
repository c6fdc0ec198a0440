// BMC: written in this change.
