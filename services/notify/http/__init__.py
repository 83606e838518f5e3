"""Notify over HTTP, beside the citizens' page."""
