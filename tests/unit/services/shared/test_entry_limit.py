"""How far back a request may be dated."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from contracts.events import intake, routing
from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.values import EARLIEST
from contracts.wire.envelope import Event
from services.shared.entry_limit import EntryLimit, entry_limit
from services.shared.lifecycle import LateEntry, Tracked, track
from services.shared.refused import Refused
from services.shared.rulebook.book import LateEntryRule
from tests.support.event import event
from tests.support.rule_sets import WORLD
from tests.support.times import vietnam

UNIT = "H29.15"
STOP = routing.StopRequested(reason="court")
THURSDAY = vietnam("2024-03-07 09:00")


LIMIT = entry_limit(WORLD, event(STOP, THURSDAY))


def asked(dated: datetime, entered: datetime | None, data: EventData = STOP) -> Event:
    return replace(event(data, dated), recorded=entered)


def refused(limit: EntryLimit, request: Event, *approved: LateEntry) -> Refused:
    with pytest.raises(Refused) as caught:
        limit.check(Tracked(late_entries=approved), request, UNIT)
    return caught.value


def test_a_working_day_back_is_in_time_and_a_second_more_is_too_late() -> None:
    limit = LIMIT
    a_day_later = THURSDAY + timedelta(days=1)
    limit.check(Tracked(), asked(THURSDAY, a_day_later), UNIT)
    found = refused(limit, asked(THURSDAY, a_day_later + timedelta(seconds=1)))
    assert found.reason is RefusalReason.ENTERED_TOO_LATE
    assert "more than 8 working hours" in found.detail
    assert f"the head of unit {UNIT}" in found.detail
    assert "POST /dossiers/H29.15-240304-0001/late-entries at routing" in found.detail


def test_a_weekend_is_no_delay() -> None:
    friday, monday = vietnam("2024-03-08 16:30"), vietnam("2024-03-11 09:00")
    LIMIT.check(Tracked(), asked(friday, monday), UNIT)


def test_a_reception_on_paper_may_be_entered_within_a_week() -> None:
    reception = intake.ReceptionRequested()
    monday = vietnam("2024-03-04 09:00")
    LIMIT.check(Tracked(), asked(monday, monday + timedelta(days=7), reception), UNIT)
    found = refused(LIMIT, asked(monday, monday + timedelta(days=8), reception))
    assert "more than 40 working hours" in found.detail


def test_what_does_not_say_when_it_was_entered_is_not_judged() -> None:
    LIMIT.check(Tracked(), asked(THURSDAY - timedelta(days=900), None), UNIT)


@pytest.mark.parametrize("ahead", [timedelta(milliseconds=1), timedelta(days=400)])
def test_nothing_is_dated_after_its_entry(ahead: timedelta) -> None:
    found = refused(LIMIT, asked(THURSDAY + ahead, THURSDAY))
    assert found.reason is RefusalReason.WRONG_DATE


def test_nothing_is_dated_before_the_calendars_begin_whoever_approves() -> None:
    before = EARLIEST - timedelta(milliseconds=1)
    approved = LateEntry("StopRequested", before, THURSDAY)
    found = refused(LIMIT, asked(before, THURSDAY), approved)
    assert found.reason is RefusalReason.WRONG_DATE


SINCE, UNTIL = vietnam("2024-02-20 08:00"), vietnam("2024-03-07 08:00")
APPROVED = LateEntry("StopRequested", SINCE, UNTIL)
ENTERED = vietnam("2024-06-07 08:00")


@given(st.datetimes(min_value=datetime(2024, 2, 1), max_value=datetime(2024, 4, 1)))
def test_an_approval_covers_what_is_dated_between_its_begin_and_itself(local: datetime) -> None:
    dated = vietnam(local.isoformat(sep=" ", timespec="minutes"))
    state = Tracked(late_entries=(APPROVED,))
    if SINCE <= dated <= UNTIL:
        LIMIT.check(state, asked(dated, ENTERED), UNIT)
    else:
        refused(LIMIT, asked(dated, ENTERED), APPROVED)


def test_an_approval_covers_no_other_request() -> None:
    resumption = routing.ResumptionRequested(reason="it goes on")
    found = refused(LIMIT, asked(SINCE, ENTERED, resumption), APPROVED)
    assert found.reason is RefusalReason.ENTERED_TOO_LATE


@pytest.mark.parametrize("times", [1, 2])
def test_an_approval_is_folded_once_whatever_the_order(times: int) -> None:
    def approval(since: datetime, at: datetime) -> Event:
        data = routing.LateEntryApproved(
            request="StopRequested", at=since, reason="outage", unit=UNIT, by="cb-29-0129"
        )
        return event(data, at)

    one, other = approval(SINCE, UNTIL), approval(SINCE, UNTIL + timedelta(hours=1))
    folded = Tracked()
    backwards = Tracked()
    for fact in [one, other] * times:
        folded = track(folded, fact)
    for fact in [other, one] * times:
        backwards = track(backwards, fact)
    assert folded == backwards
    assert len(folded.late_entries) == 2


def test_a_rule_for_a_request_that_does_not_exist_is_a_slip() -> None:
    with pytest.raises(ValidationError, match="there is no request StopReqested"):
        LateEntryRule(by_request={"StopReqested": 8})
