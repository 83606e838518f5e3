"""The golden stream of many dossiers: a digest per unit and day, instead of each one's story."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from contracts.events import intake, routing
from contracts.model import Kind
from contracts.values import DOSSIER_CODE
from contracts.wire.envelope import Event
from motcua.story_page import Line, story_lines

_CODE = re.compile(DOSSIER_CODE)
_NOWHERE = "(not received)"


@dataclass
class _Day:
    """What was decided of a unit's dossiers on one day."""

    dossiers: set[str] = field(default_factory=set)
    names: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)


def golden_days(events: Iterable[Event]) -> str:
    """Return, per unit and day, how many facts of each type there are and a digest of what they
    say.

    A fact counts for the unit that had the dossier by then, and for the day in Vietnam. What was
    asked, and ids, are left out: two streams of the same facts have the same text.
    """
    of: defaultdict[str, dict[str, Event]] = defaultdict(dict)
    for event in events:
        if event.data.KIND is Kind.FACT and _CODE.fullmatch(event.subject):
            of[event.subject][event.id] = event
    days: defaultdict[tuple[str, date], _Day] = defaultdict(_Day)
    for code, known in of.items():
        facts = sorted(known.values(), key=lambda fact: fact.time)
        for unit, line in zip(_units(facts), story_lines(facts, everything=True), strict=True):
            day = days[unit, line.day]
            day.dossiers.add(code)
            day.names[f"{line.who} {line.what}"] += 1
            day.lines.append(_text(code, line))
    return "\n".join(_page(days)) + "\n"


def _units(facts: Sequence[Event]) -> Iterator[str]:
    unit = _NOWHERE
    for fact in facts:
        match fact.data:
            case intake.DossierReceived() | intake.DossierRegistered():
                unit = fact.data.receiving_unit
            case routing.DossierRouted():
                unit = fact.data.handling_unit
            case routing.DossierHandedOver():
                unit = fact.data.to_unit
            case _:
                pass
        yield unit


def _text(code: str, line: Line) -> str:
    return f"{code} {line.time} {line.who} {line.what} {line.about}"


def _page(days: dict[tuple[str, date], _Day]) -> Iterator[str]:
    before = None
    for (unit, at), day in sorted(days.items()):
        if unit != before:
            yield unit
            before = unit
        # The same moment has no order of its own.
        digest = sha256("\n".join(sorted(day.lines)).encode()).hexdigest()[:12]
        yield f"{at:%a %d/%m/%Y}"
        yield f"  all {day.names.total()} facts of {len(day.dossiers)} dossiers, {digest}"
        yield from (f"      {name} {count}" for name, count in sorted(day.names.items()))
