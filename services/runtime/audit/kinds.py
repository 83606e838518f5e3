"""What a link of the audit tells of, and what that is to those who watch over security."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """How bad it is, in the numbers of syslog (RFC 5424)."""

    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


class AuditKind(StrEnum):
    """What happened. Each is written as it stands here, for ever."""

    OPENED = "chain-opened"
    """A process began its chain: the first link of each."""
    CLOSED = "chain-closed"
    """It ended in good order: the last link. A process that was killed writes none."""
    READ = "read"
    """Somebody asked to see something, and was answered."""
    ASKED = "asked"
    """Somebody asks for a change: written before the change is asked for on the log."""
    ANSWERED = "answered"
    """What whoever asked for a change was answered."""
    LOST = "links-lost"
    """So many things were not written one by one, because too much came at once."""

    SIGN_IN_REFUSED = "sign-in-refused"
    FORGED_TOKEN = "forged-token"
    NOT_PERMITTED = "not-permitted"
    """Somebody who is signed in asked what they may not ask."""
    KEY_USED = "key-used"
    """A look-up key opened a dossier's page."""
    KEY_REFUSED = "key-refused"
    """Code and look-up key do not belong together."""
    GUESSING = "guessing"
    """Somebody tries too many keys, and is not compared any more."""
    SIGNATURE_REFUSED = "signature-refused"
    """A gateway's or a payment provider's message was not signed as it must be."""
    MASTER_KEY_USED = "master-key-used"
    """A command opened citizens' keys."""
    FOREIGN_FACT = "foreign-fact"
    """A fact stood on the log that its owner did not decide."""
    ANCHORED = "anchored"
    """The tips of all chains were written down outside."""
    BROKEN = "chain-broken"
    """A verification found that the audit is not as it was written."""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return _SEVERITIES.get(self, Severity.INFO)

    @property
    def is_security(self) -> bool:
        """Whether those who watch over security are told."""
        return self in _SEVERITIES

    @property
    def repeats(self) -> bool:
        """Whether anyone can cause any number of them: then they are counted, minute by minute."""
        return self in _REPEATS


_SEVERITIES = {
    AuditKind.LOST: Severity.ERROR,
    AuditKind.SIGN_IN_REFUSED: Severity.NOTICE,
    AuditKind.FORGED_TOKEN: Severity.ALERT,
    AuditKind.NOT_PERMITTED: Severity.WARNING,
    AuditKind.KEY_USED: Severity.INFO,
    AuditKind.KEY_REFUSED: Severity.NOTICE,
    AuditKind.GUESSING: Severity.WARNING,
    AuditKind.SIGNATURE_REFUSED: Severity.WARNING,
    AuditKind.MASTER_KEY_USED: Severity.NOTICE,
    AuditKind.FOREIGN_FACT: Severity.ALERT,
    AuditKind.ANCHORED: Severity.INFO,
    AuditKind.BROKEN: Severity.ALERT,
}
"""The security events, and how bad each is."""
_REPEATS = frozenset(
    {
        AuditKind.SIGN_IN_REFUSED,
        AuditKind.FORGED_TOKEN,
        AuditKind.NOT_PERMITTED,
        AuditKind.KEY_USED,
        AuditKind.KEY_REFUSED,
        AuditKind.GUESSING,
        AuditKind.SIGNATURE_REFUSED,
        AuditKind.FOREIGN_FACT,
    }
)
