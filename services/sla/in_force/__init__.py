"""Which rules and calendars are in force, and how a running service learns of new ones."""
