"""A month under the stream clock: what the head of a unit is told of it, and when."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from contracts.events import notify, routing
from contracts.wire.envelope import Event
from services.notify.quiet_hours import VIETNAM
from tests.support.event import acting
from tests.support.month import CATALOGUE, CODE, Month, at, finished


class TestTheHeadOfAUnit:
    def test_is_told_of_a_breach_ten_minutes_later_and_of_all_else_in_the_morning(self) -> None:
        month = Month()
        month.received(at(4))
        month.city.tick(at(28))
        unit = month.city.states["notify"][CODE].state.unit
        head = CATALOGUE.units[unit].head
        ((event, overdue),) = month.planned("head-overdue")
        assert (overdue.recipient, event.time) == (head, at(7, "08:10:00"))
        digests = month.planned("head-digest")
        assert all(m.recipient == head for _, m in digests)
        assert all(
            e.time.astimezone(VIETNAM).strftime("%H:%M:%S") == "07:30:00" for e, _ in digests
        )
        assert all(m.expires_at == e.time + timedelta(days=3) for e, m in digests)
        assert [e.subject for e, _ in digests] == [
            f"{unit}@2024-03-{day:02}" for day in sorted({_day(e) for e, _ in digests})
        ]
        listed = [msgspec.json.decode(m.params["items"]) for _, m in digests]
        # A dossier is one line, however many alerts it has.
        assert all(len({i["dossier"] for i in items}) == len(items) for items in listed)
        kinds = [a["kind"] for items in listed for i in items for a in (i, *i["also"])]
        assert "DossierOverdue" in kinds
        assert "DossierSoonDue" in kinds

    def test_and_the_leading_officer_are_told_in_the_morning(self) -> None:
        month = Month()
        month.received(at(4))
        unit = CATALOGUE.units[month.city.states["notify"][CODE].state.unit]
        first = month.city.states["routing"][CODE].state.lead
        lead = next(o for o in unit.officers if o not in (first, unit.head))
        month.told(routing.StepReassignmentRequested(lead=lead), at(4, "09:00:00"), by=unit.head)
        assert month.city.states["routing"][CODE].state.lead == lead
        month.city.tick(at(28))
        mine = month.planned("officer-digest")
        assert mine
        assert {(m.recipient, m.audience) for _, m in mine} == {(lead, "officer")}
        heads = {e.subject: m for e, m in month.planned("head-digest")}
        for event, message in mine:
            told = heads[event.subject]
            assert message.params == told.params  # the unit's only dossier is theirs
            assert message.message_id != told.message_id

    def test_is_not_told_in_the_morning_of_what_was_done_before(self) -> None:
        month = Month()
        month.received(at(4))
        month.city.tick(at(6, "09:00:00"))  # soon due, and a letter owed
        alerted = month.of(notify.UnitAlerted)
        assert alerted
        finished(month, 6)
        month.city.tick(at(28))
        waiting = {a.alert_id for a in alerted if a.morning.endswith("2024-03-07")}
        assert waiting
        # Those of the day before too: they might have got to the desk after its digest.
        assert {c.alert_id for c in month.of(notify.UnitAlertCleared)} >= waiting
        assert not any(e.subject.endswith("2024-03-07") for e, _ in month.planned("head-digest"))

    def test_is_told_when_a_breach_is_taken_back(self) -> None:
        month = Month()
        month.received(at(4))
        month.city.tick(at(8))
        month.city.feed(
            [
                Event(
                    "late-1",
                    "/x",
                    CODE,
                    at(5),
                    routing.StopRequested(reason="r"),
                    actor=acting("b"),
                ),
            ]
        )
        ((_, told),) = month.planned("head-overdue")
        month.city.tick(at(8, "09:00:00"))
        ((_, back),) = month.planned("head-retracted")
        assert back.recipient == told.recipient
        assert len(month.planned("retracted")) >= 1
        assert month.city.states["notify"][CODE].state.overdue == {}

    def test_is_left_alone_where_the_city_wants_it_so(self) -> None:
        month = Month(tells_officers=False)
        month.received(at(4))
        month.city.tick(at(28))
        assert month.of(notify.UnitAlerted) == []


def _day(event: Event) -> int:
    return event.time.astimezone(VIETNAM).day
