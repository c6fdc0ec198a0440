// RegionAPI: written in this change.
