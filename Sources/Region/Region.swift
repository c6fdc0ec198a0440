// Region: written in this change.
