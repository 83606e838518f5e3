"""What a unit's head and officers are told of breaches: soon, together, and taken back together."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import msgspec
import pytest

from contracts.events import notify, routing
from contracts.events.notify import Audience
from contracts.model import EventData
from services.notify.desk.desk import Desk
from tests.support.mornings import FRIDAY, HEAD, Morning, items, marks, planned
from tests.support.notify_dossiers import CATALOGUE, DUE, OVER, PROCESSED, SOON, Dossier, retracted
from tests.support.times import at

BREACH = "DossierOverdue"
MOVED_ON = routing.DossierHandedOver(to_unit="H29.15", reason="r", lead="l", by="b")
FOUR = at(7, "16:00")
TEN_PAST = at(7, "16:10")


class TestABreach:
    def test_is_told_ten_minutes_later_with_all_that_there_are_by_then(self) -> None:
        morning = Morning()
        morning.alerted(*(f"{n:02}" for n in range(60)), alert=BREACH)
        morning.alerted("later", alert=BREACH, when=at(7, "16:09"))
        morning.tick(TEN_PAST)
        assert morning.said == []
        morning.tick(TEN_PAST + timedelta(seconds=1))
        (told,) = morning.said
        message = planned(told.data)
        assert (told.time, message.recipient, message.audience) == (TEN_PAST, HEAD, Audience.HEAD)
        assert (message.template, message.params["count"]) == ("head-overdue", "61")
        assert message.expires_at == TEN_PAST + timedelta(days=30)

    def test_is_told_at_most_once_an_hour_however_many_there_are(self) -> None:
        morning = Morning()
        for minute in range(0, 120, 5):
            when = FOUR + timedelta(minutes=minute)
            morning.tick(when)
            morning.alerted(f"{minute:03}", alert=BREACH, when=when)
        morning.tick(at(7, "23:00"))
        told = morning.told("head-overdue")
        assert [f"{when + timedelta(hours=7):%H:%M}" for when, _ in told] == [
            "16:10",
            "17:10",
            "18:10",
        ]
        everything = [mark for _, some in told for mark in some]
        assert sorted(everything) == [f"{minute:03}" for minute in range(0, 120, 5)]

    def test_is_told_of_again_in_the_morning_if_it_stands(self) -> None:
        morning = Morning()
        morning.alerted("a", alert=BREACH)
        morning.tick(at(8, "09:00"))
        assert morning.told() == [(TEN_PAST, {"a"}), (at(8, "07:30"), {"a"})]

    def test_is_told_though_the_dossier_is_done_by_then_but_not_in_the_morning(self) -> None:
        for order in permutations(["alerted", "done"]):
            morning = Morning()
            for what in order:
                if what == "alerted":
                    morning.alerted("a", alert=BREACH)
                else:
                    morning.cleared("a", at(7, "16:05"))
            morning.tick(at(20))
            assert morning.told() == [(TEN_PAST, {"a"})], order

    def test_is_told_to_the_officer_who_leads_the_open_step(self) -> None:
        morning = Morning()
        morning.alerted("a", "b", alert=BREACH, lead="cb-7")
        morning.alerted("c", alert=BREACH, lead=HEAD)
        morning.alerted("d", alert=BREACH)
        morning.tick(at(7, "17:00"))
        assert morning.told("head-overdue") == [(TEN_PAST, {"a", "b", "c", "d"})]
        (mine,) = morning.messages("officer-overdue")
        message = planned(mine.data)
        assert (message.recipient, message.audience) == ("cb-7", Audience.OFFICER)
        assert marks(mine.data) == {"a", "b"}
        assert len(set(morning.ids)) == len(morning.ids)

    def test_says_which_procedure_it_is_about(self) -> None:
        morning = Morning()
        morning.alerted("a", alert=BREACH, procedure="1.004194")
        morning.tick(at(7, "17:00"))
        assert [item["procedure"] for item in items(morning.said[0].data)] == ["1.004194"]

    def test_that_is_heard_of_again_is_told_once(self) -> None:
        morning = Morning()
        morning.alerted("a", alert=BREACH)
        morning.alerted("a", alert=BREACH, when=at(7, "16:01"))
        morning.tick(at(7, "17:00"))
        morning.alerted("a", alert=BREACH, when=at(7, "16:02"))
        morning.tick(at(7, "23:00"))
        assert len(morning.said) == 1

    def test_that_is_heard_of_when_its_morning_is_over_is_told_at_once_all_the_same(self) -> None:
        morning = Morning()
        morning.alerted("x")
        morning.tick(at(8, "09:00"))
        morning.alerted("a", alert=BREACH)
        morning.tick(at(8, "09:01"))
        assert morning.told("head-overdue") == [(TEN_PAST, {"a"})]

    def test_comes_to_the_same_messages_in_whatever_order_it_is_heard_of(self) -> None:
        ends = set()
        for order in permutations(range(4)):
            morning = Morning()
            for minute in order:
                when = FOUR + timedelta(minutes=minute)
                morning.alerted(str(minute), alert=BREACH, when=when, lead=f"cb-{minute % 2}")
            morning.tick(at(9))
            said = [(e.id, planned(e.data)) for e in morning.said]
            ends.add(repr((said, msgspec.json.encode(morning.stored.state))))
        assert len(ends) == 1


class TestABreachThatProvesWrong:
    def test_before_it_was_told_is_told_to_nobody(self) -> None:
        for order in permutations(["alerted", "wrong"]):
            morning = Morning()
            for what in order:
                if what == "alerted":
                    morning.alerted("a", alert=BREACH)
                else:
                    morning.cleared("a", at(7, "16:05"), wrong=True)
            morning.tick(at(20))
            assert morning.said == [], order

    def test_is_taken_back_from_everybody_who_was_told_in_one_message_each(self) -> None:
        morning = Morning()
        morning.alerted("a", "b", alert=BREACH, lead="cb-7")
        morning.alerted("c", alert=BREACH)
        morning.tick(at(7, "17:00"))
        morning.cleared("a", at(7, "18:00"), wrong=True, due=DUE)
        morning.cleared("c", at(7, "18:05"), wrong=True)
        morning.tick(at(7, "23:00"))
        back = morning.messages("head-retracted", "officer-retracted")
        assert [(planned(e.data).recipient, marks(e.data)) for e in back] == [
            (HEAD, {"a", "c"}),
            ("cb-7", {"a"}),
        ]
        assert {e.time for e in back} == {at(7, "18:10")}
        dues = {item["dossier"]: item["due"] for item in items(back[0].data)}
        assert dues == {"dossier-a": "08:00 12/03/2024", "dossier-c": ""}
        morning.tick(at(20))
        assert morning.told("head-digest") == [(at(8, "07:30"), {"b"})]

    def test_is_taken_back_though_the_dossier_was_done_meanwhile(self) -> None:
        morning = Morning()
        morning.alerted("a", alert=BREACH)
        morning.tick(at(7, "17:00"))
        morning.cleared("a", at(7, "17:30"))
        morning.hear(
            "wrong",
            at(9),
            notify.UnitAlertCleared(morning=FRIDAY, alert_id="a", reason="r", wrong=True),
        )
        morning.tick(at(20))
        assert morning.told("head-retracted") == [(at(9, "08:10"), {"a"})]

    def test_is_taken_back_from_the_head_who_was_told_and_not_from_their_successor(self) -> None:
        morning = Morning()
        morning.alerted("a", alert=BREACH)
        morning.tick(at(7, "17:00"))
        announced = morning.stored.state.announced
        older = {k: msgspec.structs.replace(told, head="cb-old") for k, told in announced.items()}
        morning.stored.state = msgspec.structs.replace(morning.stored.state, announced=older)
        morning.cleared("a", at(7, "18:00"), wrong=True)
        morning.tick(at(7, "23:00"))
        (back,) = morning.messages("head-retracted")
        assert planned(back.data).recipient == "cb-old"

    def test_of_the_same_time_as_others_that_were_taken_back_is_taken_back_by_itself(self) -> None:
        morning = Morning()
        morning.alerted("a", "b", alert=BREACH)
        morning.tick(at(7, "17:00"))
        for mark in "ab":
            morning.cleared(mark, at(7, "18:00"), wrong=True)
            morning.tick(at(7, "19:00"))
        assert morning.told("head-retracted") == [
            (at(7, "18:10"), {"a"}),
            (at(7, "18:10"), {"b"}),
        ]
        assert len(set(morning.ids)) == len({e.id for e in morning.said}) == 3

    def test_is_not_told_when_it_is_heard_of_once_more(self) -> None:
        morning = Morning()
        morning.alerted("a", alert=BREACH)
        morning.tick(at(7, "17:00"))
        morning.cleared("a", at(7, "18:00"), wrong=True)
        morning.alerted("a", alert=BREACH, when=at(7, "16:03"))
        morning.tick(at(20))
        assert len(morning.told("head-overdue")) == len(morning.told("head-retracted")) == 1


class TestADossier:
    def told(self, dossier: Dossier) -> list[notify.UnitAlertCleared]:
        return [d for d in dossier.said if isinstance(d, notify.UnitAlertCleared) and d.wrong]

    def test_puts_a_breach_on_the_desk_of_the_unit_that_has_it(self) -> None:
        dossier = Dossier()
        over = dossier.hear(OVER, DUE)
        (alert,) = [d for d in dossier.said if isinstance(d, notify.UnitAlerted)]
        assert (alert.unit, alert.alert, alert.alert_id) == ("H29.131", BREACH, over.id)
        assert alert.procedure == "1.004194"
        assert dossier.planned("head-overdue") == []

    @pytest.mark.parametrize("alert", [OVER, SOON])
    def test_takes_it_back_there_though_another_unit_has_it_by_now_or_it_is_done(
        self, alert: EventData
    ) -> None:
        dossier = Dossier()
        told = dossier.hear(alert, at(12, "07:00"))
        dossier.hear(MOVED_ON, at(13))
        dossier.hear(PROCESSED, at(13, "09:00"))
        dossier.hear(retracted(told, DUE), at(13, "10:00"))
        (wrong,) = self.told(dossier)
        assert (wrong.morning, wrong.alert_id) == ("H29.131@2024-03-12", told.id)
        assert wrong.due == DUE

    def test_takes_nothing_back_from_a_desk_that_was_not_alerted(self) -> None:
        dossier = Dossier(tells_officers=False)
        over = dossier.hear(OVER, DUE)
        dossier.hear(retracted(over), at(13))
        assert self.told(dossier) == []

    def test_takes_it_back_though_an_older_systems_past_shows_that_it_was_wrong(self) -> None:
        dossier = Dossier()
        over = dossier.hear(OVER, DUE)
        dossier.hear(retracted(over), at(13), history=True)
        assert len(self.told(dossier)) == 1


def test_what_is_kept_of_a_desk_is_read_back_as_it_was_written() -> None:
    morning = Morning()
    morning.alerted("a", "b", alert=BREACH, lead="cb-7")
    morning.tick(at(7, "17:00"))
    morning.cleared("a", at(7, "18:00"), wrong=True)
    state = morning.stored.state
    assert state.wrong
    assert state.announced
    assert msgspec.convert(msgspec.to_builtins(state), Desk) == state


def test_a_desk_that_an_older_release_kept_is_read() -> None:
    alert = ["ApologyOwed", datetime(2024, 3, 7, 9, tzinfo=at(7).tzinfo), "d", "H29.15", ""]
    old = {"morning": FRIDAY, "alerts": {"a": alert}, "cleared": [], "told": False}
    morning = Morning()
    morning.stored.state = msgspec.convert(old, Desk)
    morning.tick(at(8, "09:00"))
    assert [when for when, _ in morning.told("head-digest")] == [at(8, "07:30")]
    assert CATALOGUE.units["H29.15"].head == planned(morning.said[0].data).recipient
