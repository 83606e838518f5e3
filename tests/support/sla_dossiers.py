"""Dossiers for tests: told by hand, or made of random facts that come in a random order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from contracts.events.sla import ExemptionGround
from contracts.model import EventData
from services.runtime import World
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.sla.clock.ledger import Ledger, ledger
from services.sla.clock.terms import Terms
from services.sla.deciding.decider import SlaDecider, judging
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Sla
from tests.support.event import CODE, event
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    OWED,
    PAID,
    PROCESSED,
    RESUMED,
    RETURNED,
    STOPPED,
    WITHDRAWN,
    answered,
    completed,
    consulted,
    exempted,
    foreseen,
    handed_over,
    letter,
    received,
    routed,
    started,
)
from tests.support.rule_sets import WORLD, changed, world
from tests.support.times import vietnam

READINGS = (
    ("eight-hours", "closing"),
    ("same-time", "closing"),
    ("end-of-day", "closing"),
    ("eight-hours", "midnight"),
)
UNITS = ("H29.15", "H29.1", "H29.101", "H29.3", "Z9")
"""The second works on Saturdays too; the last is in nobody's catalogue."""
PROCEDURES = {
    "1.001193": "one-step",
    "1.004194": "residence",
    "1.012812": "inter-agency",
    "9.9": "standard",
}
"""Eight hours, three working days, thirty days, and one that the catalogue lacks."""


DECIDER = SlaDecider()


@cache
def reading(working_days: str = "eight-hours", days_end: str = "closing") -> World:
    """The product's rules, with the law's words read in this way."""
    hours = "office_hours.toml"
    return world(
        changed(
            (hours, 'working_days = "eight-hours"', f'working_days = "{working_days}"'),
            (hours, 'days_end = "closing"', f'days_end = "{days_end}"'),
        )
    )


class Dossier(NamedTuple):
    """A dossier as sla keeps it, and the rules that it is judged by."""

    state: Sla
    world: World

    @property
    def rules(self) -> Rules:
        return judging(self.world, self.state)

    @property
    def terms(self) -> Terms:
        assert self.state.procedure is not None
        return self.rules.terms(self.state)

    def ledger(self, at: datetime) -> Ledger:
        """Its ledger; it must have been received by then."""
        found = ledger(self.state, self.terms, at)
        assert found is not None
        return found


def told(
    facts: Sequence[tuple[datetime, EventData]],
    world: World = WORLD,
    until: datetime | None = None,
) -> Dossier:
    """The dossier that these facts make in this order of arrival, timers fired up to `until`."""
    stored: Stored[Sla] = Stored(CODE, 0, DECIDER.initial(CODE))
    for number, (time, data) in enumerate(facts):
        handle(DECIDER, world, stored, event(data, time, id=f"e-{number}-{data.NAME}"))
    if until is not None:
        fire_timers(DECIDER, world, stored, until)
    return Dossier(stored.state, world)


_units = st.sampled_from(UNITS)
_ends = st.sampled_from((PROCESSED, WITHDRAWN, RETURNED))
_happenings: st.SearchStrategy[EventData] = st.one_of(
    st.sampled_from((DEMANDED, DELIVERED, OWED, PAID, STOPPED, RESUMED)),
    st.sampled_from((DEMANDED, DELIVERED, OWED, PAID, STOPPED, RESUMED)),
    _units.map(handed_over),
    st.builds(consulted, _units, st.sampled_from((None, 1, 3))),
    _units.map(answered),
    st.sampled_from(ExemptionGround).map(exempted),
    st.just(foreseen()),
)
BEGIN = vietnam("2024-01-30 06:30")
"""A few working days before Tết."""


@st.composite
def dossiers(draw: st.DrawFn) -> tuple[Dossier, datetime]:
    """A dossier of random facts, and a moment to ask about that is not before its reception.

    Most facts happen within the days of a short procedure; some weeks later; some before the
    reception. Whatever they are, they arrive in a random order.
    """
    procedure, workflow = draw(st.sampled_from(sorted(PROCEDURES.items())))
    moments = st.one_of(
        st.integers(0, 5 * 86_400_000), st.integers(-86_400_000, 60 * 86_400_000)
    ).map(lambda millis: BEGIN + timedelta(milliseconds=millis))
    begin = BEGIN + timedelta(milliseconds=draw(st.integers(0, 3 * 86_400_000)))
    facts: list[tuple[datetime, Any]] = [
        (begin, received(procedure, draw(_units))),
        (draw(st.sampled_from((begin, draw(moments)))), routed(draw(_units), procedure, workflow)),
    ]
    facts += draw(st.lists(st.tuples(moments, _happenings), max_size=10))
    facts += draw(st.lists(st.tuples(moments, _ends), max_size=1))
    for ordinal in range(draw(st.integers(0, 3))):
        facts += [(draw(moments), started(ordinal)), (draw(moments), completed(ordinal))]
    for previous, due in draw(st.lists(st.tuples(moments, st.none() | moments), max_size=2)):
        facts.append((draw(moments), letter(previous, due)))
    at = max(begin, draw(moments), *draw(st.sampled_from(([], [time for time, _ in facts]))), begin)
    world = reading(*draw(st.sampled_from(READINGS)))
    return told(draw(st.permutations(facts)), world, draw(st.none() | st.just(at))), at
