"""A security event as those who watch over security read it: as syslog (RFC 5424), or as JSON.

Both name the link that it is (chain and number): who gets one twice can tell. Pure.
"""

from __future__ import annotations

import msgspec

from contracts.version import VERSION
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import Link

_AUDIT = 13
"""Syslog's facility "log audit"."""
ENTERPRISE = 32473
"""The number that stands for anybody's in documentation (RFC 5612), until a city tells its own."""
_LONGEST = {"host": 255, "app": 48, "process": 128, "id": 32}
_BOM = b"\xef\xbb\xbf"
_ESCAPED = str.maketrans({'"': r"\"", "\\": r"\\", "]": r"\]"})


def syslog(link: Link, host: str, enterprise: int = ENTERPRISE) -> bytes:
    """Return the event as a message of RFC 5424, without framing.

    `host`: the name of the machine that sends it. PROCID is the chain: it changes with the process.
    """
    priority = _AUDIT * 8 + link.kind.severity
    header = " ".join(
        (
            f"<{priority}>1",
            link.time,
            _printable(host, _LONGEST["host"]),
            _printable(f"motcua-{link.service}", _LONGEST["app"]),
            _printable(link.chain, _LONGEST["process"]),
            _printable(link.kind, _LONGEST["id"]),
        )
    )
    told = "".join(f' {name}="{_value(value)}"' for name, value in _told(link))
    data = f'[motcua@{enterprise}{told}][origin software="motcua" swVersion="{_value(VERSION)}"]'
    text = sentence(link)
    # Text beyond ASCII is UTF-8, and says so by its first bytes.
    mark = b"" if text.isascii() else _BOM
    return f"{header} {data} ".encode() + mark + text.encode()


def octet_counted(message: bytes) -> bytes:
    """Return a message as it goes over a stream (RFC 6587, 5425): its length, then itself."""
    return b"%d %b" % (len(message), message)


def json_line(link: Link) -> bytes:
    """Return the event as a line of JSON, with its severity in syslog's words."""
    told = {
        "time": link.time,
        "severity": link.kind.severity.name.lower(),
        "event": link.kind,
        **{name: value for name, value in _told(link) if name != "event"},
        "message": sentence(link),
    }
    return msgspec.json.encode(told) + b"\n"


def sentence(link: Link) -> str:
    """Return what happened, in words."""
    said = _SENTENCES[link.kind]
    for part, value in (
        ("who", link.who),
        ("from", link.address),
        ("at", link.request),
        ("of", link.dossier),
        ("reason", link.reason),
    ):
        if value:
            said += f"; {part}: {value}"
    return said if link.times == 1 else f"{said} ({link.times} times)"


_SENTENCES = {
    AuditKind.LOST: "Entries of the audit were only counted, as too much came at once",
    AuditKind.SIGN_IN_REFUSED: "Somebody who was not signed in was refused",
    AuditKind.FORGED_TOKEN: "A token was not the identity provider's",
    AuditKind.NOT_PERMITTED: "Somebody asked what they may not ask",
    AuditKind.KEY_USED: "A look-up key was used",
    AuditKind.KEY_REFUSED: "A dossier code and a look-up key do not belong together",
    AuditKind.GUESSING: "Somebody guesses look-up keys, and is not compared any more",
    AuditKind.SIGNATURE_REFUSED: "A provider's message was not signed as it must be",
    AuditKind.MASTER_KEY_USED: "A command opened citizens' keys",
    AuditKind.FOREIGN_FACT: "A fact stood on the log that its owner did not decide",
    AuditKind.ANCHORED: "The audit was anchored",
    AuditKind.BROKEN: "The audit is not as it was written",
}


def _told(link: Link) -> list[tuple[str, str | int]]:
    said: list[tuple[str, str | int]] = [
        ("event", str(link.kind)),
        ("service", link.service),
        ("chain", link.chain),
        ("number", link.number),
        ("who", link.who),
        ("roles", ",".join(link.roles)),
        ("unit", link.unit),
        ("from", link.address),
        ("request", link.request),
        ("dossier", link.dossier),
        ("object", link.object),
        ("status", link.status),
        ("reason", link.reason),
        ("times", link.times),
    ]
    return [(name, value) for name, value in said if value not in ("", 0) or name == "number"]


def _printable(text: str, longest: int) -> str:
    """Return a header field: printable ASCII without blanks, or the mark for none."""
    return "".join(c for c in text if "!" <= c <= "~")[:longest] or "-"


def _value(value: str | int) -> str:
    return str(value).translate(_ESCAPED)
