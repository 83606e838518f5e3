"""Takes addresses and numbers out of what providers say: it goes to logs, and onto the log."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"""(?:"[^"@]*"|(?<![^\s<>",;()])[^\s<>",;()]+)(?:@|%40)[^\s<>"',;:()]+""")
"""It begins where a word begins: else each letter of a long one would be begun from."""
_NUMBER = re.compile(r"\+?\d(?:[\s.\-()]{0,2}\d){6,}")


def redacted(said: str) -> str:
    """The same without anybody's e-mail address or telephone number, 500 characters at most."""
    return _NUMBER.sub("[number]", _ADDRESS.sub("[address]", said))[:500]
