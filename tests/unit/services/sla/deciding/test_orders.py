"""What sla announces is the same in every order of arrival, by whichever instance."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import intake
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.runtime.core.handle import set_due
from services.runtime.core.stored import from_document
from services.sla.dossier.state import Sla
from tests.support.event import CODE
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
    exempted,
    foreseen,
    handed_over,
    letter,
    received,
    routed,
)
from tests.support.properties import examples
from tests.support.rule_sets import WORLD
from tests.support.sla_clock import DECIDER, DUE, END, LETTER_BY, REMARK, Clock
from tests.support.times import at


class TestAnImportedDossier:
    def imported(self) -> Clock:
        clock = Clock(begin=False)
        clock.told(received(), at(4), history=True)
        clock.told(routed(), at(4), history=True)
        return clock

    def test_has_timers_of_its_own_time_so_that_nobodys_clock_fires_them(self) -> None:
        clock = self.imported()
        timer = DECIDER.timer(WORLD, clock.state)
        assert timer is not None
        assert timer.own_time
        set_due(DECIDER, WORLD, clock.stored)
        assert clock.stored.due is None

    def test_is_judged_by_its_own_events_as_history(self) -> None:
        clock = self.imported()
        clock.told(PROCESSED, at(12), history=True)
        assert clock.net[("DossierOverdue", DUE)] == 1
        assert all(e.history for e in clock.said)

    def test_follows_the_citys_clock_once_its_past_is_told(self) -> None:
        clock = self.imported()
        clock.told(intake.HistoryClosed(), at(5), history=True)
        assert not clock.state.history
        set_due(DECIDER, WORLD, clock.stored)
        assert clock.stored.due == LETTER_BY
        clock.passes(END)
        alerts = [e for e in clock.said if e.data.NAME in ("DossierSoonDue", "DossierOverdue")]
        assert [e.history for e in alerts] == [False, False]

    def test_is_not_history_again_when_sla_reads_what_it_said_about_the_past(self) -> None:
        other, clock = self.imported(), Clock(begin=False)
        for event in (
            Event("a", "/x", CODE, at(4), received(), history=True),
            Event("b", "/x", CODE, at(4), routed(), history=True),
            Event("c", "/x", CODE, at(5), intake.HistoryClosed(), history=True),
            *other.said,  # published by an instance that lost the partition then
        ):
            clock.stored.state = DECIDER.evolve(WORLD, clock.state, event)
        assert not clock.state.history


class TestOneWriterAfterAnother:
    def test_what_another_instance_announced_is_not_announced_again(self) -> None:
        first = Clock()
        first.passes(at(8))
        second = Clock(begin=False)
        events = [
            Event("e-1", "/x", CODE, at(4), received()),
            Event("e-2", "/x", CODE, at(4), routed()),
        ]
        for event in events:
            second.stored.state = DECIDER.evolve(WORLD, second.state, event)
        for event in first.said:
            second.heard(event)
        assert second.kept == first.net
        assert second.passes(END) == []

    def test_a_state_that_went_through_the_database_goes_on_the_same(self) -> None:
        kept, fresh = Clock(), Clock()
        for clock in (kept, fresh):
            clock.told(STOPPED, at(5))
        kept.stored = from_document(kept.stored.document(), Sla)
        for clock in (kept, fresh):
            clock.told(RESUMED, at(6))
            clock.passes(END)
        assert [e.id for e in kept.said] == [e.id for e in fresh.said]
        assert kept.state == fresh.state


def _stories() -> dict[str, list[tuple[datetime, EventData]]]:
    begin = [(at(4), received()), (at(4), routed()), (at(4, "08:30"), REMARK)]
    return {
        "a pause that is entered late": [*begin, (at(5), DEMANDED), (at(6), DELIVERED)],
        "processed in time, after a pause": [
            *begin,
            (at(5), DEMANDED),
            (at(7), DELIVERED),
            (at(8, "15:00"), PROCESSED),
            (at(11), RETURNED),
        ],
        "late by a day": [*begin, (at(5), OWED), (at(5, "10:00"), PAID), (at(11), PROCESSED)],
        "a pause at the very due time": [*begin, (DUE, STOPPED), (at(12), RESUMED)],
        "pauses within pauses": [
            *begin,
            (at(5), DEMANDED),
            (at(5, "10:00"), STOPPED),
            (at(6), DELIVERED),
            (at(7), RESUMED),
            (at(12), PROCESSED),
        ],
        "a pause after the breach": [*begin, (at(12), STOPPED), (at(14), RESUMED)],
        "withdrawn while it waits": [
            *begin,
            (at(6, "09:00"), DEMANDED),
            (at(13), WITHDRAWN),
        ],
        "foreseen, and late all the same": [
            *begin,
            (at(5), foreseen()),
            (at(5, "16:00"), letter(DUE, at(8))),
            (at(12), PROCESSED),
        ],
        "foreseen, and finished in time": [
            *begin,
            (at(5), foreseen()),
            (at(5, "10:00"), DEMANDED),
            (at(6, "10:00"), DELIVERED),
            (at(7, "16:00"), PROCESSED),
        ],
        "foreseen twice in a pause, with a letter that gives no date": [
            *begin,
            (at(5), STOPPED),
            (at(5, "09:00"), foreseen()),
            (at(5, "10:00"), letter(DUE, None)),
            (at(6), RESUMED),
            (at(6, "09:00"), foreseen()),
        ],
        "a letter after the end": [
            *begin,
            (at(11), PROCESSED),
            (at(13), letter(DUE, None, in_time=False)),
        ],
        "exempt, although it was foreseen": [
            *begin,
            (at(5), foreseen()),
            (at(6, "10:00"), exempted()),
            (at(11), PROCESSED),
        ],
        "handed over to a unit with other hours": [
            *begin,
            (
                at(5),
                handed_over("H29.1"),
            ),
            (at(6), STOPPED),
            (at(9, "10:00"), RESUMED),
        ],
    }


STORIES = _stories()


@pytest.mark.parametrize("name", STORIES)
@examples(0.6)
@given(data=st.data())
def test_the_net_alerts_and_the_assessment_are_the_same_in_every_order(
    name: str, data: st.DataObject
) -> None:
    events = [
        Event(f"e-{number}", "/x", CODE, time, fact)
        for number, (time, fact) in enumerate(STORIES[name])
    ]

    def run(order: list[Event]) -> Clock:
        clock = Clock(begin=False)
        for event in order:
            clock.heard(event)
        clock.passes(END)
        return clock

    straight, shuffled = run(events), run(data.draw(st.permutations(events)))
    assert shuffled.all_net == straight.all_net
    assert max(straight.all_net.values(), default=1) == 1
    assert shuffled.all_kept == shuffled.all_net
    assert shuffled.state.assessment == straight.state.assessment
    assert shuffled.state.marks == straight.state.marks
    assert shuffled.state.span == straight.state.span
    assert shuffled.state.unit == straight.state.unit
    if straight.assessment.due is not None and straight.state.span.ended_at is None:
        assert shuffled.state.due_told == straight.state.due_told == straight.assessment.due


@pytest.mark.parametrize("name", STORIES)
@examples(0.3)
@given(data=st.data())
def test_time_that_passes_between_facts_makes_no_difference_in_the_end(
    name: str, data: st.DataObject
) -> None:
    story = STORIES[name]
    plain, ticked = Clock(begin=False), Clock(begin=False)
    for time, fact in story:
        plain.told(fact, time)
    for time, fact in data.draw(st.permutations(story)):
        ticked.told(fact, time)
        ticked.passes(
            data.draw(st.datetimes(datetime(2024, 3, 4), datetime(2024, 3, 29))).replace(tzinfo=UTC)
        )
    for clock in (plain, ticked):
        clock.passes(END)
    assert ticked.all_net == ticked.all_kept == plain.all_net
