"""A stand-in for the city's identity provider."""
