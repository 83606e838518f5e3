"""Whether a mail server that refuses a recipient means the recipient, or us.

Most servers say only after the recipient's address that they do not want us at all (a relay that
does not know our network, a password that is missing). Then the mail must wait until somebody has
seen to it: taken for the recipient's fault it would be ended, and so would every other.
"""

from __future__ import annotations

import re

from aiosmtplib import SMTPRecipientRefused

_ENHANCED = re.compile(r"[45]\.\d{1,3}\.\d{1,3}\b")
_OF_THE_RECIPIENT = re.compile(r"[45]\.(1\.(?![78]\b)|2\.|4\.4\b)")
"""What is wrong is the recipient's address (x.1, but for the sender's, or no route to it) or their
mailbox (x.2), by RFC 3463. All else, x.7 above all, is said of us: that passes."""
_OF_THE_ADDRESS = frozenset({450, 501, 550, 553, 556})
"""The codes that say it of an address (RFC 5321, RFC 7504), where nothing more exact is said. By
551 most servers mean that they do not relay for us."""
_OF_US = re.compile(
    r"\b(relay\w*|spf|dkim|dmarc|[he][eh]lo|sender\w*|(?:not|is) (?:allowed|permitted)|denied"
    r"|polic\w+|spam\w*|block\w*|black\W?list\w*|listed|reputation|auth\w*|reverse|ptr|rbl|dnsbl"
    r"|rcpthosts|your (?:ip|host|network|address))\b",
    re.IGNORECASE,
)
"""What servers say to somebody whom they do not want, where there is no enhanced code."""
_IN_A_ROW = 3
"""So many different recipients that are refused with no more than a code, and none taken between
them: then it is us. Of those before it nobody can know."""


class Refusals:
    """Remembers what one server has refused since it took a recipient last."""

    def __init__(self) -> None:
        self._bare: set[str] = set()

    def taken(self) -> None:
        """A recipient was taken: the server wants us."""
        self._bare.clear()

    def of_the_recipient(self, error: SMTPRecipientRefused, to: str) -> bool:
        """Whether it is the recipient's address that was refused, for good or for now."""
        if said := _ENHANCED.match(error.message):
            return _OF_THE_RECIPIENT.match(said[0]) is not None
        if error.code not in _OF_THE_ADDRESS or _OF_US.search(error.message):
            return False
        if error.code < 500:
            return True
        if len(self._bare) < _IN_A_ROW:
            self._bare.add(to)
        return len(self._bare) < _IN_A_ROW
