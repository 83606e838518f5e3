"""What finds no competent unit stands on the desk of the head whose unit received it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.events import notify, routing, sla
from contracts.events.notify import UnitAlertKind
from contracts.model import EventData
from tests.support.mornings import FRIDAY, HEAD, UNIT, Morning, items, planned
from tests.support.notify_dossiers import CODE, RECEIVED, ROUTED, WITHDRAWN, Dossier
from tests.support.times import at

UNROUTABLE = routing.DossierUnroutable(reason="no rule names a unit")
OVER = routing.DossierHandedOver(to_unit="H29.131", reason="theirs", lead="cb-2", by=HEAD)
NOON = at(7, "12:00")


class Unrouted(Dossier):
    """A dossier that H29.15 received and no rule names a unit for."""

    def __init__(self, *, history: bool = False) -> None:
        super().__init__(begin=[RECEIVED.model_copy(update={"receiving_unit": UNIT})])
        self.hear(UNROUTABLE, NOON, history=history)

    @property
    def morning(self) -> Morning:
        """The desk, with all that the dossier put on it."""
        desk = Morning()
        for event in self.events:
            if isinstance(event.data, notify.UnitAlerted | notify.UnitAlertCleared):
                desk.take(event)
        return desk


def test_the_head_of_the_receiving_unit_is_told_in_the_morning() -> None:
    dossier = Unrouted()
    (alert,) = [d for d in dossier.said if isinstance(d, notify.UnitAlerted)]
    assert (alert.morning, alert.unit, alert.dossier) == (FRIDAY, UNIT, CODE)
    assert (alert.alert, alert.due, alert.lead) == (UnitAlertKind.UNROUTED, NOON, None)
    desk = dossier.morning
    desk.tick(at(9))
    (message,) = [planned(event.data) for event in desk.said]
    assert (message.recipient, message.template) == (HEAD, "head-digest")
    assert [item["kind"] for item in items(message)] == ["DossierUnroutable"]


@pytest.mark.parametrize("end", [OVER, ROUTED, WITHDRAWN], ids=lambda data: data.NAME)
def test_it_is_cleared_when_it_is_handed_over_or_ends(end: EventData) -> None:
    dossier = Unrouted()
    dossier.hear(end, NOON + timedelta(hours=1))
    (cleared,) = [d for d in dossier.said if isinstance(d, notify.UnitAlertCleared)]
    assert (cleared.morning, cleared.wrong) == (FRIDAY, False)
    assert dossier.stored.state.alerted == {}
    desk = dossier.morning
    desk.tick(at(9))
    assert desk.said == []


def test_what_was_handed_over_before_that_is_heard_of_is_not_said() -> None:
    dossier = Dossier(begin=[RECEIVED, OVER])
    dossier.hear(UNROUTABLE, NOON)
    assert not any(isinstance(d, notify.UnitAlerted) for d in dossier.said)


def test_nothing_is_said_of_the_past() -> None:
    assert not any(isinstance(d, notify.UnitAlerted) for d in Unrouted(history=True).said)


def test_a_hand_over_leaves_other_alerts_on_their_desk() -> None:
    dossier = Dossier()
    late = sla.StepOverdue(step="one", ordinal=0, due=NOON, unit=UNIT)
    alert = dossier.hear(late, NOON)
    dossier.hear(OVER, NOON + timedelta(hours=1))
    assert dossier.stored.state.desk_of(alert.id) == FRIDAY
