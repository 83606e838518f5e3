"""A unit's desk: what its head and officers are told, and when."""
