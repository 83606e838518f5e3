"""The ledger of a dossier's time: no second is lost, none is counted twice, each has an account.

By hand on a procedure of three working days at a unit that works from 7:30 to 11:30 and from
13:00 to 17:00; and on random dossiers under every reading of the law. Times are Vietnam's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given

from contracts.events.sla import AlertKind, RetractionCause
from contracts.model import EventData
from services.shared.working_time import DayKind, OutsideCalendar
from services.sla.clock.assess import assess
from services.sla.clock.course import course
from services.sla.clock.ledger import ledger
from services.sla.clock.segments import Account, Reason
from services.sla.dossier.as_of import as_of, newest
from services.sla.dossier.state import Sla
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    OWED,
    PAID,
    PROCESSED,
    RESUMED,
    STOPPED,
    WITHDRAWN,
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
from tests.support.properties import examples
from tests.support.sla_dossiers import Dossier, dossiers, told
from tests.support.times import at, vietnam

HOUR = 3600


BEGIN = [(at(4), received()), (at(4), routed())]
DUE = at(7)
"""Monday 8:00 and three working days: Thursday 8:00."""


def dossier(*facts: tuple[datetime, EventData], until: datetime | None = None) -> Dossier:
    return told([*BEGIN, *facts], until=until)


class TestSegments:
    def test_of_an_untroubled_dossier_are_one_that_lasts(self) -> None:
        shown = dossier().ledger(at(5))
        (part,) = shown.segments
        assert (part.reason, part.account, part.unit) == (Reason.HANDLING, Account.UNIT, "H29.15")
        assert (part.begin, part.end, part.pattern) == (at(4), None, "default")
        assert (part.elapsed_seconds, part.office_seconds) == (24 * HOUR, 8 * HOUR)
        assert (shown.used_seconds, shown.left_seconds) == (8 * HOUR, 16 * HOUR)

    @pytest.mark.parametrize(
        ("stop", "go", "reason", "account"),
        [
            (DEMANDED, DELIVERED, Reason.SUPPLEMENT, Account.CITIZEN),
            (OWED, PAID, Reason.PAYMENT, Account.CITIZEN),
            (STOPPED, RESUMED, Reason.STOPPED, Account.UNIT),
        ],
    )
    def test_are_cut_by_a_pause_which_uses_up_nothing(
        self, stop: EventData, go: EventData, reason: Reason, account: Account
    ) -> None:
        shown = dossier((at(5), stop), (at(6), go)).ledger(at(6, "09:00"))
        before, pause, after = shown.segments
        assert (pause.reason, pause.account, pause.runs) == (reason, account, False)
        assert (pause.office_seconds, pause.used_seconds) == (8 * HOUR, 0)
        assert (before.used_seconds, after.used_seconds) == (8 * HOUR, HOUR)
        assert shown.by_account[account].elapsed_seconds >= 24 * HOUR
        assert shown.due == at(8)

    def test_are_cut_by_a_hand_over_and_counted_by_the_new_units_hours(self) -> None:
        shown = dossier((at(8), handed_over("H29.1"))).ledger(at(9, "09:00"))
        assert [(p.unit, p.pattern) for p in shown.segments] == [
            ("H29.15", "default"),
            ("H29.1", "saturday-morning"),
        ]
        assert shown.by_unit["H29.1"].used_seconds == 9 * HOUR
        assert shown.unit == "H29.1"

    def test_are_on_another_authoritys_account_while_its_answer_is_awaited(self) -> None:
        asked = (at(4, "09:00"), consulted("H29.3", 1))
        shown = dossier(asked, (at(5, "09:00"), answered("H29.3"))).ledger(at(5, "10:00"))
        assert [(p.reason, p.account, p.consulted) for p in shown.segments] == [
            (Reason.HANDLING, Account.UNIT, ()),
            (Reason.CONSULTATION, Account.AUTHORITY, ("H29.3",)),
            (Reason.HANDLING, Account.UNIT, ()),
        ]
        assert all(part.runs for part in shown.segments)
        assert shown.due == DUE

    def test_within_a_pause_belong_to_the_pause_even_if_an_answer_is_awaited(self) -> None:
        asked = (at(4, "09:00"), consulted("H29.3", 1))
        shown = dossier(asked, (at(4, "10:00"), DEMANDED)).ledger(at(5))
        assert [(p.reason, p.account) for p in shown.segments][-1] == (
            Reason.SUPPLEMENT,
            Account.CITIZEN,
        )
        assert shown.stands

    def test_end_with_the_dossier_and_what_it_began_with_is_not_cut_by_a_step(self) -> None:
        facts = [(at(4, "08:30"), started(0)), (at(5), PROCESSED), (at(6), STOPPED)]
        shown = dossier(*facts).ledger(at(20))
        (part,) = shown.segments
        assert (part.begin, part.end) == (at(4), at(5))
        assert shown.elapsed_seconds == 24 * HOUR

    def test_of_what_ended_at_the_instant_of_its_reception_are_none(self) -> None:
        shown = dossier((at(4), WITHDRAWN)).ledger(at(5))
        assert (shown.segments, shown.elapsed_seconds, shown.unit) == ((), 0, "H29.15")

    def test_to_the_second_though_facts_have_milliseconds(self) -> None:
        later = timedelta(milliseconds=999)
        facts = [(at(4, "09:00") + later, STOPPED), (at(4, "10:00") + later / 3, RESUMED)]
        shown = dossier(*facts).ledger(at(4, "11:00") + later)
        assert [part.elapsed_seconds for part in shown.segments] == [HOUR] * 3


class TestWhatIsDue:
    def test_is_told_with_every_change_of_it(self) -> None:
        facts = [(at(5), DEMANDED), (at(6), DELIVERED), (at(6, "10:00"), handed_over("H29.1"))]
        shown = dossier(*facts).ledger(at(7))
        assert [(each.since, each.due) for each in shown.dues] == [
            (at(4), DUE),
            (at(5), None),
            (at(6), at(8)),
        ]
        assert shown.due_before(at(6)) == DUE
        assert shown.due_from(at(5, "12:00")) is None
        assert shown.due_before(at(4)) is None

    def test_as_of_an_earlier_time_is_what_was_due_then(self) -> None:
        paused = dossier((at(5), DEMANDED), (at(6), DELIVERED), (at(12), PROCESSED))
        assert paused.ledger(at(4, "09:00")).due == DUE
        assert paused.ledger(at(5, "09:00")).due is None
        assert paused.ledger(at(11)).ended_at is None
        assert paused.ledger(at(12)).ended_at == at(12)

    def test_in_the_future_is_as_if_nothing_changed(self) -> None:
        shown = dossier().ledger(at(11))
        assert shown.overdue is not None
        assert shown.overdue.since == DUE
        assert shown.overdue.working_seconds == 16 * HOUR
        assert shown.overdue.calendar_days == 4
        assert shown.left_seconds == -16 * HOUR

    def test_to_the_very_second_is_not_overdue(self) -> None:
        assert dossier().ledger(DUE).overdue is None
        assert dossier((DUE, PROCESSED)).ledger(at(20)).overdue is None
        assert dossier().ledger(DUE + timedelta(seconds=1)).overdue is not None

    def test_counts_the_days_that_led_to_it(self) -> None:
        tet = told(
            [(vietnam("2026-02-11 15:10"), received()), (vietnam("2026-02-11 15:10"), routed())]
        )
        days = tet.ledger(vietnam("2026-02-12 08:00")).days
        kinds = [day.kind for day in days]
        assert (kinds.count(DayKind.HOLIDAY), kinds.count(DayKind.WEEKEND)) == (5, 4)
        assert sum(day.working_seconds for day in days) == 24 * HOUR

    def test_is_extended_by_a_letter_and_says_by_how_much(self) -> None:
        issued = (at(5), letter(DUE, at(12)))
        shown = dossier(issued, (at(6), letter(at(12), at(15)))).ledger(at(7))
        first, second = shown.letters
        assert (first.moved, first.added_seconds) == (True, 24 * HOUR)
        assert (second.moved, second.added_seconds) == (False, 0)
        assert (shown.original_due, shown.due) == (DUE, at(12))
        assert shown.extended_seconds == 24 * HOUR
        assert shown.budget_seconds == 48 * HOUR

    def test_is_not_moved_by_a_letter_that_came_after_it(self) -> None:
        shown = dossier((at(8), letter(DUE, at(12), in_time=False))).ledger(at(11))
        (late,) = shown.letters
        assert (late.moved, late.in_time) == (False, False)
        assert shown.due == DUE


class TestBesideTheWhole:
    def test_each_step_has_its_own_clock(self) -> None:
        # Three steps: eight hours each.
        facts = [
            (at(4), started(0)),
            (at(5, "09:00"), completed(0)),
            (at(5, "09:00"), started(1)),
            (at(5, "10:00"), STOPPED),
        ]
        shown = dossier(*facts).ledger(at(6))
        first, second = shown.steps
        assert (first.budget_seconds, first.used_seconds) == (8 * HOUR, 9 * HOUR)
        assert (first.due, first.late) == (at(5), True)
        assert (second.begin, second.end, second.used_seconds) == (at(5, "09:00"), None, HOUR)
        assert (second.due, second.late) == (None, False)  # it stands with the whole

    def test_another_authority_has_its_own_deadline_which_no_pause_moves(self) -> None:
        facts = [(at(4), consulted("H29.3", 1)), (at(4, "09:00"), STOPPED)]
        (asked,) = dossier(*facts).ledger(at(6)).consultations
        assert (asked.due, asked.late, asked.answered_at) == (at(5), True, None)
        assert (asked.budget_seconds, asked.used_seconds) == (8 * HOUR, 16 * HOUR)


class TestWhatElseIsInIt:
    def test_an_exemption_and_a_supplement_too_many(self) -> None:
        facts = [(at(4, "09:00"), DEMANDED), (at(4, "10:00"), DELIVERED), (at(5), DEMANDED)]
        shown = dossier(*facts, (at(6), exempted())).ledger(at(7))
        assert (shown.supplements, shown.repeated_at) == (2, at(5))
        assert shown.exemption is not None
        assert shown.exemption.reason == "a flood"

    def test_alerts_that_were_retracted_with_the_reason(self) -> None:
        late = dossier(until=at(8))
        facts = [*BEGIN, (at(8, "08:00"), exempted()), (at(5), STOPPED)]
        shown = told(facts, until=at(20)).ledger(at(20))
        assert {a.kind for a in late.ledger(at(8)).alerts} >= {"DossierOverdue", "DossierSoonDue"}
        assert not any(a.retracted for a in late.ledger(at(8)).alerts)
        causes = {a.kind: a.cause for a in shown.alerts if a.retracted}
        assert causes[AlertKind.OVERDUE] is RetractionCause.NOT_REACHED
        assert causes[AlertKind.LAST_CALL] is RetractionCause.EXEMPT
        assert causes[AlertKind.APOLOGY_OWED] is RetractionCause.EXEMPT

    def test_the_moments_that_follow_by_the_rules(self) -> None:
        kinds = {m.kind: m.at for m in dossier().ledger(at(4, "09:00")).moments}
        assert kinds[AlertKind.OVERDUE] == DUE
        assert kinds[AlertKind.LAST_CALL] == at(6)
        assert kinds[AlertKind.APOLOGY_OWED] == DUE

    def test_the_version_that_judged_the_dossier_and_the_one_that_it_was_drawn_up_by(self) -> None:
        shown = dossier().ledger(at(5))
        assert shown.rule == shown.rule_applied
        assert shown.rule_applied.startswith("rules ")


class TestThereIsNone:
    def test_of_a_dossier_that_nobody_knows_or_that_was_not_received_yet(self) -> None:
        known = dossier()
        assert ledger(Sla(), known.terms, at(5)) is None
        assert ledger(known.state, known.terms, at(4) - timedelta(milliseconds=1)) is None

    def test_for_a_time_that_the_calendars_do_not_know(self) -> None:
        with pytest.raises(OutsideCalendar):
            dossier().ledger(vietnam("2041-01-01 08:00"))


@examples(1.5)
@given(dossiers())
def test_segments_are_elapsed_time_to_the_second_without_gap_or_overlap(
    drawn: tuple[Dossier, datetime],
) -> None:
    random, moment = drawn
    shown = random.ledger(moment)
    stop = shown.ended_at or moment
    whole = stop.replace(microsecond=0) - shown.received_at.replace(microsecond=0)
    assert timedelta(seconds=shown.elapsed_seconds) == whole
    assert sum(part.elapsed_seconds for part in shown.segments) == shown.elapsed_seconds
    assert all(before.end == after.begin for before, after in pairwise(shown.segments))
    for totals in (shown.by_account, shown.by_unit):
        assert sum(each.elapsed_seconds for each in totals.values()) == shown.elapsed_seconds
        assert sum(each.used_seconds for each in totals.values()) == shown.used_seconds
    if shown.segments:
        assert shown.segments[0].begin == shown.received_at
        assert shown.segments[-1].end == shown.ended_at
        assert all(part.end is not None for part in shown.segments[:-1])


@examples(1.5)
@given(dossiers())
def test_what_is_used_is_what_the_judgement_says_and_the_piece_that_runs_still(
    drawn: tuple[Dossier, datetime],
) -> None:
    random, moment = drawn
    known = as_of(random.state, moment)
    judged, found = assess(known, random.terms), course(known, random.terms)
    assert judged is not None
    assert found is not None
    shown = random.ledger(moment)
    last = found.running.pieces[-1]
    open_piece = last.calendar.measure(last.begin, moment) if last.end is None else 0
    assert shown.used_seconds == judged.used + open_piece
    assert shown.left_seconds == shown.budget_seconds - shown.used_seconds
    overdue = shown.overdue
    assert (overdue.working_seconds if overdue else 0) == max(0, -shown.left_seconds)


@examples(1.5)
@given(dossiers())
def test_the_days_count_for_the_budget_and_the_changes_of_the_due_time_lead_to_it(
    drawn: tuple[Dossier, datetime],
) -> None:
    random, moment = drawn
    shown = random.ledger(moment)
    counted = sum(day.working_seconds for day in shown.days)
    assert counted == (shown.used_seconds if shown.due is None else shown.budget_seconds)
    if all(each.at > shown.received_at for each in shown.letters):
        assert shown.dues[0].due in (shown.original_due, None)
    assert shown.dues[-1].due == shown.due == shown.due_from(moment)


@examples(1.5)
@given(dossiers())
def test_asked_about_after_all_that_is_known_it_agrees_with_the_state(
    drawn: tuple[Dossier, datetime],
) -> None:
    random, moment = drawn
    last = newest(random.state)
    assert last is not None
    later = max(moment, last)
    known = as_of(random.state, later)
    assert (
        assess(known, random.terms) == random.state.assessment == assess(random.state, random.terms)
    )
    shown = random.ledger(later)
    assert shown.rule == shown.rule_applied == random.state.rule
