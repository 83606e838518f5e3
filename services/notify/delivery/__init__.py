"""What became of each message, and the order in which messages go out."""
