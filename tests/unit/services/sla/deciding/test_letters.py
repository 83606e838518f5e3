"""Letters of apology: who signs them, when, what they move, when they are owed, what is refused.

On a procedure of three working days at a unit that works from 7:30 to 11:30 and from 13:00 to
17:00. Received on Monday 4 March 2024 at 8:00: due on Thursday at 8:00, the letter is in time until
Wednesday at 8:00. Times are Vietnam's.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import intake, sla
from contracts.events.sla import MoveCause
from contracts.model import EventData
from contracts.values import FilingChannel
from services.runtime.core.handle import handle
from services.shared.working_time import LAST_YEAR
from services.sla.dossier.state import LetterStanding
from services.sla.http.view import view
from tests.support.event import CODE
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    OWED,
    PROCESSED,
    RESUMED,
    STOPPED,
    WITHDRAWN,
    handed_over,
    received,
)
from tests.support.letters import HEAD, Desk, names
from tests.support.rule_sets import WORLD
from tests.support.sla_dossiers import DECIDER
from tests.support.times import at, vietnam

OTHER_HEAD = load_catalogue().units["H29.1"].head
DUE = at(7)
LETTER_BY = at(6)


class TestALetter:
    def test_moves_the_due_time_and_says_so_at_once(self) -> None:
        desk = Desk()
        issued, moved = desk.apologises(at(5, "16:00"), at(11))
        assert isinstance(issued, sla.ApologyIssued)
        assert isinstance(moved, sla.DeadlineMoved)
        assert (moved.due, moved.previous, moved.original) == (at(11), DUE, DUE)
        assert moved.cause is MoveCause.EXTENDED
        assert "apologised" in moved.reason
        assert desk.assessment.due == desk.state.due_told == at(11)
        assert desk.assessment.original_due == DUE
        assert desk.assessment.extended == 16 * 3600  # Thursday 8:00 to Monday 8:00

    def test_says_what_was_due_who_is_responsible_and_which_form_it_is(self) -> None:
        (issued, _) = Desk().apologises(at(5, "16:00"), at(11))
        assert isinstance(issued, sla.ApologyIssued)
        assert (issued.previous, issued.due) == (DUE, at(11))
        assert (issued.letter_by, issued.in_time) == (LETTER_BY, True)
        assert (issued.unit, issued.by, issued.form) == ("H29.15", HEAD, "04/2018-01")

    @pytest.mark.parametrize(
        ("begin", "form"), [("2025-09-14 23:59", "04/2018-01"), ("2025-09-15 00:00", "04/2025-03")]
    )
    def test_is_printed_on_the_form_of_its_own_day_in_vietnam(self, begin: str, form: str) -> None:
        desk = Desk(vietnam("2025-09-12 08:00"))
        (issued, _) = desk.apologises(vietnam(begin), vietnam("2025-09-30 17:00"))
        assert isinstance(issued, sla.ApologyIssued)
        assert issued.form == form

    def test_is_in_time_until_the_very_moment(self) -> None:
        for late, in_time in ((timedelta(0), True), (timedelta(milliseconds=1), False)):
            desk = Desk()
            issued = desk.apologises(LETTER_BY + late, at(11))[-2]
            assert isinstance(issued, sla.ApologyIssued)
            assert issued.in_time is in_time
            desk.passes(at(8))
            assert ("LastCallGiven" in desk.standing) is not in_time
            assert "ApologyOwed" not in desk.standing
            standing = LetterStanding.IN_TIME if in_time else LetterStanding.LATE
            assert desk.state.letter_standing is standing

    def test_is_kept_for_all_to_see(self) -> None:
        desk = Desk()
        desk.apologises(at(5, "16:00"), at(11))
        desk.passes(at(12))
        shown = view(CODE, desk.state)
        assert shown["letters"] == [
            {"at": at(5, "16:00"), "due": at(11), "in_time": True, "form": "04/2018-01"}
        ]
        assert (shown["original_due"], shown["due"], shown["late"]) == (DUE, at(11), True)
        assert shown["letter_missing"] is False

    def test_answers_whoever_asked_for_it(self) -> None:
        desk = Desk()
        desk.apologises(at(5, "16:00"), at(11))
        assert (desk.stored.answers[-1].fact, desk.stored.answers[-1].reason) == (
            sla.ApologyIssued.TYPE,
            None,
        )


class TestALetterAfterTheBreach:
    def test_is_allowed_moves_nothing_and_what_is_late_stays_late(self) -> None:
        desk = Desk()
        desk.passes(at(8))
        assert desk.state.letter_missing
        assert names(desk.apologises(at(8), at(11))) == ["ApologyIssued"]
        assert (desk.assessment.due, desk.assessment.breach_at) == (DUE, DUE)
        assert desk.assessment.extended == 0
        assert desk.state.late
        assert not desk.state.letter_missing
        desk.passes(at(12))
        assert desk.standing == [
            *("LastCallGiven", "DossierSoonDue"),
            *("ApologyOwed", "DossierOverdue"),
        ]
        assert desk.state.letter_standing is LetterStanding.LATE

    def test_gives_a_date_that_is_still_to_come(self) -> None:
        reason, detail = Desk().refuses_letter(at(8), at(8))
        assert reason == "wrong-date"
        assert "must be after 2024-03-08T01:00:00.000Z" in detail

    def test_exactly_at_the_due_time_is_none_yet(self) -> None:
        desk = Desk()
        assert names(desk.apologises(DUE, at(8)))[-1] == "DeadlineMoved"
        assert desk.assessment.due == at(8)
        desk.passes(at(7, "17:00"))
        assert not desk.state.late


class TestALetterIsRefused:
    @pytest.mark.parametrize("by", ["cb-1", OTHER_HEAD])
    def test_if_another_than_the_units_head_signs(self, by: str) -> None:
        reason, detail = Desk().refuses_letter(at(5), at(11), by)
        assert reason == "not-the-head"
        assert detail.startswith("this takes: head of the unit that handles it")
        assert HEAD not in detail

    def test_for_a_dossier_that_is_not_there(self) -> None:
        reason, detail = Desk(begin=None).refuses_letter(at(5), at(11))
        assert (reason, detail) == ("unknown-dossier", f"there is no dossier {CODE}")

    def test_for_one_that_was_only_registered(self) -> None:
        desk = Desk(begin=None)
        filing = received().model_dump(exclude={"by"}) | {"channel": FilingChannel.ONLINE}
        desk.told(intake.DossierRegistered(**filing), at(4))
        assert desk.refuses_letter(at(5), at(11))[0] == "unknown-dossier"

    def test_at_a_unit_that_the_catalogue_lacks(self) -> None:
        desk = Desk()
        desk.told(handed_over("X9"), at(5))
        reason, detail = desk.refuses_letter(at(5, "09:00"), at(11))
        assert reason == "unknown-unit"
        assert "X9" in detail

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (DEMANDED, "supplement requested"),
            (OWED, "payment requested"),
            (STOPPED, "stopped"),
            (PROCESSED, "processed"),
            (WITHDRAWN, "withdrawn"),
        ],
    )
    def test_while_the_clock_does_not_run(self, data: EventData, status: str) -> None:
        desk = Desk()
        desk.told(data, at(5))
        reason, detail = desk.refuses_letter(at(5, "09:00"), at(11))
        assert reason == "wrong-state"
        assert f"the dossier is {status}" in detail

    @pytest.mark.parametrize("due", [at(6), DUE])
    def test_with_a_date_that_is_not_after_the_due_time(self, due: datetime) -> None:
        reason, detail = Desk().refuses_letter(at(5), due)
        assert reason == "wrong-date"
        assert "must be after 2024-03-07T01:00:00.000Z" in detail

    def test_with_a_date_by_which_no_office_hour_is_won(self) -> None:
        desk = Desk(at(8, "07:00"))
        assert desk.assessment.due == at(12, "17:00")
        reason, detail = desk.refuses_letter(at(11), at(13, "07:30"))
        assert reason == "wrong-date"
        assert "no office hours" in detail
        assert names(desk.apologises(at(11), at(13, "07:31")))[-1] == "DeadlineMoved"

    def test_with_a_date_after_the_calendars_last_day_in_vietnam(self) -> None:
        assert LAST_YEAR == 2040
        desk = Desk()
        assert desk.refuses_letter(at(5), vietnam("2041-01-01 00:00"))[0] == "wrong-date"
        assert desk.refuses_letter(at(5), vietnam("2041-01-01 08:00"))[0] == "wrong-date"
        issued = desk.apologises(at(5), vietnam("2040-12-31 17:00"))
        assert names(issued) == ["ApologyIssued", "DeadlineMoved"]

    def test_a_second_time_whether_or_not_the_first_one_moved_anything(self) -> None:
        moved, late = Desk(), Desk()
        moved.apologises(at(5), at(11))
        late.apologises(at(8), at(11))
        for desk in (moved, late):
            reason, detail = desk.refuses_letter(at(8, "09:00"), at(13))
            assert reason == "already-extended"
            assert "2024-03-0" in detail
            assert len(desk.state.letters) == 1


class TestALetterByWhoeverHasTheDossier:
    def test_is_signed_by_the_head_of_the_unit_that_took_it_over(self) -> None:
        desk = Desk()
        desk.told(handed_over("H29.1"), at(5))
        assert desk.refuses_letter(at(5, "09:00"), at(11), HEAD)[0] == "not-the-head"
        issued = desk.apologises(at(5, "09:00"), at(11), OTHER_HEAD)[0]
        assert isinstance(issued, sla.ApologyIssued)
        assert issued.unit == "H29.1"

    def test_is_signed_by_the_head_of_the_unit_that_had_it_at_the_letters_time(self) -> None:
        desk = Desk()
        desk.told(handed_over("H29.1"), at(5))
        assert desk.refuses_letter(at(4, "16:00"), at(11), OTHER_HEAD)[0] == "not-the-head"
        issued = desk.apologises(at(4, "16:00"), at(11), HEAD)[0]
        assert isinstance(issued, sla.ApologyIssued)
        assert issued.unit == "H29.15"


class TestALetterThatIsEnteredLate:
    """Its time is in the past, and it is judged by how things stood then."""

    def test_takes_the_breach_back_that_was_announced_meanwhile(self) -> None:
        desk = Desk()
        desk.passes(at(8))
        said = desk.apologises(at(5, "16:00"), at(11))
        assert names(said) == ["ApologyIssued", "DeadlineMoved", *["AlertRetracted"] * 4]
        gone = [data for data in said if isinstance(data, sla.AlertRetracted)]
        assert {data.alert for data in gone} == {
            *("DossierOverdue", "DossierSoonDue", "LastCallGiven", "ApologyOwed")
        }
        assert all(data.due == at(11) for data in gone)
        assert not desk.state.late

    def test_may_come_while_the_clock_stands(self) -> None:
        desk = Desk()
        desk.told(STOPPED, at(6, "14:00"))
        issued = desk.apologises(at(5, "16:00"), at(11))[0]
        assert isinstance(issued, sla.ApologyIssued)
        assert (issued.previous, issued.letter_by, issued.in_time) == (DUE, LETTER_BY, True)
        assert desk.assessment.due is None
        desk.told(RESUMED, at(7, "14:00"))
        assert desk.assessment.due == desk.state.due_told == at(12)  # a working day given back

    def test_says_what_was_due_then_and_not_what_is_due_now(self) -> None:
        desk = Desk()
        desk.told(DEMANDED, at(6))
        desk.told(DELIVERED, at(7))
        assert desk.assessment.due == at(8)
        issued = desk.apologises(at(5, "16:00"), at(11))[0]
        assert isinstance(issued, sla.ApologyIssued)
        assert (issued.previous, issued.letter_by) == (DUE, LETTER_BY)
        assert desk.assessment.due == at(12)  # the wait came after it, and moves its date too

    def test_is_refused_if_the_clock_stood_then(self) -> None:
        desk = Desk()
        desk.told(STOPPED, at(5))
        desk.told(RESUMED, at(6))
        assert desk.refuses_letter(at(5, "16:00"), at(11))[0] == "wrong-state"

    def test_is_refused_if_the_dossier_was_not_there_then(self) -> None:
        reason, detail = Desk().refuses_letter(at(1), at(11))
        assert reason == "wrong-state"
        assert "not there yet" in detail

    def test_may_come_after_the_end_and_shows_that_the_promise_was_kept(self) -> None:
        desk = Desk()
        desk.told(PROCESSED, at(8))
        assert desk.state.late
        said = desk.apologises(at(5, "16:00"), at(11))
        assert "DeadlineMoved" not in names(said)  # nothing is due any more
        assert not desk.state.late
        assert desk.assessment.first_breach_at == DUE


def test_an_archived_dossier_from_before_the_calendars_has_no_date_to_move() -> None:
    desk = Desk(vietnam("1999-12-30 08:00"))
    reason, detail = desk.refuses_letter(vietnam("1999-12-31 08:00"), at(11))
    assert reason == "wrong-state"
    assert "no calendar knows its years" in detail


def test_another_instance_that_reads_the_letter_on_the_log_says_nothing_new() -> None:
    first, second = Desk(), Desk()
    first.apologises(at(5, "16:00"), at(11))
    letters = [event for event in first.said if not isinstance(event.data, sla.DeadlineSet)]
    handle(DECIDER, WORLD, second.stored, letters[0])
    for event in letters[1:]:
        second.stored.state = DECIDER.evolve(WORLD, second.state, event)
    assert second.assessment == first.assessment
    assert second.state.due_told == at(11)


class TestALetterWithoutANewDate:
    """It is dated the day on which it is written, and moves no date."""

    @pytest.mark.parametrize(
        ("data", "status"),
        [(PROCESSED, "ended"), (WITHDRAWN, "ended"), (STOPPED, "stopped"), (DEMANDED, "stopped")],
    )
    def test_is_written_after_the_end_and_in_a_pause(self, data: EventData, status: str) -> None:
        desk = Desk()
        desk.told(data, at(8))
        due, original = desk.assessment.due, desk.assessment.original_due
        assert desk.state.letter_missing
        (issued,) = desk.apologises(at(12), None)
        assert isinstance(issued, sla.ApologyIssued)
        assert (issued.due, issued.previous, issued.in_time) == (None, DUE, False)
        assert desk.state.letters[0].at == at(12)
        assert (desk.assessment.due, desk.assessment.original_due) == (due, original)
        assert desk.assessment.extended == 0
        assert desk.state.late
        assert not desk.state.letter_missing
        assert desk.state.letter_standing is LetterStanding.LATE
        assert (due is None) is (status == "stopped")

    def test_leaves_the_debt_standing_that_it_pays_late(self) -> None:
        desk = Desk()
        desk.told(PROCESSED, at(8))
        assert desk.state.letter_standing is LetterStanding.MISSING
        desk.apologises(at(12), None)
        assert desk.standing.count("ApologyOwed") == 1

    def test_is_in_time_in_a_pause_that_began_before_the_last_moment(self) -> None:
        desk = Desk()
        desk.foresees(at(5))
        desk.told(STOPPED, at(5, "14:00"))
        (issued,) = desk.apologises(at(20), None)
        assert isinstance(issued, sla.ApologyIssued)
        assert (issued.letter_by, issued.in_time, issued.previous) == (None, True, DUE)
        desk.told(RESUMED, at(21))
        desk.passes(at(28))
        assert desk.state.late
        assert desk.state.letter_standing is LetterStanding.IN_TIME

    def test_is_refused_for_what_is_not_late_and_not_known_to_be(self) -> None:
        desk = Desk()
        assert desk.refuses_letter(at(5), None)[0] == "not-owed"
        desk.told(PROCESSED, at(6))
        reason, detail = desk.refuses_letter(at(12), None)
        assert reason == "not-owed"
        assert "nobody had said that it would be" in detail

    def test_is_refused_before_the_breach_though_it_is_entered_after_it(self) -> None:
        desk = Desk()
        desk.passes(at(8))
        assert desk.refuses_letter(at(6, "09:00"), None)[0] == "not-owed"

    def test_is_refused_before_anything_was_promised_and_to_any_but_the_head(self) -> None:
        desk = Desk()
        assert desk.refuses_letter(at(1), None)[0] == "wrong-state"
        desk.passes(at(8))
        assert desk.refuses_letter(at(8), None, by="cb-1")[0] == "not-the-head"

    def test_may_follow_one_that_moved_the_date_as_often_as_it_may(self) -> None:
        desk = Desk()
        desk.apologises(at(5, "16:00"), at(8))
        reason, detail = desk.refuses_letter(at(11), at(15))
        assert reason == "already-extended"
        assert "a letter without one is possible" in detail
        assert names(desk.apologises(at(11), None)) == ["ApologyIssued"]
        assert names(desk.apologises(at(12), None)) == ["ApologyIssued"]
        assert desk.assessment.due == at(8)
        assert desk.state.letter_standing is LetterStanding.IN_TIME

    def test_leaves_the_one_new_date_to_be_given(self) -> None:
        desk = Desk()
        desk.foresees(at(5))
        desk.apologises(at(5, "09:00"), None)
        assert names(desk.apologises(at(5, "16:00"), at(11)))[-1] == "DeadlineMoved"
        assert desk.assessment.due == at(11)

    def test_is_possible_for_what_is_exempt(self) -> None:
        desk = Desk()
        desk.exempts(at(5))
        desk.told(PROCESSED, at(8))
        assert names(desk.apologises(at(12), None)) == ["ApologyIssued"]

    def test_is_refused_for_what_nobody_can_judge(self) -> None:
        desk = Desk(vietnam("1999-12-30 08:00"))
        assert desk.refuses_letter(vietnam("1999-12-31 08:00"), None)[0] == "wrong-state"
