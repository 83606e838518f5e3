"""One long dossier for the benches: thirty facts, as intake and routing decide them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from contracts.events import intake, routing
from contracts.events.refusals import Refusal
from contracts.model import EventData, Kind
from contracts.values import FilingChannel
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event, derive_id
from services.runtime.core.decider import Decider
from services.runtime.testing import InProcess

CODE = "H29.1-250303-0001"
FACTS = 30
"""Of intake and routing; what sla announces of the dossier comes on top."""


def long_dossier(deciders: Sequence[Decider[Any]]) -> InProcess:
    """A city in which that dossier alone was received, worked on, paused, paid for and returned.

    Raises AssertionError if it comes to other facts than it is meant to: then the catalogue or
    the rules have changed, and figures from before are of another dossier.
    """
    city = InProcess(deciders)
    for number, (at, asked, by) in enumerate(_requests()):
        actor = Actor(AuthType.APP_USER, by)
        city.feed(
            [Event(derive_id("bench", number), "/motcua/bench", CODE, at, asked, actor=actor)]
        )
    refused = [event.data for event in city.log if isinstance(event.data, Refusal)]
    if refused:
        raise AssertionError(f"the dossier goes another way now: {refused[0]!r}")
    decided = sum(event.data.OWNER != "sla" for event in facts_of(city))
    if decided != FACTS:
        raise AssertionError(f"the dossier has {decided} facts now, and not {FACTS}")
    return city


def facts_of(city: InProcess) -> list[Event]:
    """The facts on its log, in their order; the requests left out."""
    return [event for event in city.log if event.data.KIND is Kind.FACT]


_MIDNIGHT = datetime(2025, 3, 3, tzinfo=timezone(timedelta(hours=7)))
"""That begins the day of reception in Vietnam, a Monday; no holiday is near."""
_COUNTER, _BRANCH, _OTHER_BRANCH = "H29.1", "H29.6.1", "H29.6.2"
_CLERK, _HEAD, _OTHER_HEAD = "cb-29-0004", "cb-29-0169", "cb-29-0176"


def _requests() -> Iterator[tuple[datetime, EventData, str]]:
    """Three weeks, of which the clock runs for some seven of the ten working days allowed."""
    for day, hour, asked, by in (
        (0, 8, _FILED, _CLERK),
        (0, 14, intake.ReceptionRequested(), _CLERK),
        (1, 9, _demand("Bản vẽ"), _HEAD),
        (3, 9, _deliver("Bản vẽ"), _CLERK),
        (3, 15, _done("verify"), _HEAD),
        (4, 9, _hand_over(_OTHER_BRANCH), _HEAD),
        (7, 9, _demand("Giấy ủy quyền"), _HEAD),
        (9, 10, _deliver("Giấy ủy quyền"), _CLERK),
        (9, 14, _hand_over(_BRANCH), _OTHER_HEAD),
        (9, 15, _done("extract-cadastre"), _HEAD),
        (10, 9, intake.PaymentDemandRequested(amount=3_000_000, reason="Lệ phí"), _HEAD),
        (11, 9, intake.PaymentReportRequested(amount=1_000_000, reference="CK-1"), _CLERK),
        (14, 9, intake.PaymentReportRequested(amount=2_000_000, reference="CK-2"), _CLERK),
        (14, 14, routing.StepReassignmentRequested(lead="cb-29-0171"), _HEAD),
        (14, 15, _done("tax-transfer"), _HEAD),
        (15, 9, routing.StopRequested(reason="Chờ kết luận thanh tra"), _HEAD),
        (16, 9, routing.ResumptionRequested(reason="Đã có kết luận"), _HEAD),
        (16, 14, routing.StepReassignmentRequested(lead="cb-29-0172"), _HEAD),
        (17, 9, routing.StopRequested(reason="Có tranh chấp"), _HEAD),
        (18, 9, routing.ResumptionRequested(reason="Hết tranh chấp"), _HEAD),
        (18, 14, _done("approve"), _HEAD),
        (21, 9, _done("update-register"), _HEAD),
        (22, 9, _returned(), _CLERK),
    ):
        yield (_MIDNIGHT + timedelta(days=day, hours=hour)).astimezone(UTC), asked, by


def _demand(paper: str) -> EventData:
    return intake.SupplementDemandRequested(documents=(paper,), reason="Còn thiếu")


def _deliver(paper: str) -> EventData:
    return intake.SupplementDeliveryRequested(documents=(paper,), unit=_COUNTER)


def _done(step: str) -> EventData:
    return routing.StepCompletionRequested(step=step)


def _hand_over(unit: str) -> EventData:
    return routing.HandOverRequested(to_unit=unit, reason="Thuộc địa bàn khác")


def _returned() -> EventData:
    return routing.ResultReturnRequested(unit=_COUNTER, channel=FilingChannel.COUNTER)


_FILED = intake.RegistrationRequested(
    procedure="1.013831",
    channel=FilingChannel.ONLINE,
    receiving_unit=_COUNTER,
    returning_unit=_COUNTER,
    place="26740",
    citizen="bench",
)
