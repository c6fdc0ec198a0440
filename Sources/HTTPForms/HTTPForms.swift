// HTTPForms: written in this change.
