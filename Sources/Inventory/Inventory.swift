// Inventory: written in this change.
