"""Explains a deadline, segment by segment, in words and drawings."""
