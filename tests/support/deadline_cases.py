"""The language of tests/data/deadline_cases.toml: its times, budgets and facts, line by line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from contracts.catalogue import WorkflowRef, load_catalogue
from contracts.events import intake, routing, sla
from contracts.events.sla import Budget, ExemptionGround, TimeUnit
from contracts.model import EventData
from tests.support.facts import (
    AS_STANDARD,
    DELIVERED,
    DEMANDED,
    PROCEDURE,
    PROCESSED,
    RESUMED,
    RETURNED,
    STOPPED,
    UNIT,
    WITHDRAWN,
    answered,
    completed,
    consulted,
    handed_over,
    not_received,
    owed,
    paid,
    received,
    registered,
    routed,
    started,
)
from tests.support.times import VIETNAM

CATALOGUE = load_catalogue()


def in_vietnam(text: str) -> datetime:
    """A time like ``Mon 2024-03-04 08:00``. Refuses a wrong day of the week."""
    weekday, _, rest = text.strip().partition(" ")
    moment = datetime.fromisoformat(rest).replace(tzinfo=VIETNAM)
    assert moment.strftime("%a") == weekday, f"{text}: that day is a {moment:%a}"
    return moment.astimezone(UTC)


def spelled(moment: datetime | None) -> str:
    """A time as it is written in the file."""
    if moment is None:
        return "none"
    local = moment.astimezone(VIETNAM)
    return local.strftime("%a %Y-%m-%d %H:%M" + (":%S" if local.second else ""))


def worked(seconds: int) -> str:
    """Working time as it is written in the file: eight hours are a day."""
    days, rest = divmod(seconds, 8 * 3600)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "day" if days == 1 else "days"), (hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 h"


def budget(text: str) -> Budget:
    """A time like ``3 working days``."""
    amount, kind, unit = text.split()
    return Budget(amount=int(amount), unit=TimeUnit(f"{kind}-{unit.removesuffix('s')}s"))


class Line(NamedTuple):
    """One line of a case's events."""

    time: datetime
    entered: datetime
    data: EventData | Budget
    """A fact, a request of the head's, or what the procedure's standard time is from now on."""


_LINE = re.compile(r"(\w{3} \S+ \S+) (.+?)(?: \| entered (.+))?")
_CONSULTED = re.compile(r"consulted (?P<unit>\S+)(?: for (?P<time>.+))?")


def lines_of(case: dict[str, Any]) -> list[Line]:
    """The case's events in the order in which they were entered."""
    found: list[Line] = []
    handled = "nobody is competent" in case["events"]
    for text in case["events"].strip().splitlines():
        parts = _LINE.fullmatch(text.strip())
        assert parts is not None, f"no such line: {text}"
        time = in_vietnam(parts[1])
        entered = in_vietnam(parts[3]) if parts[3] else time
        found.append(Line(time, entered, fact_of(parts[2], case)))
        if parts[2].startswith("received") and not handled:
            found.append(Line(time, entered, _routed(case)))
    return sorted(found, key=lambda line: line.entered)


def fact_of(text: str, case: dict[str, Any]) -> EventData | Budget:
    """What a line's words say."""
    if text in _FACTS:
        return _FACTS[text]
    if text.startswith("the standard time becomes "):
        return budget(text.removeprefix("the standard time becomes "))
    word, _, rest = text.partition(" ")
    if word in ("received", "registered"):
        return _filed(word, rest.removeprefix("at ") or "H29.15", case)
    if text.startswith("handed over to "):
        unit = text.removeprefix("handed over to ")
        return handed_over(unit)
    if text.startswith("letter, new date "):
        due = in_vietnam(text.removeprefix("letter, new date "))
        return sla.ApologyRequested(reason="r", due=due)
    if text == "letter":
        return sla.ApologyRequested(reason="r")
    if text == "late foreseen":
        return sla.DelayForeseenRequested(reason="r")
    if text.startswith("exempt: "):
        ground = ExemptionGround(text.removeprefix("exempt: "))
        return sla.ExemptionRequested(ground=ground, reason="r")
    if (asked := _CONSULTED.fullmatch(text)) is not None:
        return consulted(asked["unit"], budget=budget(asked["time"]) if asked["time"] else None)
    if rest == "answered":
        return answered(word)
    if word == "step":
        name, what = rest.split()
        ordinal = steps_of(case).index(name)
        if what == "started":
            return started(ordinal, step=name)
        assert what == "done", text
        return completed(ordinal, step=name)
    raise AssertionError(f"nothing happens that is called {text!r}")


_FACTS: dict[str, EventData] = {
    "not received": not_received(),
    "withdrawn": WITHDRAWN,
    "supplement asked": DEMANDED,
    "supplement delivered": DELIVERED,
    "payment asked": owed(),
    "paid in part": paid(amount=100, outstanding=400),
    "paid": paid(amount=400, reference="p2"),
    "nobody is competent": routing.DossierUnroutable(reason="r"),
    "stopped": STOPPED,
    "resumed": RESUMED,
    "processed": PROCESSED,
    "returned": RETURNED,
}


def _filed(word: str, unit: str, case: dict[str, Any]) -> EventData:
    if word == "registered":
        return registered(case.get("procedure", PROCEDURE), unit)
    promise = intake.Promise(budget=budget(case["time"])) if "time" in case else AS_STANDARD
    return received(case.get("procedure", PROCEDURE), unit, promise=promise)


def _routed(case: dict[str, Any]) -> EventData:
    workflow, _, version = case.get("workflow", "one-step/1").partition("/")
    return routed(
        case.get("unit", UNIT),
        case.get("procedure", PROCEDURE),
        workflow,
        workflow_version=int(version),
        steps=steps_of(case),
    )


def steps_of(case: dict[str, Any]) -> tuple[str, ...]:
    workflow = WorkflowRef.parse(case.get("workflow", "one-step/1"))
    return tuple(step.name for step in CATALOGUE.workflows[workflow].steps)


def head_of(case: dict[str, Any]) -> str:
    return CATALOGUE.units[case.get("unit", "H29.15")].head
