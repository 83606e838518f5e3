"""Golden streams: what a test made of its dossiers, as text that a person reads and keeps.

A text tells each dossier as `motcua story` does, with each field of an event on its own line, so
that a difference names dossier, event and field. Ids and messages' wording are not in it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from motcua.story_page import story_lines
from motcua.testing.known import Known
from motcua.testing.local_time import told

_DOSSIER = re.compile(r"[A-Z]\S*-\d{6}-\w+|[A-Z]\w*(\.\w+)+")
"""A dossier's code, or a unit's: where the lines of a new one begin."""
_DAY = re.compile(r"\w{3} \d\d/\d\d/\d{4}")
_EVENT = re.compile(r"(\d\d:\d\d|  all) [^\d\s].*")
_FIELD = "      "
_STANDING = "Alerts that stand"
_TOLD = "Told to the citizen"


def golden_text(dossiers: Iterable[Known]) -> str:
    """Return the stream of these dossiers as text: their stories, then what stands in the end."""
    return "\n".join(line for dossier in dossiers for line in (*_lines(dossier), ""))


def _lines(dossier: Known) -> Iterator[str]:
    yield dossier.code
    lines = story_lines(dossier.events)
    for day, of_day in groupby(lines, key=lambda line: line.day):
        yield f"{day:%a %d/%m/%Y}"
        for line in of_day:
            yield f"{line.time or '  all'} {line.who} {line.what}"
            yield from (f"{_FIELD}{one}" for field in line.told for one in field.splitlines())
    yield _STANDING
    yield from (f"{_FIELD}{one.data.NAME} of {told(one.time)}" for one in dossier.standing)
    yield _TOLD
    yield from (f"{_FIELD}{name}" for name in dossier.messages)


class Place(NamedTuple):
    """A line of a golden text, and what it belongs to."""

    dossier: str
    event: str
    line: str


def parting(golden: str, now: str) -> str | None:
    """Return where two texts part, as a person would say it, and all differences; None if they
    are the same."""
    before, after = golden.splitlines(), now.splitlines()
    if before == after:
        return None
    at = next(
        (n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new),
        min(len(before), len(after)),
    )
    old, new = _place(before, at), _place(after, at)
    dossier, event = (new or old or Place("", "", ""))[:2]
    return "\n".join(
        [
            f"{dossier}{f', {event}' if event else ''}:",
            f"  golden: {old.line.strip() if old else 'nothing more'}",
            f"  now:    {new.line.strip() if new else 'nothing more'}",
            "",
            *_differences(before, after),
        ]
    )


def _place(lines: Sequence[str], at: int) -> Place | None:
    if at >= len(lines):
        return None
    dossier = day = event = ""
    for line in lines[: at + 1]:
        if _DOSSIER.fullmatch(line):
            dossier, day, event = line, "", ""
        elif _DAY.fullmatch(line):
            day, event = line, ""
        elif _EVENT.fullmatch(line) or line in (_STANDING, _TOLD):
            event = f"{day} {line}".strip() if _EVENT.fullmatch(line) else line.lower()
    return Place(dossier, event or day, lines[at])


def _differences(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    found = difflib.unified_diff(before, after, "golden", "now", n=4, lineterm="")
    yield from (line for line in found if not line.startswith("@@") or line == "@@")
