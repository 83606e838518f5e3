"""What became of each message, and in which order they go out."""
