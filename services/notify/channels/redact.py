"""Takes what is somebody's out of what providers say: it goes to logs, and onto the log.

Providers quote what they refuse: the address that they were given, and the text with its link,
whose key opens the dossier. What they say of it in their own words and codes stays.
"""

from __future__ import annotations

import re

_COLON, _SLASHES = r"(?::|%3A)", r"(?:\\?/|%2F){2}"
_LINK = re.compile(
    rf"""(?:(?<![a-z0-9+.\-])[a-z0-9+.\-]++{_COLON}{_SLASHES}|(?<![a-z0-9.\-])www\.)[^\s"<>]+""",
    re.IGNORECASE,
)
"""Its slashes may be escaped, as they are in JSON that is in JSON, or in another address."""
_KEY = re.compile(r"""key\s?(?:=|%3D)\s?[^\s"<>]+""", re.IGNORECASE)
"""What is left of a link that was cut in two, or stands without its beginning."""
_ADDRESS = re.compile(r"""(?:"[^"@]*"|(?<![^\s<>",;()])[^\s<>",;()]+)(?:@|%40)[^\s<>"',;:()]+""")
"""It begins where a word begins, as a link does: else each letter of a long one would be begun
from."""
_NUMBER = re.compile(r"\+?\d(?:[\s.\-()/\u2010-\u2015]{0,2}\d){6,}")


def redacted(said: str) -> str:
    """The same without links, e-mail addresses and telephone numbers, 500 characters at most."""
    for pattern, instead in (
        (_LINK, "[link]"),
        (_KEY, "[key]"),
        (_ADDRESS, "[address]"),
        (_NUMBER, "[number]"),
    ):
        said = pattern.sub(instead, said)
    return said[:500]


def without(said: str, *known: str) -> str:
    """The same without these addresses, or parts of one, which need not look like any."""
    for one in sorted(filter(None, known), key=len, reverse=True):
        word = re.compile(rf"(?<!\w){re.escape(one)}(?!\w)", re.IGNORECASE)
        said = word.sub("[address]", said)
    return said


def unaddressed(said: str, to: str) -> str:
    """What a mail server says, without whom it says it of: many name the mailbox alone."""
    mailbox = to.rpartition("@")[0]
    return without(said, to, mailbox, mailbox.partition("+")[0])
