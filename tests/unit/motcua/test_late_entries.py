"""A stop that is dated sixteen days back: it cannot hide a breach, and a head can answer for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from contracts.catalogue import load_catalogue
from contracts.events import intake, refusals, routing, sla
from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.values import FilingChannel
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event
from motcua.deciders import city_deciders
from services.runtime.testing.inprocess import InProcess
from tests.support.event import CODE, event
from tests.support.facts import filing
from tests.support.times import vietnam

MONDAY = vietnam("2024-03-04 08:00")
TODAY = vietnam("2024-03-22 09:00")
SIXTEEN_DAYS_BACK = TODAY - timedelta(days=16)
STOP = routing.StopRequested(reason="Tòa án thụ lý", by="cb-1")
OFFICER = Actor(AuthType.APP_USER, "cb-1")


class City:
    """The four services over one dossier; three working days were promised on a Monday."""

    def __init__(self) -> None:
        self.services = InProcess(city_deciders())
        form = intake.FilingForm(**filing(channel=FilingChannel.COUNTER))
        self.asks(intake.ReceptionRequested(by="cb-1", filing=form), MONDAY)
        fee = [e.data for e in self.services.log if isinstance(e.data, intake.PaymentDemanded)]
        for owed in fee:
            paid = intake.PaymentReportRequested(amount=owed.amount, reference="r-1")
            self.asks(paid, MONDAY + timedelta(minutes=1))
        self.services.tick(TODAY)

    def asks(
        self, data: EventData, dated: datetime, entered: datetime | None = None
    ) -> list[Event]:
        """What comes of a request, entered when it happened unless said otherwise."""
        known = len(self.services.log)
        request = event(data, dated, id=f"{data.NAME}-{known}")
        self.services.feed([replace(request, recorded=entered or dated, actor=OFFICER)])
        return self.services.log[known + 1 :]

    @property
    def late(self) -> bool:
        found: bool = self.services.states["sla"][CODE].state.late
        return found

    @property
    def head(self) -> str:
        state = self.services.states["routing"][CODE].state
        return load_catalogue().units[state.unit_in_charge].head

    def approves(self, by: str, **changes: object) -> EventData:
        given = {
            "request": "StopRequested",
            "at": SIXTEEN_DAYS_BACK,
            "reason": "Mất điện",
            "by": by,
            **changes,
        }
        answer, *_ = self.asks(routing.LateEntryRequested.model_validate(given), TODAY)
        return answer.data


@pytest.fixture
def city() -> City:
    city = City()
    assert city.late
    return city


def test_without_approval_it_is_refused_and_the_breach_stands(city: City) -> None:
    (answer,) = city.asks(STOP, SIXTEEN_DAYS_BACK, TODAY)
    assert isinstance(answer.data, refusals.StopRefused)
    assert answer.data.reason is RefusalReason.ENTERED_TOO_LATE
    assert city.late


def test_with_the_heads_approval_it_takes_the_breach_back_and_says_who_and_when(
    city: City,
) -> None:
    assert isinstance(city.approves(city.head), routing.LateEntryApproved)
    facts = city.asks(STOP, SIXTEEN_DAYS_BACK, TODAY + timedelta(minutes=5))
    assert isinstance(facts[0].data, routing.DossierStopped)
    retractions = [e for e in facts if isinstance(e.data, sla.AlertRetracted)]
    assert sla.AlertKind.OVERDUE in {getattr(e.data, "alert", None) for e in retractions}
    assert not city.late
    state = city.services.states["sla"][CODE].state
    assert state.breach_taken_back is not None
    assert {one.entered for one in state.entered_late} == {TODAY + timedelta(minutes=5)}
    for fact in facts:
        if fact.source == "/motcua/routing" or fact in retractions:
            assert (fact.time, fact.recorded) == (SIXTEEN_DAYS_BACK, TODAY + timedelta(minutes=5))
            assert fact.actor == OFFICER


def test_an_approval_does_not_reach_further_back_than_it_says(city: City) -> None:
    city.approves(city.head)
    (answer,) = city.asks(STOP, SIXTEEN_DAYS_BACK - timedelta(milliseconds=1), TODAY)
    assert isinstance(answer.data, refusals.StopRefused)


@pytest.mark.parametrize(
    ("by", "changes", "reason"),
    [
        ("cb-1", {}, RefusalReason.NOT_THE_HEAD),
        (None, {"at": TODAY + timedelta(seconds=1)}, RefusalReason.WRONG_DATE),
        (None, {"at": vietnam("1999-12-31 23:59")}, RefusalReason.WRONG_DATE),
        (None, {"request": "HolidayRequested"}, RefusalReason.UNKNOWN_REQUEST),
        (None, {"request": "LateEntryRequested"}, RefusalReason.UNKNOWN_REQUEST),
    ],
)
def test_an_approval_is_refused(
    city: City, by: str | None, changes: dict[str, object], reason: RefusalReason
) -> None:
    answer = city.approves(by or city.head, **changes)
    assert isinstance(answer, refusals.LateEntryRefused)
    assert answer.reason is reason
    (stopped,) = city.asks(STOP, SIXTEEN_DAYS_BACK, TODAY)
    assert isinstance(stopped.data, refusals.StopRefused)


def test_an_approval_for_a_dossier_that_is_unknown_is_refused() -> None:
    services = InProcess(city_deciders())
    data = routing.LateEntryRequested(request="StopRequested", at=MONDAY, reason="r", by="cb-1")
    services.feed([event(data, TODAY)])
    answer = services.log[-1].data
    assert isinstance(answer, refusals.LateEntryRefused)
    assert answer.reason is RefusalReason.UNKNOWN_DOSSIER


def test_an_approval_is_itself_not_dated_back(city: City) -> None:
    data = routing.LateEntryRequested(request="StopRequested", at=MONDAY, reason="r", by=city.head)
    (answer,) = city.asks(data, SIXTEEN_DAYS_BACK, TODAY)
    assert isinstance(answer.data, refusals.LateEntryRefused)
    assert answer.data.reason is RefusalReason.ENTERED_TOO_LATE


def test_what_timers_say_was_entered_by_nobody_at_the_timers_time(city: City) -> None:
    alerts = [e for e in city.services.log if isinstance(e.data, sla.DossierOverdue)]
    assert [(e.actor, e.recorded) for e in alerts] == [
        (Actor(AuthType.SYSTEM, "/motcua/sla"), e.time) for e in alerts
    ]
    assert alerts


def test_all_services_hold_to_the_limit(city: City) -> None:
    letter = sla.ApologyRequested(reason="r", due=TODAY + timedelta(days=9), by=city.head)
    demand = intake.SupplementDemandRequested(documents=("a form",), reason="r", by="cb-1")
    for data in (letter, demand):
        (answer,) = city.asks(data, SIXTEEN_DAYS_BACK, TODAY)
        assert isinstance(answer.data, refusals.Refusal)
        assert answer.data.reason is RefusalReason.ENTERED_TOO_LATE, data.NAME
        now, *_ = city.asks(data, TODAY)
        assert not isinstance(now.data, refusals.Refusal)
