"""A history that is corrected comes to what it would have been, had it been told so at first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import load_catalogue
from contracts.events import intake, notify, routing, sla
from contracts.model import EventData
from contracts.values import to_utc_millis
from contracts.wire.envelope import Event, derive_id
from motcua.deciders import all_deciders
from services.intake.imports import correction as corrections
from services.intake.imports.correction import Correction, NotCorrectable, standard_of
from services.intake.imports.told_before import Told, contents_of
from services.notify.dossier.policy import Policy
from services.notify.quiet_hours import VIETNAM
from services.runtime.testing import InProcess
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
    handed_over,
    received,
    registered,
    routed,
    started,
    working_days,
)

CATALOGUE = load_catalogue()
CODE = "H29.15-240304-0001"
SERVICES = ("intake", "routing", "sla", "notify")
MONDAY = datetime(2024, 3, 4, 8, tzinfo=VIETNAM)
END = MONDAY + timedelta(days=60)

RECEIVED = received(promise=intake.Promise(budget=working_days(3), basis="TTHC 1.004194"))
BEGIN: tuple[EventData, ...] = (RECEIVED, routed(steps=("s0", "s1")))
REASSIGNED = routing.StepReassigned(step="s0", ordinal=0, lead="cb-7", by="head")
REMARK = intake.RemarkRecorded(activity="a telephone call")
LATER: tuple[EventData, ...] = (
    *(started(0), completed(0), started(1), completed(1), REASSIGNED, handed_over("H29.1")),
    *(consulted("H29.6", days=1), answered("H29.6"), DEMANDED, DELIVERED, OWED, PAID),
    *(STOPPED, RESUMED, REMARK, PROCESSED, RETURNED, WITHDRAWN),
)


def at(hours: int) -> datetime:
    return to_utc_millis(MONDAY + timedelta(hours=hours))


Line = tuple[int, EventData]


def history(*lines: Line, begin: Sequence[EventData] = BEGIN) -> list[Event]:
    """The facts of a history as an import tells them: by hours from Monday 8:00."""
    told = [(0, data) for data in begin] + list(lines)
    facts = [
        Event(derive_id("row", n), "/import/old", CODE, at(hour), data, history=True)
        for n, (hour, data) in enumerate(told)
    ]
    last = max(hour for hour, _ in told)
    close = derive_id("close", *(fact.id for fact in facts))
    closed = Event(close, "/import/old", CODE, at(last), intake.HistoryClosed(), history=True)
    return [*facts, closed]


ENTERED = datetime(2026, 3, 2, tzinfo=UTC)


def correction_of(facts: Sequence[Event], before: Told) -> Correction:
    """The correction that is entered when all of these tests import."""
    return corrections.correction_of(facts, before, ENTERED)


def known_of(facts: Sequence[Event]) -> Told:
    """What the importer notes of a case that it tells at first."""
    return Told(contents_of(facts, ENTERED), CODE, standard=standard_of(facts))


class City:
    """Four services in one process, told about one dossier."""

    def __init__(self) -> None:
        self.inside = InProcess(all_deciders(Policy(CATALOGUE)))

    def hears(self, facts: Sequence[Event]) -> City:
        for fact in facts:
            self.inside.feed([fact])
        return self

    def state(self, service: str) -> Any:
        return self.inside.states[service][CODE].state

    @property
    def known(self) -> dict[str, Any]:
        """What the services know and say, but for ids and for how they came to it."""
        self.inside.tick(END)
        found = {
            f"{service}.{name}": value
            for service in SERVICES
            for name, value in plain(self.state(service)).items()
        }
        alerts = [a for a in self.state("sla").alerts if not a.retracted]
        net = Counter((a.kind, a.at, a.about) for a in alerts)
        assert max(net.values(), default=1) == 1
        deadlines = self.state("sla").deadlines
        return found | {
            "alerts": net,
            "breaches": sorted(self.state("notify").overdue.values()),
            "first due time": deadlines[0].due if deadlines else None,
        }

    def is_as(self, other: City) -> None:
        """Assert that both know and say the same."""
        mine, theirs = self.known, other.known
        assert {k: v for k, v in mine.items() if theirs[k] != v} == {
            k: v for k, v in theirs.items() if mine[k] != v
        }

    def planned(self) -> list[str]:
        messages = [event.data for event in self.inside.elsewhere]
        return [m.template for m in messages if isinstance(m, notify.MessagePlanned)]


_ROAD = {
    *("replaced", "told_until", "alerts", "retracted", "deadlines", "messages", "notices"),
    *("gathered", "alerted", "overdue", "taken_back", "breach_taken_back"),
}
"""By which way a state was come to; alerts and deadlines are compared by themselves."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?")


def plain(state: Any) -> dict[str, Any]:
    told = msgspec.json.encode({k: v for k, v in _fields(state).items() if k not in _ROAD})
    found: dict[str, Any] = msgspec.json.decode(_ID.sub("*", told.decode()))
    return found


def _fields(state: Any) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__struct_fields__}


lines = st.lists(
    st.tuples(st.integers(1, 200), st.sampled_from(LATER)),
    max_size=8,
    unique_by=lambda line: line[0],
).map(lambda found: sorted(found, key=lambda line: line[0]))
begins = st.sampled_from(
    [
        BEGIN,
        (RECEIVED,),
        (registered(), *BEGIN),
        (received(promise=intake.Promise(due=at(30)), returning_unit="H29.1"), BEGIN[1]),
        (RECEIVED.model_copy(update={"promise": None}), routed("H29.1", steps=("s0", "s1"))),
    ]
)
histories = st.builds(lambda more, begin: history(*more, begin=begin), lines, begins)
LIVE = (DEMANDED, handed_over("H29.1"), started(1), completed(0), PROCESSED, STOPPED)
lives = st.lists(
    st.tuples(st.integers(201, 400), st.sampled_from(LIVE)),
    max_size=3,
    unique_by=lambda line: line[0],
).map(lambda found: sorted(found, key=lambda line: line[0]))


def lived(found: Sequence[Line]) -> list[Event]:
    """What the city decided itself."""
    return [
        Event(derive_id("live", n), "/motcua/x", CODE, at(hour), data)
        for n, (hour, data) in enumerate(found)
    ]


@given(first=histories, second=histories, live=lives)
def test_a_corrected_city_is_as_one_that_was_told_the_truth_at_first(
    first: list[Event], second: list[Event], live: list[Line]
) -> None:
    correction = correction_of(second, known_of(first))
    corrected = City().hears(first).hears(lived(live)).hears(correction.events)
    corrected.is_as(City().hears(second).hears(lived(live)))


@given(first=histories, second=histories, data=st.data())
def test_what_is_corrected_may_come_before_or_after_its_correction(
    first: list[Event], second: list[Event], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(first))
    cut = data.draw(st.integers(0, len(first)))
    correction = correction_of(second, known_of(first))
    city = City().hears(shuffled[:cut]).hears(correction.events).hears(shuffled[cut:])
    city.is_as(City().hears(second))


@given(first=histories, second=histories, third=histories)
def test_a_correction_is_corrected_and_one_that_comes_again_changes_nothing(
    first: list[Event], second: list[Event], third: list[Event]
) -> None:
    once = correction_of(second, known_of(first))
    twice = correction_of(third, once.told)
    back = correction_of(second, twice.told)
    assert correction_of(second, known_of(first)) == once
    city = City().hears(first).hears([*once.events, *once.events, *twice.events])
    city.is_as(City().hears(third))
    city.hears([*back.events, *once.events]).is_as(City().hears(second))


@given(first=histories, sent=histories, second=histories, data=st.data())
def test_a_correction_that_was_begun_and_never_confirmed_leaves_nothing(
    first: list[Event], sent: list[Event], second: list[Event], data: st.DataObject
) -> None:
    begun = correction_of(sent, known_of(first)).events
    part = begun[: data.draw(st.integers(0, len(begun)))]
    before = known_of(first)._replace(begun=tuple(event.id[:13] for event in begun))
    city = City().hears(first).hears(part).hears(correction_of(second, before).events)
    city.is_as(City().hears(second))


class TestWhatIsSaid:
    def late(self) -> City:
        """Received on Monday 8:00 with three working days, and open: late on Thursday 8:00."""
        city = City().hears(history())
        city.inside.tick(MONDAY + timedelta(days=4))
        assert "overdue" in city.planned()
        return city

    def test_a_breach_that_a_correction_shows_to_be_wrong_is_retracted_and_the_citizen_told(
        self,
    ) -> None:
        city = self.late()
        right = history((24, DEMANDED), (96, DELIVERED))
        city.hears(correction_of(right, known_of(history())).events)
        (gone,) = [
            e.data
            for e in city.inside.log
            if isinstance(e.data, sla.AlertRetracted) and e.data.alert == "DossierOverdue"
        ]
        assert gone.cause is sla.RetractionCause.MOVED
        assert city.planned().count("retracted") >= 1

    def test_a_breach_that_stands_is_not_taken_back_in_between(self) -> None:
        city = self.late()
        right = history((1, REMARK), (200, REMARK))
        city.hears(correction_of(right, known_of(history())).events)
        said = [type(e.data) for e in city.inside.log]
        assert said.count(sla.DossierOverdue) == 1
        assert sla.AlertRetracted not in said

    def test_the_promise_is_announced_anew(self) -> None:
        wrong = history(
            begin=(RECEIVED.model_copy(update={"promise": intake.Promise(due=at(30))}), BEGIN[1])
        )
        city = City().hears(wrong).hears(correction_of(history(), known_of(wrong)).events)
        said = [e.data.due for e in city.inside.log if isinstance(e.data, sla.DeadlineSet)]
        assert said == [at(30), at(72)]
        assert city.state("notify").original_due == at(72)


class TestTheCorrection:
    def test_names_all_that_was_told_and_causes_what_is_told_now(self) -> None:
        first = history((24, DEMANDED))
        events = correction_of(history((24, REMARK)), known_of(first)).events
        assert isinstance(events[0].data, intake.HistoryCorrected)
        assert events[0].data.replaced == tuple(sorted(e.id[:13] for e in first[:-1]))
        assert events[0].time == at(0)
        assert {event.cause for event in events[1:]} == {events[0].id}
        assert not {event.id for event in events} & {event.id for event in first}

    def test_keeps_a_standard_time_that_the_catalogue_has_changed_since(self) -> None:
        now = RECEIVED.model_copy(update={"promise": intake.Promise(budget=working_days(1))})
        second = history((24, DEMANDED), begin=(now, BEGIN[1]))
        events = correction_of(second, known_of(history())).events
        assert events[1].data == RECEIVED

    def test_takes_the_standard_time_of_another_procedure(self) -> None:
        other = RECEIVED.model_copy(
            update={"procedure": "1.000894", "promise": intake.Promise(budget=working_days(1))}
        )
        second = history(begin=(other, BEGIN[1]))
        assert correction_of(second, known_of(history())).events[1].data == other

    @pytest.mark.parametrize(
        ("code", "why"), [(None, "did not keep its code"), ("H29.15-240301-0001", "another day")]
    )
    def test_is_refused_where_the_dossier_is_another(self, code: str | None, why: str) -> None:
        before = known_of(history())._replace(code=code)
        with pytest.raises(NotCorrectable, match=why):
            correction_of(history((1, REMARK)), before)
