"""What is asked of MongoDB: the client, and the states of a service."""
