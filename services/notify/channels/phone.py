"""Telephone numbers as people write them, made into the one form that providers take (E.164)."""

from __future__ import annotations

from contracts import addresses
from services.notify.channels.provider import NoAddress


def e164(written: str) -> str:
    """The number with its country, such as ``+84903123456``. Raises NoAddress if it is none."""
    try:
        return addresses.e164(written)
    except ValueError as error:
        raise NoAddress(str(error)) from None
