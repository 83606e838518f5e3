"""Why a service does not start, in words for who runs it."""

from __future__ import annotations


class CannotStart(Exception):
    """Something around the service does not let it start.

    The text names the place and the remedy, and never a secret.
    """


class SettingsWrong(CannotStart, ValueError):
    """A setting is missing, or cannot be used."""
