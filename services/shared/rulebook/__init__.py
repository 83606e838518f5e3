"""The city's rules on deadlines and letters, and their defaults."""
