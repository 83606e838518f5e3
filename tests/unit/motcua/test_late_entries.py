"""A stop that is dated sixteen days back: it cannot hide a breach, and a head can answer for it."""

from __future__ import annotations

import pytest

from contracts.events import intake, refusals, routing, sla
from contracts.events.refusals import RefusalReason
from contracts.wire.actor import Actor, AuthType
from motcua.testing.city import City
from motcua.testing.dossier import Dossier
from motcua.testing.local_time import moment
from motcua.testing.plugin import city as city

TODAY = "2024-03-22 09:00"
SIXTEEN_DAYS_BACK = "2024-03-06 09:00"
STOP = "StopRequested"


@pytest.fixture
def d(city: City) -> Dossier:
    """Three working days were promised on a Monday, and have passed."""
    dossier = city.receive("1.004194", unit="H29.15", on="2024-03-04 08:00")
    city.at(TODAY)
    assert dossier.late
    return dossier


def test_without_approval_it_is_refused_and_the_breach_stands(d: Dossier) -> None:
    refusal = d.tries(d.stop, when=SIXTEEN_DAYS_BACK)
    assert isinstance(refusal, refusals.StopRefused)
    assert refusal.reason is RefusalReason.ENTERED_TOO_LATE
    assert d.late


def test_with_the_heads_approval_it_takes_the_breach_back_and_says_who_and_when(
    d: Dossier,
) -> None:
    d.approve_late_entry(STOP, SIXTEEN_DAYS_BACK)
    d.city.at("2024-03-22 09:05")
    before = d.city.events
    d.stop(by="cb-1", when=SIXTEEN_DAYS_BACK)
    assert not d.late
    assert "DossierOverdue" not in d.alerts
    entered = moment("2024-03-22 09:05")
    state = d.state("sla")
    assert state.breach_taken_back is not None
    assert {one.entered for one in state.entered_late} == {entered}
    told = [
        e for e in d.city.services.log
        if e not in before and isinstance(e.data, routing.DossierStopped | sla.AlertRetracted)
    ]  # fmt: skip
    assert len(told) > 1
    assert {(e.time, e.recorded, e.actor) for e in told} == {
        (moment(SIXTEEN_DAYS_BACK), entered, Actor(AuthType.APP_USER, "cb-1"))
    }


def test_an_approval_does_not_reach_further_back_than_it_says(d: Dossier) -> None:
    d.approve_late_entry(STOP, SIXTEEN_DAYS_BACK)
    assert d.tries(d.stop, when="2024-03-06 08:59:59.999").reason == "entered-too-late"


@pytest.mark.parametrize(
    ("request_name", "since", "by", "reason"),
    [
        (STOP, SIXTEEN_DAYS_BACK, "cb-1", RefusalReason.NOT_THE_HEAD),
        (STOP, "2024-03-22 09:00:01", None, RefusalReason.WRONG_DATE),
        (STOP, "1999-12-31 23:59", None, RefusalReason.WRONG_DATE),
        ("HolidayRequested", SIXTEEN_DAYS_BACK, None, RefusalReason.UNKNOWN_REQUEST),
        ("LateEntryRequested", SIXTEEN_DAYS_BACK, None, RefusalReason.UNKNOWN_REQUEST),
    ],
)
def test_an_approval_is_refused(
    d: Dossier, request_name: str, since: str, by: str | None, reason: RefusalReason
) -> None:
    refusal = d.tries(d.approve_late_entry, request_name, since, by=by)
    assert isinstance(refusal, refusals.LateEntryRefused)
    assert refusal.reason is reason
    assert d.tries(d.stop, when=SIXTEEN_DAYS_BACK).reason == "entered-too-late"


def test_an_approval_for_a_dossier_that_is_unknown_is_refused(city: City) -> None:
    unknown = Dossier(city, "H29.15-240304-0009")
    refusal = unknown.tries(unknown.approve_late_entry, STOP, "2024-03-04 08:00", by="cb-1")
    assert refusal.reason is RefusalReason.UNKNOWN_DOSSIER


def test_an_approval_is_itself_not_dated_back(d: Dossier) -> None:
    refusal = d.tries(
        d.approve_late_entry, STOP, "2024-03-04 08:00", when=SIXTEEN_DAYS_BACK
    )  # fmt: skip
    assert refusal.reason is RefusalReason.ENTERED_TOO_LATE


def test_what_timers_say_was_entered_by_nobody_at_the_timers_time(d: Dossier) -> None:
    (alert,) = (e for e in d.events if isinstance(e.data, sla.DossierOverdue))
    assert (alert.actor, alert.recorded) == (Actor(AuthType.SYSTEM, "/motcua/sla"), alert.time)


def test_all_services_hold_to_the_limit(d: Dossier) -> None:
    letter = d.tries(d.apologise, "2024-03-29 17:00", when=SIXTEEN_DAYS_BACK)
    demand = d.tries(d.demand_supplement, when=SIXTEEN_DAYS_BACK)
    assert letter.reason is demand.reason is RefusalReason.ENTERED_TOO_LATE
    assert isinstance(d.apologise("2024-03-29 17:00")[0], sla.ApologyIssued)
    assert isinstance(d.demand_supplement()[0], intake.SupplementDemanded)
