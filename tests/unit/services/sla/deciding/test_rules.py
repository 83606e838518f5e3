"""What sla announces and takes back: deadlines, warnings, breaches, at every order of arrival.

Driven as the engine drives it, through `handle`, on a procedure of three working days at a unit
that works from 7:30 to 11:30 and from 13:00 to 17:00. Times are Vietnam's.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import routing, sla
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.shared.rulebook.book import load_rule_book
from services.shared.working_time import load_calendars
from services.sla.deciding.rules import UNKNOWN_PROCEDURE_BUDGET
from services.sla.dossier.state import Sla
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
    paid,
    received,
    registered,
    routed,
)
from tests.support.rule_sets import WORLD
from tests.support.sla_clock import DECIDER, DUE, END, LETTER_BY, REMARK, Clock
from tests.support.times import at

PROCEDURE = load_catalogue().procedures["1.004194"]
SOON = at(6, "08:48")
"""Seven tenths of 24 working hours later: 16 h 48 min."""


class TestADeadline:
    def test_is_set_once_the_handling_unit_is_known(self) -> None:
        clock = Clock(begin=False)
        assert clock.told(received(), at(4)) == []
        assert clock.passes(END) == []
        assert clock.told(routed(), at(4)) == ["DeadlineSet"]
        said = clock.last(sla.DeadlineSet)
        assert (said.due, said.budget) == (DUE, PROCEDURE.budget)
        assert said.rule == (
            f"rules {load_rule_book().version}; calendar {load_calendars().version}"
        )
        assert clock.state.rule == said.rule

    def test_is_set_for_a_dossier_that_nobody_is_competent_for(self) -> None:
        clock = Clock(begin=False)
        clock.told(received(), at(4))
        assert clock.told(routing.DossierUnroutable(reason="r"), at(4)) == ["DeadlineSet"]
        assert clock.state.unit == "H29.15"

    def test_is_by_the_hours_of_the_unit_that_handles_the_dossier(self) -> None:
        plain, saturdays = Clock(begin=False), Clock(begin=False)
        for clock, unit in ((plain, "H29.15"), (saturdays, "H29.1")):
            clock.told(received(), at(8, "15:00"))
            clock.told(routed(unit), at(8, "15:00"))
        assert plain.last(sla.DeadlineSet).due == at(13, "15:00")
        assert saturdays.last(sla.DeadlineSet).due < at(13, "15:00")

    def test_of_a_procedure_that_the_catalogue_lacks_is_the_default(self) -> None:
        clock = Clock(procedure="9.9")
        assert clock.last(sla.DeadlineSet).budget == UNKNOWN_PROCEDURE_BUDGET
        assert clock.assessment.budget == 20 * 8 * 3600
        assert clock.soon_at == at(26)  # four fifths: sixteen working days

    @pytest.mark.parametrize(
        ("stop", "go"), [(DEMANDED, DELIVERED), (OWED, PAID), (STOPPED, RESUMED)]
    )
    def test_moves_by_the_time_spent_waiting_once_that_is_over(
        self, stop: EventData, go: EventData
    ) -> None:
        clock = Clock()
        assert clock.told(stop, at(5)) == []
        assert clock.assessment.due is None
        assert clock.told(go, at(6)) == ["DeadlineMoved"]
        moved = clock.last(sla.DeadlineMoved)
        assert (moved.due, moved.previous, moved.original) == (at(8), DUE, DUE)

    def test_does_not_move_for_a_part_of_a_payment(self) -> None:
        clock = Clock()
        clock.told(OWED, at(5))
        part = paid(amount=1, outstanding=499)
        assert clock.told(part, at(6)) == []
        assert clock.assessment.due is None

    def test_does_not_move_for_a_wait_outside_office_hours(self) -> None:
        clock = Clock()
        clock.told(DEMANDED, at(5, "17:00"))
        assert clock.told(DELIVERED, at(6, "07:00")) == []

    def test_is_said_once_however_often_it_is_thought_of(self) -> None:
        clock = Clock()
        clock.told(DEMANDED, at(5))
        clock.told(DELIVERED, at(6))
        assert clock.told(REMARK, at(6, "09:00")) == []
        assert Counter(e.data.NAME for e in clock.said) == {"DeadlineSet": 1, "DeadlineMoved": 1}

    def test_that_a_late_fact_moved_is_said_once_and_then_counts(self) -> None:
        clock = Clock()
        clock.told(DEMANDED, at(6))
        clock.told(DELIVERED, at(6, "16:00"))
        clock.told(STOPPED, at(5, "08:00"))
        assert clock.told(RESUMED, at(5, "09:00")) == ["DeadlineMoved"]
        newest = clock.last(sla.DeadlineMoved)
        assert newest.due == clock.assessment.due
        assert clock.told(REMARK, at(5, "10:00")) == []  # nothing is new
        assert clock.told(REMARK, at(6, "17:00")) == []
        assert clock.state.due_told == newest.due

    def test_does_not_move_any_more_once_the_dossier_has_ended(self) -> None:
        clock = Clock()
        clock.told(PROCESSED, at(5))
        assert clock.told(STOPPED, at(4, "09:00")) == []
        assert clock.told(RESUMED, at(4, "10:00")) == []

    def test_is_none_for_what_was_never_received(self) -> None:
        clock = Clock(begin=False)
        clock.told(routed(), at(4))
        assert clock.state.assessment is None
        assert clock.said == []
        assert DECIDER.timer(WORLD, clock.state) is None

    def test_is_none_for_what_was_only_registered(self) -> None:
        clock = Clock(begin=False)
        clock.told(registered(), at(4))
        clock.told(routed(), at(4))
        assert clock.said == []


class TestTheBoundary:
    def test_what_is_processed_exactly_when_it_is_due_is_on_time(self) -> None:
        clock = Clock()
        clock.told(PROCESSED, DUE)
        clock.passes(END)
        assert clock.net == {("DossierSoonDue", SOON): 1}
        assert not clock.state.late

    def test_what_is_processed_one_second_later_is_late(self) -> None:
        clock = Clock()
        assert "DossierOverdue" in clock.told(PROCESSED, DUE + timedelta(seconds=1))
        assert clock.net == {("DossierSoonDue", SOON): 1, ("DossierOverdue", DUE): 1}
        assert clock.state.late

    def test_it_is_not_overdue_at_the_due_time_but_after_it(self) -> None:
        clock = Clock()
        clock.passes(DUE)
        assert not clock.state.late
        clock.passes(DUE + timedelta(milliseconds=1))
        assert clock.state.late

    def test_what_is_stopped_exactly_when_it_is_due_is_not_late_until_it_goes_on(self) -> None:
        clock = Clock()
        clock.told(STOPPED, DUE)
        clock.passes(at(20))
        assert not clock.state.late
        clock.told(RESUMED, at(20))
        clock.passes(at(20, "08:00:01"))
        assert clock.net[("DossierOverdue", at(20))] == 1

    def test_what_is_processed_before_the_warning_is_never_warned_of(self) -> None:
        clock = Clock()
        clock.told(PROCESSED, SOON)
        clock.passes(END)
        assert clock.net == {}

    def test_an_overdue_is_told_with_the_due_time_as_its_time(self) -> None:
        clock = Clock()
        clock.passes(END)
        ((time, over),) = (
            (e.time, e.data) for e in clock.said if isinstance(e.data, sla.DossierOverdue)
        )
        assert time == over.due == DUE
        assert over.unit == "H29.15"


class TestWhatHappensAfterTheBreach:
    """What is late stays late: a pause gives nothing back any more, and breaks nothing."""

    def test_a_pause_changes_nothing(self) -> None:
        clock = Clock()
        clock.told(STOPPED, at(8))
        assert clock.told(RESUMED, at(11)) == []
        assert clock.assessment.due == clock.assessment.breach_at == DUE
        assert clock.net == {("DossierSoonDue", SOON): 1, ("DossierOverdue", DUE): 1}

    def test_nor_does_a_second_pause_or_the_end(self) -> None:
        clock = Clock()
        for day, data in ((8, STOPPED), (11, RESUMED), (12, DEMANDED), (13, DELIVERED)):
            clock.told(data, at(day))
        clock.told(PROCESSED, at(14))
        clock.told(RETURNED, at(15))
        clock.passes(END)
        assert clock.net == clock.kept == {("DossierSoonDue", SOON): 1, ("DossierOverdue", DUE): 1}

    def test_a_breach_at_closing_time_stands_when_the_work_ends_in_the_evening(self) -> None:
        clock = Clock(begin=False)
        for data in (received(), routed()):
            clock.told(data, at(4, "07:00"))
        assert clock.assessment.due == at(6, "17:00")
        clock.told(STOPPED, at(6, "20:00"))
        clock.told(RESUMED, at(11))
        assert clock.assessment.due == at(6, "17:00")
        assert clock.net[("DossierOverdue", at(6, "17:00"))] == 1


class TestARetraction:
    def test_takes_back_an_overdue_that_a_late_pause_shows_to_be_wrong(self) -> None:
        clock = Clock()
        clock.passes(at(8))
        assert clock.state.late
        said = clock.told(STOPPED, at(5))
        # The warning, the last call a working day before, the breach, and the letter owed since.
        assert Counter(said) == {"AlertRetracted": 4}
        assert not clock.state.late
        assert clock.net == {}
        retracted = clock.last(sla.AlertRetracted)
        assert retracted.due is None  # the clock stands
        assert "was not missed" in retracted.reason

    def test_takes_back_an_overdue_of_what_was_processed_in_time_after_all(self) -> None:
        clock = Clock()
        clock.passes(at(8))
        assert clock.told(PROCESSED, at(6, "16:00")) == ["AlertRetracted"] * 2
        gone = [e.data.alert for e in clock.said if isinstance(e.data, sla.AlertRetracted)]
        assert gone == ["ApologyOwed", "DossierOverdue"]
        assert clock.net == {("DossierSoonDue", SOON): 1}

    def test_says_when_the_dossier_is_due_now(self) -> None:
        clock = Clock()
        clock.passes(SOON + timedelta(minutes=1))
        clock.told(STOPPED, at(5))
        clock.told(RESUMED, at(5, "10:00"))
        clock.passes(END)
        clock.told(OWED, at(5, "14:00"))
        clock.told(PAID, at(5, "15:00"))
        moved = [e.data for e in clock.said if isinstance(e.data, sla.AlertRetracted)]
        assert {m.alert for m in moved} == {
            *("DossierSoonDue", "LastCallGiven", "ApologyOwed", "DossierOverdue")
        }
        assert clock.assessment.due == at(7, "11:00")
        clock.passes(END)
        assert clock.net == clock.kept
        assert clock.net[("DossierOverdue", at(7, "11:00"))] == 1

    def test_of_a_moved_due_time_says_from_when_it_was_moved(self) -> None:
        clock = Clock()
        clock.told(STOPPED, at(5))
        clock.told(RESUMED, at(6))
        clock.passes(END)
        clock.told(RESUMED, at(5, "10:00"))  # it had gone on a day before
        clock.passes(END)
        reasons = [e.data.reason for e in clock.said if isinstance(e.data, sla.AlertRetracted)]
        assert any("moved the moment from 2024-03-08T01:00:00+00:00" in r for r in reasons)
        assert clock.net == clock.kept
        assert clock.net[("DossierOverdue", at(7, "10:00"))] == 1

    def test_that_was_wrong_itself_is_followed_by_another_alert_with_another_id(self) -> None:
        clock = Clock()
        clock.passes(at(8))
        clock.told(STOPPED, at(6, "16:00"))  # taken back: it stood still when it was due
        clock.told(
            RESUMED, at(6, "16:00")
        )  # given back nothing, so it was overdue at the same time
        clock.passes(END)
        over = {e.id: e.data for e in clock.said if isinstance(e.data, sla.DossierOverdue)}
        assert [data.due for data in over.values()] == [DUE, DUE]
        assert clock.net == clock.kept
        assert clock.net[("DossierOverdue", DUE)] == 1

    def test_is_known_even_if_it_is_read_before_its_alert(self) -> None:
        clock = Clock()
        clock.passes(at(8))
        (over,) = (e for e in clock.said if isinstance(e.data, sla.DossierOverdue))
        data = sla.AlertRetracted(alert_id=over.id, alert="DossierOverdue", reason="r")
        gone = Event("gone", "/motcua/sla", CODE, at(9), data)
        state = DECIDER.evolve(WORLD, DECIDER.evolve(WORLD, Sla(), gone), over)
        assert [a.retracted for a in state.alerts] == [True]


class TestTheView:
    def test_shows_what_is_due_and_what_was_said(self) -> None:
        clock = Clock()
        clock.passes(at(8))
        shown = view(CODE, clock.state)
        assert (shown["due"], shown["original_due"], shown["late"]) == (DUE, DUE, True)
        assert (shown["clock"], shown["budget_seconds"]) == ("running", 24 * 3600)
        assert [a["kind"] for a in shown["alerts"]] == [
            "LastCallGiven",
            "DossierSoonDue",
            "ApologyOwed",
            "DossierOverdue",
        ]
        assert (shown["letter_by"], shown["letter_missing"]) == (LETTER_BY, True)
        assert [d["due"] for d in shown["deadlines"]] == [DUE]

    def test_shows_a_clock_that_stands(self) -> None:
        clock = Clock()
        clock.told(STOPPED, at(5))
        shown = view(CODE, clock.state)
        assert (shown["clock"], shown["due"], shown["original_due"]) == ("stopped", None, DUE)
        assert shown["used_seconds"] == 8 * 3600

    def test_of_nothing_is_empty(self) -> None:
        shown = view(CODE, Sla())
        assert (shown["status"], shown["due"], shown["clock"]) == (None, None, "stopped")
