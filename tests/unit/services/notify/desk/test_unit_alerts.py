"""Who led a step when it became overdue is told of it, in whatever order that was heard of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import notify, routing, sla
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.dossier.state import Notify
from tests.support.mornings import FRIDAY, Morning, items, planned
from tests.support.notify_dossiers import DUE, OVER, PROCESSED, Dossier, retracted
from tests.support.times import at

UNIT = "H29.131"
TEN = at(8, "10:00")
LATE_STEP = sla.StepOverdue(step="one", ordinal=0, due=TEN, unit=UNIT)
SECOND = routing.StepStarted(step="two", ordinal=1, unit=UNIT, lead="cb-2")


def named(lead: str, ordinal: int = 0) -> EventData:
    step = ("one", "two")[ordinal]
    return routing.StepReassigned(step=step, ordinal=ordinal, lead=lead, by="cb-9")


def over_to(unit: str, lead: str) -> EventData:
    return routing.DossierHandedOver(to_unit=unit, reason="r", lead=lead, by="cb-9")


class House:
    """A dossier, and the desks that it puts something on."""

    def __init__(self) -> None:
        self.dossier = Dossier()
        self.desks: dict[str, Morning] = {}
        self._carried = len(self.dossier.events)

    def hear(self, data: EventData, when: datetime, **more: Any) -> Event:
        fact = self.dossier.hear(data, when, **more)
        self.carry(self.dossier.events[self._carried :])
        self._carried = len(self.dossier.events)
        return fact

    def carry(self, events: Sequence[Event]) -> None:
        """Puts them on the desks."""
        for event in events:
            if isinstance(event.data, notify.UnitAlerted | notify.UnitAlertCleared):
                self.desks.setdefault(event.subject, Morning(event.subject)).take(event)

    def alerts(self) -> list[notify.UnitAlerted]:
        return [d for d in self.dossier.said if isinstance(d, notify.UnitAlerted)]

    def tick(self, before: datetime) -> None:
        for desk in self.desks.values():
            desk.tick(before)

    def told(self) -> set[tuple[str, str, tuple[str, ...]]]:
        """Who was told of which alerts, in which message."""
        return {
            (data.recipient, data.template, tuple(item["kind"] for item in items(data)))
            for desk in self.desks.values()
            for data in (planned(event.data) for event in desk.said)
        }

    def said(self) -> set[str]:
        """All that the desks said, to the letter."""
        return {
            f"{event.id} {event.time} {event.data!r}"
            for desk in self.desks.values()
            for event in desk.said
        }


# -- who led then -----------------------------------------------------------------------------


def test_whoever_led_the_step_is_told_though_the_next_one_was_heard_of_first() -> None:
    for order in permutations([(LATE_STEP, TEN), (SECOND, at(8, "11:00"))]):
        house = House()
        for data, when in order:
            house.hear(data, when)
        assert [(a.at, a.lead) for a in house.alerts()] == [(TEN, "cb-1")]
        house.tick(at(20))
        assert ("cb-1", "officer-digest", ("StepOverdue",)) in house.told()
        assert "cb-2" not in {who for who, _, _ in house.told()}


def test_whoever_was_named_after_that_is_not_told_though_it_was_heard_of_first() -> None:
    for order in permutations([(LATE_STEP, TEN), (named("cb-3"), TEN + timedelta(seconds=1))]):
        house = House()
        for data, when in order:
            house.hear(data, when)
        assert {a.lead for a in house.alerts()} == {"cb-1"}


@pytest.mark.parametrize("data", [named("cb-3"), over_to("H29.132", "cb-3")], ids=lambda d: d.NAME)
def test_whoever_led_it_by_what_was_entered_late_is_told_in_the_others_place(
    data: EventData,
) -> None:
    house = House()
    alert = house.hear(LATE_STEP, TEN)
    house.hear(data, at(8, "09:00"))
    first, again = house.alerts()
    assert (first.lead, again.lead) == ("cb-1", "cb-3")
    assert again == first.model_copy(update={"lead": "cb-3"})
    assert again.alert_id == alert.id
    house.tick(at(20))
    assert {who for who, template, _ in house.told() if template == "officer-digest"} == {"cb-3"}


def test_an_alert_is_said_again_only_if_another_led() -> None:
    house = House()
    house.hear(LATE_STEP, TEN)
    house.hear(named("cb-1"), at(8, "09:00"))
    house.hear(named("cb-3"), at(8, "11:00"))
    house.hear(SECOND, at(8, "12:00"))
    house.hear(named("cb-3", 1), at(8, "09:30"))
    assert len(house.alerts()) == 1


def test_what_was_done_or_taken_back_before_is_not_said_again() -> None:
    for end in (PROCESSED, None):
        house = House()
        alert = house.hear(LATE_STEP, TEN)
        house.hear(end or retracted(alert), at(8, "12:00"))
        house.hear(named("cb-3"), at(8, "09:00"))
        assert len(house.alerts()) == 1
        house.tick(at(20))
        assert house.told() == set()


def test_a_breach_of_a_dossier_that_is_done_is_put_right_as_long_as_nobody_was_told() -> None:
    house = House()
    house.hear(OVER, DUE)
    house.hear(PROCESSED, DUE + timedelta(minutes=1))
    house.hear(named("cb-3"), at(8))
    house.tick(at(20))
    officers = {(who, t) for who, t, _ in house.told() if t.startswith("officer")}
    assert officers == {("cb-3", "officer-overdue")}


def test_what_stands_on_the_log_twice_is_put_right_once() -> None:
    house = House()
    for data, when in ((LATE_STEP, TEN), (named("cb-3"), at(8, "09:00"))):
        house.hear(data, when)
    before = house.dossier.events
    house.carry(before)
    house.carry([e for e in before if isinstance(e.data, notify.UnitAlerted)][:1])
    house.tick(at(20))
    assert {who for who, t, _ in house.told() if t == "officer-digest"} == {"cb-3"}

    again = Dossier()
    again.hear(LATE_STEP, TEN)
    again.hear(named("cb-3"), at(8, "09:00"))
    assert [e.id for e in again.events] == [e.id for e in before]


FACTS: tuple[tuple[EventData, datetime], ...] = (
    (LATE_STEP, TEN),
    (named("cb-3"), at(8, "09:00")),
    (named("cb-4"), at(8, "09:30")),
    (named("cb-5"), at(8, "10:30")),
    (SECOND, at(8, "11:00")),
    (named("cb-6", 1), at(8, "11:30")),
    (sla.DossierSoonDue(at=at(8, "12:00"), due=DUE, unit=UNIT), at(8, "12:00")),
    (over_to("H29.132", "cb-7"), at(11, "15:00")),
    (sla.DossierOverdue(due=DUE, unit="H29.132"), DUE),
    (routing.DossierHandedOver(to_unit=UNIT, reason="r", lead="cb-8", by="b"), at(12, "09:00")),
)


@given(st.permutations(FACTS))
def test_the_desks_tell_the_same_officers_in_whatever_order_facts_are_heard_of(
    order: list[tuple[EventData, datetime]],
) -> None:
    house, calm = House(), House()
    for data, when in order:
        house.hear(data, when)
    for data, when in FACTS:
        calm.hear(data, when)
    for each in (house, calm):
        each.tick(at(20))
    assert house.said() == calm.said()
    assert ("cb-4", "officer-digest", ("StepOverdue",)) in house.told()
    assert {desk: m.stored.state for desk, m in house.desks.items()} == {
        desk: m.stored.state for desk, m in calm.desks.items()
    }
    assert house.dossier.stored.state.leads == calm.dossier.stored.state.leads


# -- what was told ----------------------------------------------------------------------------


def test_what_was_told_stays_as_it_was_told_and_a_correction_goes_to_whoever_was_told() -> None:
    morning = Morning()
    morning.alerted("a", alert="DossierOverdue", lead="cb-1")
    morning.tick(at(7, "17:00"))
    morning.alerted("a", alert="DossierOverdue", lead="cb-3", when=at(7, "15:00"))
    morning.tick(at(8, "09:00"))
    morning.alerted("a", alert="DossierOverdue", lead="cb-4", when=at(7, "15:30"))
    morning.cleared("a", at(8, "10:00"), wrong=True)
    morning.tick(at(20))
    officers = [planned(e.data) for e in morning.said if planned(e.data).audience == "officer"]
    assert [(m.template, m.recipient) for m in officers] == [
        ("officer-overdue", "cb-1"),
        ("officer-digest", "cb-3"),
        ("officer-retracted", "cb-1"),
    ]


def test_what_came_late_to_the_desk_is_put_right_as_long_as_nobody_was_told() -> None:
    morning = Morning()
    morning.alerted("a")
    morning.tick(at(8, "09:00"))
    morning.alerted("b", lead="cb-1")
    morning.alerted("b", lead="cb-3", when=at(7, "15:00"))
    morning.tick(at(20))
    (told,) = morning.messages("officer-digest")
    assert planned(told.data).recipient == "cb-3"
    assert morning.told("head-digest") == [(at(8, "07:30"), {"a"}), (at(11, "07:30"), {"b"})]


def test_a_breach_that_is_put_right_is_told_when_it_would_have_been() -> None:
    morning = Morning()
    morning.alerted("a", alert="DossierOverdue", lead="cb-1")
    morning.alerted("a", alert="DossierOverdue", lead="cb-3", when=at(7, "15:00"))
    morning.tick(at(7, "17:00"))
    assert morning.told("officer-overdue") == [(at(7, "16:10"), {"a"})]


def test_what_an_older_release_kept_is_read_and_told_of() -> None:
    dossier = Dossier()
    kept = msgspec.to_builtins(dossier.stored.state)
    kept.pop("leads")
    kept["lead"] = [at(7, "08:00"), False, 0, "e-1", "cb-old"]
    kept["alerted"] = {"before": FRIDAY}
    dossier.stored.state = msgspec.convert(kept, Notify)
    dossier.hear(LATE_STEP, TEN)
    dossier.hear(named("cb-3"), at(8, "11:00"))
    dossier.hear(named("cb-2"), at(8, "09:00"))
    leads = [d.lead for d in dossier.said if isinstance(d, notify.UnitAlerted)]
    assert leads == ["cb-old", "cb-2"]
    dossier.hear(PROCESSED, at(8, "12:00"))
    cleared = {d.alert_id for d in dossier.said if isinstance(d, notify.UnitAlertCleared)}
    assert "before" in cleared
    state = dossier.stored.state
    assert msgspec.convert(msgspec.to_builtins(state), Notify) == state
