"""``motcua citizen``: what citizens may ask about their own data."""
