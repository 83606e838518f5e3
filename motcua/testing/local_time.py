"""Times as a person in Vietnam writes them: ``2024-03-04 08:00``."""

from __future__ import annotations

import re
from datetime import datetime

from contracts.values import to_utc_millis
from motcua.story_page import VIETNAM

_TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d{3})?)?")


def moment(text: str) -> datetime:
    """Return in UTC what a text like ``2024-03-04 08:00`` or ``2024-03-04 08:00:30`` means in
    Vietnam. Raise ValueError if it is no such text, or says its own offset."""
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} is no time in Vietnam like 2024-03-04 08:00")
    found = datetime.fromisoformat(text)
    return to_utc_millis(found.replace(tzinfo=VIETNAM))


def told(time: datetime) -> str:
    """Return the text of a time; seconds and their parts only if there are some."""
    local = time.astimezone(VIETNAM).replace(tzinfo=None)
    whole = "minutes" if not (local.second or local.microsecond) else "seconds"
    return local.isoformat(" ", whole if not local.microsecond else "milliseconds")
