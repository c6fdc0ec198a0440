// ClusterLink: written in this change.
