"""Text in the parameters of an SMTP command: xtext, by RFC 3461, section 4."""

from __future__ import annotations

import re

_NOT_ITSELF = re.compile(r"[^!-~]|[+=]")
_WRITTEN = re.compile(r"\+([0-9A-F]{2})")


def xtext(said: str) -> str:
    """Return the ASCII text as xtext: without spaces, ``+`` and ``=``."""
    return _NOT_ITSELF.sub(lambda found: f"+{ord(found[0]):02X}", said)


def from_xtext(written: str) -> str:
    """Decode xtext; what is not xtext stays as it is."""
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), written)
