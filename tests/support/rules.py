"""The facts that give a dossier its deadline, and how often it was judged anew."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from contracts.model import EventData
from contracts.wire.envelope import Event, derive_id
from tests.support import facts
from tests.support.event import event
from tests.support.facts import received, routed
from tests.support.office import MARITAL_STATUS, WARD_UNIT
from tests.support.stage import Stage

VIETNAM = timedelta(hours=7)


def begun(
    code: str, at: datetime, procedure: str = MARITAL_STATUS, unit: str = WARD_UNIT
) -> list[Event]:
    """The facts that give a dossier its deadline."""
    route = routed(unit, procedure, "short", steps=("verify", "sign"))
    return [fact(code, at, received(procedure, unit)), fact(code, at, route)]


def fact(code: str, at: datetime, data: EventData) -> Event:
    return event(data, at, code, id=derive_id("test", code, data.TYPE))


def processed(code: str, at: datetime) -> Event:
    return fact(code, at, facts.processed(WARD_UNIT))


def day_of(time: datetime) -> date:
    """The day in Vietnam."""
    return (time.astimezone(UTC) + VIETNAM).date()


async def applied(stage: Stage) -> Counter[str]:
    """How often each dossier was judged anew, by what stands on the log; each id counts once."""
    return Counter(code for code, name, _ in await stage.facts() if name == "RulesApplied")
