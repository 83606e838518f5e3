"""What the engine decides with: pure functions over the state of one subject."""
