"""Tell whether a mail server that refuses a recipient means the recipient, or us.

Most servers say only after the recipient's address that they do not want us at all (a relay that
does not know our network, a missing password). Then the mail must wait until an operator has seen
to it. Taken as the recipient's fault, it would be ended, and every other mail too.
"""

from __future__ import annotations

import re

from aiosmtplib import SMTPRecipientRefused

_ENHANCED = re.compile(r"[45]\.\d{1,3}\.\d{1,3}\b")
_OF_THE_RECIPIENT = re.compile(r"[45]\.(1\.(?![78]\b)|2\.|4\.4\b)")
"""Enhanced codes (RFC 3463) that blame the recipient's address (x.1, except for the sender's codes;
or no route to it) or mailbox (x.2). All others, x.7 above all, blame us: that passes."""
_OF_THE_ADDRESS = frozenset({450, 501, 550, 553, 556})
"""Codes that blame an address (RFC 5321, RFC 7504), if no enhanced code is given. By 551 most
servers mean that they do not relay for us."""
_OF_US = re.compile(
    r"\b(relay\w*|spf|dkim|dmarc|[he][eh]lo|sender\w*|(?:not|is) (?:allowed|permitted)|denied"
    r"|polic\w+|spam\w*|block\w*|black\W?list\w*|listed|reputation|auth\w*|reverse|ptr|rbl|dnsbl"
    r"|rcpthosts|your (?:ip|host|network|address))\b",
    re.IGNORECASE,
)
"""What servers say to a client they do not want, if no enhanced code is given."""
_IN_A_ROW = 3
"""After this many different recipients refused by a bare code, with none taken in between, it is
us. Nobody can know about those before."""


class Refusals:
    """Remembers what one server has refused since it last took a recipient."""

    def __init__(self) -> None:
        self._bare: set[str] = set()

    def taken(self) -> None:
        """Note that a recipient was taken: the server wants us."""
        self._bare.clear()

    def of_the_recipient(self, error: SMTPRecipientRefused, to: str) -> bool:
        """Return whether the recipient's address was refused, for good or for now."""
        if said := _ENHANCED.match(error.message):
            return _OF_THE_RECIPIENT.match(said[0]) is not None
        if error.code not in _OF_THE_ADDRESS or _OF_US.search(error.message):
            return False
        if error.code < 500:
            return True
        if len(self._bare) < _IN_A_ROW:
            self._bare.add(to)
        return len(self._bare) < _IN_A_ROW
