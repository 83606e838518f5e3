"""What sla makes of facts that cannot be right: it answers, or says what is wrong; it never stops.

Records go through the engine's own `pick` and `decide`. Times are Vietnam's. On a procedure of
three working days, received on Monday 4 March 2024 at 8:00 and due on Thursday at 8:00.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import permutations
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from contracts.catalogue import load_catalogue
from contracts.events import routing
from contracts.model import EventData
from contracts.rules import RulesError, sample_rules
from contracts.wire.codec import Fault, Record, encode
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, dead_letters
from services.runtime import Timer
from services.runtime.core.batch import decide, pick
from services.runtime.core.dead_letter import DeadLetter, read_dead_letter
from services.runtime.core.decided import Decided
from services.runtime.core.handle import fire_timers, set_due
from services.runtime.core.stored import Stored
from services.sla.deciding.rules import TimerKind
from services.sla.dossier.state import Assessment, Sla, Unjudged
from services.sla.http.view import view
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
    answered,
    completed,
    consulted,
    exempted,
    handed_over,
    letter,
    received,
    routed,
    started,
)
from tests.support.rule_sets import WORLD, changed, rule_set, world
from tests.support.sla_dossiers import DECIDER
from tests.support.times import at, vietnam

OTHER = "H29.15-240304-0002"
Told = Sequence[tuple[datetime, EventData]]


DUE = at(7)
END = at(30)


class Log:
    """A partition of the log, and sla behind it."""

    def __init__(self) -> None:
        self.states: dict[str, Stored[Sla]] = {}
        self.end = 0

    def told(self, facts: Told, code: str = CODE) -> Decided[Sla]:
        return self.reads(
            [
                encode(Event(f"{self.end + number}-{code}", "/x", code, time, data))
                for number, (time, data) in enumerate(facts)
            ]
        )

    def reads(self, records: Sequence[Record]) -> Decided[Sla]:
        wanted, _ = pick(DECIDER, [self._put(record) for record in records])
        return decide(DECIDER, {0: WORLD}, wanted, self.states, END)

    def _put(self, record: Record) -> ConsumerRecord[Any, Any]:
        offset, self.end = self.end, self.end + 1
        return ConsumerRecord(
            topic=DOSSIER_EVENTS,
            partition=0,
            offset=offset,
            timestamp=0,
            timestamp_type=0,
            key=record.key,
            value=record.value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=record.headers,
        )

    def letters(self, decided: Decided[Sla]) -> list[DeadLetter]:
        """The dead letters of a batch, as an operator reads them."""
        found = [read_dead_letter("sla", self._put(record)) for record in decided.dead_letters]
        assert all(isinstance(each, DeadLetter) for each in found), dead_letters("sla")
        return [each for each in found if isinstance(each, DeadLetter)]

    def state(self, code: str = CODE) -> Sla:
        return self.states[code].state

    def assessment(self, code: str = CODE) -> Assessment:
        found = self.state(code).assessment
        assert found is not None
        return found


BEGIN: Told = [(at(4), received()), (at(4), routed())]


def judged(*facts: tuple[datetime, EventData], end: datetime = END) -> Assessment:
    """What follows of a dossier to which these things happened as well."""
    log = Log()
    assert log.told([*BEGIN, *facts]).dead_letters == []
    fire_timers(DECIDER, WORLD, log.states[CODE], end)
    return log.assessment()


PLAIN = judged()


class TestAPause:
    @pytest.mark.parametrize("stop", [DEMANDED, OWED, STOPPED])
    def test_that_never_ends_waits_for_nothing_and_costs_nothing(self, stop: EventData) -> None:
        log = Log()
        log.told([*BEGIN, (at(5), stop)])
        stored = log.states[CODE]
        assert log.assessment().due is None
        assert DECIDER.timer(WORLD, stored.state) is None
        set_due(DECIDER, WORLD, stored)
        assert stored.due is None
        assert fire_timers(DECIDER, WORLD, stored, vietnam("2040-12-31 17:00")) == []

    @pytest.mark.parametrize(("stop", "go"), [(DEMANDED, DELIVERED), (OWED, PAID)])
    def test_that_ends_before_it_begins_has_no_end(self, stop: EventData, go: EventData) -> None:
        found = judged((at(5), go), (at(6), stop))
        assert (found.due, found.used) == (None, 16 * 3600)

    def test_that_ends_before_it_begins_and_once_more_ends_there(self) -> None:
        found = judged((at(5), RESUMED), (at(6), STOPPED), (at(7), RESUMED))
        assert found.due == at(8)

    @pytest.mark.parametrize("go", [DELIVERED, PAID, RESUMED])
    def test_that_ends_and_never_began_changes_nothing(self, go: EventData) -> None:
        assert judged((at(5), go)) == PLAIN

    def test_that_begins_twice_ends_once(self) -> None:
        found = judged((at(5), STOPPED), (at(5, "10:00"), STOPPED), (at(6), RESUMED))
        assert found.due == at(8)

    def test_that_ends_twice_ended_the_first_time(self) -> None:
        found = judged((at(5), STOPPED), (at(6), RESUMED), (at(6, "16:00"), RESUMED))
        assert found.due == at(8)

    def test_that_overlaps_another_is_counted_once_in_whatever_order_they_come(self) -> None:
        facts = [
            (at(5), STOPPED),
            (at(5, "10:00"), DEMANDED),
            (at(5, "16:00"), RESUMED),
            (at(6), DELIVERED),
        ]
        for order in permutations(facts):
            assert judged(*order).due == at(8)

    def test_after_the_end_changes_nothing(self) -> None:
        ended = judged((at(6), PROCESSED))
        assert judged((at(6), PROCESSED), (at(6, "09:00"), STOPPED), (at(7), RESUMED)) == ended


class TestAFactFromBeforeTheReception:
    @pytest.mark.parametrize(
        "data",
        [
            DEMANDED,
            OWED,
            STOPPED,
            PROCESSED,
            RETURNED,
            handed_over("H29.1"),
            consulted("H29.6"),
            answered("H29.6"),
            letter(DUE, at(11)),
        ],
    )
    def test_changes_nothing(self, data: EventData) -> None:
        assert judged((at(1), data)) == PLAIN

    def test_may_be_a_step_whose_time_begins_with_the_clock(self) -> None:
        early = judged((at(1), started(0)), (at(6), completed(0)))
        assert early.expected == judged((at(4), started(0)), (at(6), completed(0))).expected

    def test_may_be_an_exemption_which_holds_for_the_whole_dossier(self) -> None:
        assert "ApologyOwed" not in {each.kind for each in judged((at(1), exempted())).expected}

    def test_is_not_the_registration_which_starts_no_clock(self) -> None:
        assert PLAIN.original_due == DUE


class TestAUnitThatNoFileKnows:
    def test_keeps_the_default_hours_whoever_hands_over_to_it(self) -> None:
        found = judged((at(5), handed_over("X9")))
        assert (found.due, found.expected) == (PLAIN.due, PLAIN.expected)

    def test_may_receive_and_handle_a_dossier(self) -> None:
        log = Log()
        assert not log.told([(at(4), received(unit="X9")), (at(4), routed("X9"))]).dead_letters
        assert log.assessment() == judged(end=at(4))

    def test_may_be_consulted(self) -> None:
        (late,) = (
            each
            for each in judged((at(5), consulted("X9", 1))).expected
            if each.kind == "ConsultationOverdue"
        )
        assert late.due == at(6)


class TestABudgetOfZero:
    def test_in_the_catalogue_is_named_with_file_entry_and_remedy(self) -> None:
        none = changed(("procedures.toml", 'amount = 3, unit = "w', 'amount = 0, unit = "w'))
        before = none["procedures.toml"].partition("amount = 0")[0]
        line = before[: before.rindex("[[procedures]]")].count("\n") + 1
        number = before.count("[[procedures]]")
        with pytest.raises(RulesError) as caught:
            load_catalogue(none)
        assert str(caught.value) == (
            f"procedures.toml: line {line}, [[procedures]] number {number}, budget, amount: "
            "Input should be greater than or equal to 1"
        )

    def test_in_a_question_to_another_authority_is_a_dead_letter(self) -> None:
        log = Log()
        record = encode(Event("q", "/x", CODE, at(5), consulted("H29.6", 1)))
        spoilt = record._replace(value=record.value.replace(b'"amount":1', b'"amount":0'))
        (found,) = log.letters(log.reads([spoilt]))
        assert found.fault == Fault.BAD_BODY
        assert "budget.amount: Input should be greater than or equal to 1" in found.detail


class TestATimeBeforeTheCalendars:
    """An archive may be imported: its dossiers are shown, and have no clock."""

    def test_is_no_fault(self) -> None:
        log = Log()
        facts: Told = [
            (vietnam("1999-03-04 08:00"), received()),
            (vietnam("1999-03-04 08:00"), routed()),
            (vietnam("1999-03-05 08:00"), DEMANDED),
            (vietnam("1999-03-06 08:00"), DELIVERED),
            (vietnam("1999-03-06 08:00"), consulted("H29.6", 1)),
            (vietnam("1999-03-07 08:00"), started(0)),
            (vietnam("2000-04-12 08:00"), PROCESSED),
        ]
        decided = log.told(facts)
        assert (decided.dead_letters, decided.events) == ([], [])
        assert fire_timers(DECIDER, WORLD, log.states[CODE], END) == []
        shown = view(CODE, log.state())
        assert (shown["status_name"], shown["due"], shown["late"]) == ("processed", None, False)

    def test_ends_with_the_first_day_in_vietnam(self) -> None:
        for begin, has_clock in (("1999-12-31 23:59:59", False), ("2000-01-01 00:00", True)):
            log = Log()
            assert not log.told(
                [(vietnam(begin), received()), (vietnam(begin), routed())]
            ).dead_letters
            assert (log.state().assessment is not None) is has_clock

    def test_of_a_thousand_dossiers_stops_no_service(self) -> None:
        log = Log()
        for number in range(1000):
            begin = vietnam("1998-05-05 09:00")
            decided = log.told([(begin, received())], f"H29.15-980505-{number:04}")
            assert sum(decided.faults.values()) == 0


LAST: Told = [(vietnam("2040-12-24 08:00"), received()), (vietnam("2040-12-24 08:00"), routed())]
"""Due three working days later, on the 27th."""


class TestATimeAfterTheCalendars:
    """It may be right, and a later release knows it: until then the dossier is unjudged."""

    def test_makes_the_dossier_unjudged_and_says_why(self) -> None:
        log = Log()
        decided = log.told([(vietnam("2040-12-28 08:00"), received())])
        assert decided.dead_letters == []
        assert log.state().unjudged is Unjudged.NO_CALENDAR
        assert view(CODE, log.state())["status_name"] == "received"

    def test_takes_back_nothing_that_was_said_before(self) -> None:
        log = Log()
        log.told(LAST)
        said = log.told([(vietnam("2041-01-03 08:00"), STOPPED)])
        assert said.dead_letters == []
        assert {e.data.NAME for e in said.events} == {
            *("LastCallGiven", "DossierSoonDue", "ApologyOwed", "DossierOverdue")
        }, "what was due before it, and nothing else"
        assert log.state().unjudged is Unjudged.NO_CALENDAR

    def test_waits_for_rules_that_know_those_years(self) -> None:
        log = Log()
        log.told(LAST)
        log.told([(vietnam("2041-01-03 08:00"), STOPPED)])
        assert DECIDER.timer(WORLD, log.state()) is None
        since = vietnam("2041-02-01 08:00")
        following = changed(("rules.toml", 'version = "2025-2"', 'version = "next"'))
        later = world(sample_rules(), rule_set(following, 1, since))
        assert DECIDER.timer(later, log.state()) == Timer(since, TimerKind.RULES)

    def test_of_another_authoritys_answer_does_so_too(self) -> None:
        log = Log()
        assert log.told([*BEGIN, (at(5), consulted("H29.6", 10_000))]).dead_letters == []
        assert log.state().unjudged is Unjudged.NO_CALENDAR

    def test_of_what_has_ended_before_is_no_fault(self) -> None:
        log = Log()
        ended = (vietnam("2040-12-28 10:00"), PROCESSED)
        returned = (vietnam("2041-01-08 10:00"), RETURNED)
        assert log.told([*LAST, ended, returned]).dead_letters == []
        assert view(CODE, log.state())["status_name"] == "returned"

    def test_of_what_stands_still_is_no_fault(self) -> None:
        log = Log()
        stopped = (vietnam("2040-12-28 10:00"), STOPPED)
        over = (vietnam("2041-01-08 10:00"), handed_over("H29.1"))
        assert log.told([*LAST, stopped, over]).dead_letters == []


def test_a_dossier_of_a_procedure_that_nobody_knows_is_promised_the_default() -> None:
    log = Log()
    assert not log.told([(at(4), received("9.9")), (at(4), routed())]).dead_letters
    assert log.assessment().budget == 20 * 8 * 3600


def test_a_workflow_that_nobody_knows_gives_its_steps_no_deadline() -> None:
    log = Log()
    strange = routing.DossierRouted(
        procedure="1.004194",
        handling_unit="H29.15",
        workflow="of-yore",
        workflow_version=7,
        steps=("one", "two"),
        rule="ward",
    )
    assert not log.told([(at(4), received()), (at(4), strange), (at(4), started(9))]).dead_letters
    assert "StepOverdue" not in {each.kind for each in log.assessment().expected}
