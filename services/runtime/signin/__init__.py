"""Who calls over HTTP: tokens of the city's identity provider, and what they vouch for."""
