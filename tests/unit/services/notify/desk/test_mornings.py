"""A unit's morning whose alerts come late: each is told once, and they are told together."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from contracts.events import notify, sla
from contracts.model import EventData
from tests.support import facts
from tests.support.mornings import FRIDAY, UNIT, Morning, items, planned
from tests.support.notify_dossiers import DUE, OVER, PROCESSED, SOON, Dossier, retracted
from tests.support.times import at

OWED = sla.ApologyOwed(at=DUE, due=DUE, unit=UNIT, cause=sla.DebtCause.BREACH)
LETTER = facts.letter(DUE, None, unit=UNIT)
CALLED = sla.LastCallGiven(at=at(7, "16:00"), due=DUE, unit=UNIT)


def test_an_alert_that_comes_after_the_digest_is_told_on_the_next_working_morning() -> None:
    morning = Morning()
    morning.alerted("a")
    morning.tick(at(8, "09:00"))
    morning.alerted("b")
    morning.tick(at(11, "07:30"))
    assert morning.told() == [(at(8, "07:30"), {"a"})]
    morning.tick(at(11, "07:31"))
    assert morning.told() == [(at(8, "07:30"), {"a"}), (at(11, "07:30"), {"b"})]
    assert len(set(morning.ids)) == 2
    last = planned(morning.said[-1].data)
    assert last.expires_at == at(11, "07:30") + timedelta(days=3)


def test_all_that_come_late_are_told_in_one_digest_whatever_their_order() -> None:
    ends = set()
    for order in permutations("bcd"):
        morning = Morning()
        morning.alerted("a")
        morning.tick(at(8, "09:00"))
        morning.alerted(*order)
        morning.tick(at(20))
        assert morning.told() == [(at(8, "07:30"), {"a"}), (at(11, "07:30"), {"b", "c", "d"})]
        ends.add((*morning.ids, msgspec.json.encode(morning.stored.state)))
    assert len(ends) == 1


def test_many_that_come_late_are_named_up_to_fifty_and_counted() -> None:
    morning = Morning()
    morning.alerted("a")
    morning.tick(at(8, "09:00"))
    morning.alerted(*(f"{n:03}" for n in range(120)))
    morning.tick(at(20))
    (_, late) = morning.said
    assert len(items(late.data)) == 50
    assert planned(late.data).params["count"] == "120"


def test_what_is_later_still_is_told_on_the_morning_after_that() -> None:
    morning = Morning()
    for mark, day in (("a", 8), ("b", 11), ("c", 12)):
        morning.alerted(mark)
        morning.tick(at(day, "09:00"))
    assert [when for when, _ in morning.told()] == [at(day, "07:30") for day in (8, 11, 12)]
    assert [marks for _, marks in morning.told()] == [{"a"}, {"b"}, {"c"}]
    assert len(set(morning.ids)) == 3


def test_what_was_told_is_not_told_again_if_it_is_heard_of_again() -> None:
    morning = Morning()
    morning.alerted("a")
    morning.tick(at(8, "09:00"))
    morning.alerted("b")
    morning.tick(at(12))
    morning.alerted("a", "b")
    morning.tick(at(20))
    assert len(morning.said) == 2


def test_what_came_late_and_was_taken_back_before_it_was_told_is_not_told() -> None:
    morning = Morning()
    morning.alerted("a")
    morning.tick(at(8, "09:00"))
    morning.alerted("b", "c")
    morning.cleared("b", at(8, "15:00"))
    morning.tick(at(20))
    assert [marks for _, marks in morning.told()] == [{"a"}, {"c"}]


def test_a_morning_that_an_older_release_told_is_not_told_again() -> None:
    morning = Morning()
    morning.alerted("a")
    morning.stored.state = msgspec.structs.replace(morning.stored.state, told=True)
    morning.alerted("b")
    morning.tick(at(20))
    assert morning.told() == [(at(11, "07:30"), {"b"})]


@pytest.mark.parametrize(
    ("when", "cleared"), [(at(8, "07:00"), 1), (at(8, "15:00"), 1), (at(11, "07:30"), 0)]
)
def test_the_desk_hears_that_a_dossier_is_done_as_long_as_it_may_tell_of_it(
    when: datetime, cleared: int
) -> None:
    dossier = Dossier()
    dossier.hear(CALLED, at(7, "16:00"))
    dossier.hear(PROCESSED, when)
    assert sum(isinstance(d, notify.UnitAlertCleared) for d in dossier.said) == cleared


def test_the_desk_hears_of_every_retraction_for_it_may_not_have_told_of_the_alert_yet() -> None:
    dossier = Dossier()
    owed = dossier.hear(OWED, at(7, "16:00"))
    dossier.hear(retracted(owed), at(14))
    (cleared,) = [d for d in dossier.said if isinstance(d, notify.UnitAlertCleared)]
    assert (cleared.morning, cleared.alert_id) == (FRIDAY, owed.id)


def test_a_dossier_that_is_done_after_the_morning_does_not_end_it_for_the_others() -> None:
    morning = Morning()
    morning.alerted("a")
    morning.cleared("a", at(8, "09:00"))
    morning.alerted("b")
    morning.tick(at(8, "10:00"))
    assert morning.told() == [(at(8, "07:30"), {"b"})]


def test_the_last_call_is_said_together_with_the_soon_due_notice_in_one_message() -> None:
    dossier, morning = Dossier(), Morning(f"{SOON.unit}@2024-03-08")
    for data in (SOON, CALLED.model_copy(update={"unit": SOON.unit})):
        dossier.hear(data, at(7, "16:00"))
    for event in dossier.events:
        if isinstance(event.data, notify.UnitAlerted):
            morning.take(event)
    morning.tick(at(11))
    (told,) = [planned(e.data) for e in morning.messages("head-digest")]
    item: Any
    (item,) = items(told)
    assert item["kind"] == "LastCallGiven"
    assert [also["kind"] for also in item["also"]] == ["DossierSoonDue"]
    assert len(morning.messages("officer-digest")) == 1


def test_a_letter_that_is_owed_is_told_of_though_the_dossier_is_done_until_it_is_written() -> None:
    for end, told in ((PROCESSED, 1), (LETTER, 0)):
        dossier = Dossier()
        dossier.hear(OWED, at(7, "16:00"))
        dossier.hear(end, at(7, "17:00"))
        alerts = {d.alert_id for d in dossier.said if isinstance(d, notify.UnitAlerted)}
        cleared = {d.alert_id for d in dossier.said if isinstance(d, notify.UnitAlertCleared)}
        assert len(alerts - cleared) == told


@pytest.mark.parametrize("alert", [CALLED, OWED, SOON, OVER], ids=lambda alert: alert.NAME)
@pytest.mark.parametrize("ends", [at(8, "07:00"), at(8, "15:00"), at(11, "09:00")])
@pytest.mark.parametrize("end", [PROCESSED, LETTER], ids=lambda end: end.NAME)
def test_the_same_is_left_on_the_desk_and_known_whether_an_alert_or_the_end_was_heard_of_first(
    ends: datetime, alert: EventData, end: EventData
) -> None:
    left, known = [], []
    for order in ((alert, end), (end, alert)):
        dossier = Dossier()
        for data in order:
            dossier.hear(data, at(7, "16:00") if data is alert else ends)
        known.append(dossier.stored.state)
        alerts = [d.alert_id for d in dossier.said if isinstance(d, notify.UnitAlerted)]
        cleared = [d.alert_id for d in dossier.said if isinstance(d, notify.UnitAlertCleared)]
        left.append(set(alerts) - set(cleared))
    assert left[0] == left[1]
    assert known[0].alerted == known[1].alerted
