"""Access to MongoDB: the client, and the states of a service."""
