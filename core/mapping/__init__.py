"""How fields correspond: the spec of a job, its templates, value maps, transforms, checks and compiled frames."""
