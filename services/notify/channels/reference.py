"""A message's reference for a provider, which later says by it what became of the message."""

from __future__ import annotations

import re

from contracts.events.notify import CHANGE_SUBJECT, UNIT_DAY
from contracts.values import DOSSIER_CODE

HEADER = "X-Motcua-Reference"
"""The header for it in a mail; a bounce returns it with the other headers. The Message-ID has the
message's id alone: repetitions are recognised by that."""
_SUBJECT = re.compile(f"{DOSSIER_CODE}|{UNIT_DAY}|{CHANGE_SUBJECT}")
_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def reference(subject: str, message_id: str) -> str:
    """Return the message's subject, a colon, and its id."""
    return f"{subject}:{message_id}"


def subject_and_id(said: str) -> tuple[str, str]:
    """Return a message's subject and id. Raise ValueError if the reference is none of ours."""
    subject, _, message_id = said.partition(":")
    if not _SUBJECT.fullmatch(subject) or not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("the reference is none of ours")
    return subject, message_id
