"""A local mail server."""
