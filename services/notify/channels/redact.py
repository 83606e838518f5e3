"""Remove personal data from what providers say, before it goes to logs and onto the log.

Providers quote what they refuse: the address, and the text with its link, whose key opens the
dossier. What they say in their own words and codes stays.
"""

from __future__ import annotations

import re

_COLON, _SLASHES = r"(?::|%3A)", r"(?:\\?/|%2F){2}"
_LINK = re.compile(
    rf"""(?:(?<![a-z0-9+.\-])[a-z0-9+.\-]++{_COLON}{_SLASHES}|(?<![a-z0-9.\-])www\.)[^\s"<>]+""",
    re.IGNORECASE,
)
"""Its slashes may be escaped, as in JSON within JSON, or in another address."""
_KEY = re.compile(r"""key\s?(?:=|%3D)\s?[^\s"<>]+""", re.IGNORECASE)
"""The rest of a link that was cut in two, or lacks its beginning."""
_ADDRESS = re.compile(r"""(?:"[^"@]*"|(?<![^\s<>",;()])[^\s<>",;()]+)(?:@|%40)[^\s<>"',;:()]+""")
"""Like a link, a match begins only where a word begins; otherwise the search would start again at
each letter of a long word."""
_NUMBER = re.compile(r"\+?\d(?:[\s.\-()/\u2010-\u2015]{0,2}\d){6,}")


def redacted(said: str) -> str:
    """Remove links, e-mail addresses and telephone numbers; return at most 500 characters."""
    for pattern, instead in (
        (_LINK, "[link]"),
        (_KEY, "[key]"),
        (_ADDRESS, "[address]"),
        (_NUMBER, "[number]"),
    ):
        said = pattern.sub(instead, said)
    return said[:500]


def without(said: str, *known: str) -> str:
    """Remove these addresses, or parts of one, which need not look like addresses."""
    for one in sorted(filter(None, known), key=len, reverse=True):
        word = re.compile(rf"(?<!\w){re.escape(one)}(?!\w)", re.IGNORECASE)
        said = word.sub("[address]", said)
    return said


def unaddressed(said: str, to: str) -> str:
    """Remove the address from what a mail server says; many name the mailbox alone."""
    mailbox = to.rpartition("@")[0]
    return without(said, to, mailbox, mailbox.partition("+")[0])
