// ClusterMessages: written in this change.
