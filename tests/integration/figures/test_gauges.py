"""The gauges of open dossiers, counted by the database as the states say."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from contracts.catalogue import load_catalogue
from contracts.events import routing
from contracts.events.sla import AlertKind
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Stored
from services.runtime.mongo.store import Store
from services.shared.open_dossiers import OPEN
from services.shared.working_time import WORKING_DAY
from services.sla.deciding.decider import SlaDecider
from services.sla.dossier.state import Alert, EnteredLate, LetterStanding, Sla
from services.sla.figures.gauges import count
from tests.support import facts
from tests.support.office import WARD_UNIT
from tests.support.rule_sets import WORLD
from tests.support.rules import begun, fact, processed
from tests.support.stage import MORNING, code_of

pytestmark = pytest.mark.integration

DECIDER = SlaDecider()


@pytest.fixture
async def store(mongo: Any) -> AsyncIterator[Store[Sla]]:
    name = f"gauges_{uuid.uuid4().hex[:10]}"
    store = Store(mongo[name]["dossiers"], Sla, OPEN)
    await store.prepare()
    yield store
    await mongo.drop_database(name)


def dossiers() -> list[Stored[Sla]]:
    """One of each sort, for every procedure and for one that the catalogue lacks."""
    found: list[Stored[Sla]] = []
    for procedure in [*load_catalogue().procedures, "9.999999"]:
        whole = begun("", MORNING, procedure)
        unpromised = fact("", MORNING, facts.received(procedure, WARD_UNIT, promise=None))
        nobody = fact("", MORNING, routing.DossierUnroutable(reason="r"))
        for story in (
            whole,
            [*whole, fact("", MORNING, facts.STOPPED)],
            [*whole, processed("", MORNING)],
            whole[:1],
            whole[1:],
            [msgspec.structs.replace(event, history=True) for event in whole],
            [whole[0], nobody],
            [unpromised, whole[1]],
        ):
            stored: Stored[Sla] = Stored(code_of(len(found)), len(found) % 3, Sla())
            for told in story:
                handle(DECIDER, WORLD, stored, told)
            found.append(stored)
    return found


def happens(number: int, stored: Stored[Sla]) -> None:
    """Time passes, and some get a letter, an alert of an older release, or a late entry."""
    fire_timers(DECIDER, WORLD, stored, MORNING + timedelta(days=number % 11))
    if number % 3 == 0:
        written = MORNING + timedelta(hours=1 if number % 2 else 300)
        handle(DECIDER, WORLD, stored, fact("letter", written, facts.letter(written, None)))
    if number % 5 == 0:
        old = Alert(MORNING, "old", AlertKind.APOLOGY_OWED, MORNING)
        stored.state = msgspec.structs.replace(stored.state, alerts=(*stored.state.alerts, old))
    if number % 3:
        late = EnteredLate(MORNING, "e", MORNING, WORKING_DAY + number % 2)
        stored.state = msgspec.structs.replace(stored.state, entered_late=(late,))
    set_due(DECIDER, WORLD, stored)


async def test_they_count_what_the_states_say_of_the_partitions_asked_for(
    store: Store[Sla],
) -> None:
    everything = dossiers()
    for number, stored in enumerate(everything):
        happens(number, stored)
    await store.persist(everything)
    assert any(s.state.late for s in everything)
    assert any(s.state.unjudged for s in everything)
    assert {s.state.letter_standing for s in everything if s.state.late} >= set(LetterStanding)
    assert any(s.state.handlers and not s.state.handlers[-1].unit for s in everything)
    for partitions in ({0, 1, 2}, {1}, set[int]()):
        found = await count(store.collection, partitions)
        assert {name: sum(of_units.values()) for name, of_units in found.items()} == by_hand(
            [s.state for s in everything if s.partition in partitions]
        )


def by_hand(states: list[Sla]) -> dict[str, int]:
    mine = [s for s in states if s.span.received_at and not s.span.ended_at]
    standing = [{a.meant for a in s.alerts if not a.retracted} for s in mine]
    return {
        "open": len(mine),
        "soon_due": sum(
            AlertKind.SOON_DUE in kinds and AlertKind.OVERDUE not in kinds for kinds in standing
        ),
        "overdue": sum(state.late for state in mine),
        **{
            f"letter_{each.name.lower()}": sum(
                state.late and state.letter_standing is each for state in mine
            )
            for each in (LetterStanding.IN_TIME, LetterStanding.LATE)
        },
        "late_without_letter": sum(state.letter_missing for state in mine),
        "last_call": sum(
            AlertKind.LAST_CALL in kinds and not state.letters and not state.late
            for kinds, state in zip(standing, mine, strict=True)
        ),
        "letters_owed": sum(
            AlertKind.APOLOGY_OWED in kinds and not state.letters
            for kinds, state in zip(standing, mine, strict=True)
        ),
        "unjudged": sum(state.unjudged is not None for state in mine),
        "unrouted": sum(bool(s.handlers) and not s.handlers[-1].unit for s in mine),
        "entered_late": sum(
            any(one.seconds > WORKING_DAY for one in state.entered_late) for state in mine
        ),
    }
