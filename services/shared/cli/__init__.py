"""``motcua keys``: the master key, and its rotation."""
