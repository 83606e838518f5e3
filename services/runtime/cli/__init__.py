"""``motcua dead-letters``: records that could not be handled."""
