// BootConfiguration: written in this change.
