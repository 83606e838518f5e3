"""What the local gateway accepted: one JSON line per message, written before it was answered.

This ledger decides what was accepted: a message without a line never was, and one with two lines
was accepted twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class AcceptedMessage:
    """One accepted message. Field names are those of the ledger's JSON."""

    time: str
    """When it was accepted, RFC 3339 in UTC."""
    id: str
    """The gateway's own name for the message."""
    channel: str
    """``sms`` or ``zalo``."""
    to: str
    text: str
    parts: int
    reference: str
    """The sender's name for the message."""
    key: str
    """The idempotency key."""
    receipts: str | None = None
    """Where its delivery receipt should go; None if nobody asked for one."""

    def to_line(self) -> bytes:
        """Return the line of the ledger, newline included."""
        return json.dumps(asdict(self), ensure_ascii=False).encode() + b"\n"


def now() -> str:
    """Return the present time as the ledger and the receipts write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_accepted_messages(path: Path) -> Iterator[AcceptedMessage]:
    """Yield the accepted messages in the order of their acceptance; none if there is no ledger.

    A last line without its newline was never answered for and is left out.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield AcceptedMessage(**json.loads(line))
