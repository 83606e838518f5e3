"""Sends the messages that are due: selection, assignment, hand-off, retries, outcomes."""
