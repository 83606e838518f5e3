"""Sla over HTTP."""
