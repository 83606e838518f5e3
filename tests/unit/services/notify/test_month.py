"""A month under the stream clock: nights, digests, choices, ratings and mornings, to the second.

All four services decide, in one process; what they tell is what they would tell anywhere.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from contracts.events import intake, notify, routing, sla
from contracts.events.contacts import ContactRegistered
from contracts.events.notify import MessageChannel, NotSentReason
from contracts.values import Outcome
from services.notify.deciders import DeliveryDecider
from services.notify.delivery.delivery import Deliveries
from services.notify.quiet_hours import VIETNAM
from tests.support.month import CATALOGUE, CODE, Month, at, finished
from tests.support.rule_sets import WORLD


class TestAtNight:
    def test_what_happens_at_two_is_told_at_seven(self) -> None:
        month = Month()
        month.received(at(4, "02:00:00"))
        ((event, message),) = month.planned("received")
        assert (event.time, message.send_at) == (at(4, "02:00:00"), at(4, "07:00:00"))

    def test_an_urgent_demand_is_not_held(self) -> None:
        month = Month()
        month.received(at(4))
        for until, day in ((at(6, "12:00:00"), 5), (at(20), 7)):
            month.told(
                intake.SupplementDemandRequested(documents=("b",), reason="r", until=until),
                at(day, "22:00:00"),
                by="cb-1",
            )
            month.told(
                intake.SupplementDeliveryRequested(documents=("b",), unit="H29.15"),
                at(day, "22:30:00"),
            )
        (_, urgent), (_, other) = month.planned("supplement-demanded")
        assert urgent.send_at is None
        assert other.send_at == at(8, "07:00:00")

    def test_the_citizens_own_night_counts(self) -> None:
        month = Month()
        preferences = notify.Preferences(quiet_from="12:00", quiet_until="14:00")
        month.received(at(4, "12:30:00"), preferences=preferences)
        ((_, message),) = month.planned("received")
        assert message.send_at == at(4, "14:00:00")


class TestADossierThatChangesOften:
    def test_is_told_of_in_one_digest_at_a_time_that_does_not_move(self) -> None:
        month = Month(often=2)
        month.received(at(4))  # "received" and "in process", both of one instant
        for number, minute in enumerate((10, 20, 30)):
            month.told(routing.StopRequested(reason="r"), at(4, f"09:{minute}:00"), by="b")
            month.told(routing.ResumptionRequested(reason="r"), at(4, f"09:{minute}:30"), by="b")
            assert len(month.of(notify.MessageGathered)) >= number + 1
        assert {g.digest_at for g in month.of(notify.MessageGathered)} == {at(4, "13:10:30")}
        month.city.tick(at(4, "13:10:30"))
        assert month.planned("digest") == []
        month.city.tick(at(4, "13:10:31"))
        ((event, digest),) = month.planned("digest")
        assert event.time == at(4, "13:10:30")
        items = msgspec.json.decode(digest.params["items"])
        assert {item["template"] for item in items} <= {"resumed", "new-date"}
        gathered = {g.message_id for g in month.of(notify.MessageGathered)}
        ended = month.of(notify.MessageNotSent)
        assert {m.message_id for m in ended} == gathered
        # Each resumption moved the date: only the last of the new dates is one.
        reasons = {(m.detail, m.reason) for m in ended}
        assert ("resumed", NotSentReason.IN_DIGEST) in reasons
        assert reasons - {("new-date", NotSentReason.SUPERSEDED)} == {
            (m.detail, NotSentReason.IN_DIGEST) for m in ended if m.reason == "in-digest"
        }
        dates = [i["params"]["due"] for i in items if i["template"] == "new-date"]
        assert len(set(dates)) <= 1
        assert len(items) == sum(m.reason is NotSentReason.IN_DIGEST for m in ended)
        # What cannot wait was told one by one.
        assert len(month.planned("stopped")) == 3

    def test_that_changed_once_more_than_often_is_told_of_that_in_its_own_name(self) -> None:
        month = Month(often=2)
        month.received(at(4))
        # At noon nobody works, so that the date does not move too.
        month.told(routing.StopRequested(reason="r"), at(4, "12:00:00"), by="b")
        month.told(routing.ResumptionRequested(reason="r"), at(4, "12:10:00"), by="b")
        (gathered,) = month.of(notify.MessageGathered)
        assert month.planned("resumed") == []
        month.city.tick(at(5))
        ((event, told),) = month.planned("resumed")
        assert (told.message_id, event.time) == (gathered.message_id, at(4, "16:10:00"))
        assert month.planned("digest") == []
        assert month.city.states["notify"][CODE].state.gathered == ()

    def test_that_would_be_told_of_at_night_is_told_of_in_the_morning(self) -> None:
        month = Month(often=1)
        month.received(at(4, "18:00:00"))
        month.told(routing.StopRequested(reason="r"), at(4, "18:30:00"), by="b")
        month.told(routing.ResumptionRequested(reason="r"), at(4, "18:40:00"), by="b")
        assert {g.digest_at for g in month.of(notify.MessageGathered)} == {at(5, "07:00:00")}

    def test_after_a_quiet_day_is_told_of_at_once_again(self) -> None:
        month = Month(often=2)
        month.received(at(4))
        month.told(routing.StopRequested(reason="r"), at(5, "09:00:00"), by="b")
        month.told(routing.ResumptionRequested(reason="r"), at(5, "10:00:00"), by="b")
        assert len(month.planned("resumed")) == 1


class TestACitizenWhoChose:
    def test_to_be_left_alone_is_told_what_the_law_demands(self) -> None:
        month = Month()
        month.received(at(4))
        month.told(notify.PreferencesRequested(opted_out=True), at(4, "09:00:00"))
        month.told(intake.SupplementDemandRequested(documents=("b",), reason="r"), at(5), by="b")
        month.told(intake.SupplementDeliveryRequested(documents=("b",), unit="H29.15"), at(6))
        assert len(month.planned("supplement-demanded")) == 1
        assert month.planned("supplement-delivered") == []
        reasons = {m.detail: m.reason for m in month.of(notify.MessageNotSent)}
        assert reasons["supplement-delivered"] is NotSentReason.OPTED_OUT

    @pytest.mark.parametrize("outcome", Outcome)
    def test_to_be_left_alone_is_told_the_result_whether_granted_or_denied(
        self, outcome: Outcome
    ) -> None:
        month = Month()
        month.received(at(4), preferences=notify.Preferences(opted_out=True))
        finished(month, 5, outcome)
        ((_, told),) = month.planned("processed")
        assert told.params["outcome"] == outcome
        assert month.planned("returned") == []

    def test_to_be_left_alone_is_told_all_the_same_that_the_dossier_is_overdue(self) -> None:
        month = Month()
        month.received(at(4), preferences=notify.Preferences(opted_out=True))
        month.city.tick(at(28))
        assert len(month.planned("overdue")) == 1
        assert month.planned("soon-due") == []

    def test_to_be_left_alone_is_told_in_the_morning_that_it_was_denied_in_the_evening(
        self,
    ) -> None:
        month = Month()
        month.received(at(4))
        finished(month, 5, Outcome.DENIED, hour=21)
        month.told(notify.PreferencesRequested(opted_out=True), at(5, "23:00:00"))
        deliveries, decider = Deliveries(), DeliveryDecider()
        for event in month.city.elsewhere:
            if event.type in decider.facts:
                deliveries = decider.evolve(WORLD, deliveries, event)
        held = {m.template: m for m in deliveries.messages.values() if m.send_at is not None}
        assert held["processed"].send_at == at(6, "07:00:00")
        assert deliveries.called_off_at(held["processed"]) is None
        assert deliveries.called_off_at(held["returned"]) is not None

    def test_to_be_left_alone_is_not_told_in_the_morning_what_happened_before(self) -> None:
        month = Month()
        month.received(at(4, "21:30:00"))
        month.told(notify.PreferencesRequested(opted_out=True), at(4, "22:00:00"))
        month.told(intake.SupplementDemandRequested(documents=("b",), reason="r"), at(5), by="b")
        deliveries, decider = Deliveries(), DeliveryDecider()
        for event in month.city.elsewhere:
            if event.type in decider.facts:
                deliveries = decider.evolve(WORLD, deliveries, event)
        off = {m.template: deliveries.called_off_at(m) for m in deliveries.messages.values()}
        assert off.pop("supplement-demanded") is None
        assert off == dict.fromkeys(("received", "in-process"), at(4, "22:00:00"))

    def test_to_be_told_again_is_told_what_waits(self) -> None:
        month = Month()
        month.received(at(4, "21:30:00"))
        month.told(notify.PreferencesRequested(opted_out=True), at(4, "22:00:00"))
        month.told(notify.PreferencesRequested(opted_out=True, locale="en"), at(4, "22:01:00"))
        month.told(notify.PreferencesRequested(), at(4, "22:02:00"))
        # From an older one, which lay somewhere until then.
        month.told(notify.PreferencesRequested(opted_out=True), at(4, "21:59:00"))
        assert [c.opted_out for c in month.of(notify.OptOutSet)] == [True, False]

    def test_something_else_calls_nothing_off(self) -> None:
        month = Month()
        month.received(at(4, "21:30:00"))
        month.told(notify.PreferencesRequested(locale="en"), at(4, "22:00:00"))
        assert [e.data.NAME for e in month.city.log][-1] == "PreferencesSet"
        assert month.of(notify.OptOutSet) == []

    def test_other_channels_and_another_language_gets_them_from_then_on(self) -> None:
        month = Month()
        month.received(at(4))
        chosen = notify.PreferencesRequested(channels=("sms", "zalo"), locale="en")
        month.told(chosen, at(4, "09:00:00"))
        month.told(routing.StopRequested(reason="r"), at(5), by="b")
        assert [m.channel for _, m in month.planned("received")] == ["email"]
        found = [(m.channel, m.locale) for _, m in month.planned("stopped")]
        assert found == [("sms", "en"), ("zalo", "en")]

    def test_cannot_choose_to_be_really_told_in_a_replay(self) -> None:
        month = Month(MessageChannel.LEDGER)
        month.received(at(4), preferences=notify.Preferences(channels=("sms",)))
        assert [m.channel for _, m in month.planned("received")] == ["ledger"]

    def test_for_a_dossier_that_is_not_there_is_refused(self) -> None:
        month = Month()
        month.told(notify.PreferencesRequested(opted_out=True), at(4))
        assert [e.data.NAME for e in month.city.log][-1] == "PreferencesRefused"


class TestTheQuestionAtTheEnd:
    def test_is_asked_two_hours_after_the_result_was_handed_over(self) -> None:
        month = Month()
        month.received(at(4))
        finished(month, 5)
        month.city.tick(at(5, "12:00:00"))
        assert month.planned("rating") == []
        month.city.tick(at(6))
        ((event, _),) = month.planned("rating")
        assert event.time == at(5, "12:00:00")
        month.city.tick(at(28))
        assert len(month.planned("rating")) == 1

    def test_is_answered_once(self) -> None:
        month = Month()
        month.received(at(4))
        month.told(notify.RatingRequested(score=5), at(4, "09:00:00"))
        finished(month, 5)
        month.told(notify.RatingRequested(score=4), at(5, "11:00:00"))
        month.told(notify.RatingRequested(score=1), at(5, "11:00:10"))
        month.city.tick(at(28))
        said = [e.data.NAME for e in month.city.log if "Rating" in e.data.NAME]
        assert said.count("RatingGiven") == 1
        assert said.count("RatingRefused") == 2
        assert month.city.states["notify"][CODE].state.rating == 4
        assert month.planned("rating") == []  # who has answered is not asked

    def test_is_not_asked_of_someone_who_is_left_alone(self) -> None:
        month = Month()
        month.received(at(4), preferences=notify.Preferences(opted_out=True))
        finished(month, 5)
        month.city.tick(at(28))
        assert month.planned("rating") == []


class TestALetterOfApology:
    def test_is_told_word_for_word_and_the_new_date_is_not_told_twice(self) -> None:
        month = Month()
        month.received(at(4))
        unit = month.city.states["notify"][CODE].state.unit
        head = CATALOGUE.units[unit].head
        apology = sla.ApologyRequested(reason="thiếu ý kiến", due=at(12, "17:00:00"))
        month.told(apology, at(5), by=head)
        ((_, letter),) = month.planned("apology")
        assert letter.params["reason"] == "thiếu ý kiến"
        assert letter.params["new_due"] == "17:00 12/03/2024"
        assert month.planned("new-date") == []
        month.city.tick(at(28))
        ((_, overdue),) = month.planned("overdue")
        assert overdue.params["due"] == "17:00 12/03/2024"
        # The letter's date is the one that was missed: it is no new date, and there will be none.
        assert "new_due" not in overdue.params
        assert overdue.params["again"] == "yes"
        assert "reason" not in overdue.params

    def test_after_the_end_is_told_without_a_new_date(self) -> None:
        month = Month()
        month.received(at(4))
        head = CATALOGUE.units[month.city.states["notify"][CODE].state.unit].head
        month.city.tick(at(28))
        letter = sla.ApologyRequested(reason="thiếu ý kiến")
        month.told(letter, at(28, "09:00:00"), by=head)
        ((_, told),) = month.planned("apology")
        assert told.params["due"] == "08:00 07/03/2024"
        assert "new_due" not in told.params


@pytest.mark.parametrize("often", [1, 3])
def test_over_a_month_nobody_is_disturbed_at_night_or_told_twice(often: int) -> None:
    month = Month(often=often)
    for day in range(4, 29):
        hour = (day * 5) % 24
        code = f"H29.15-240304-{day:04}"
        month.received(at(day, f"{hour:02}:00:00"), code)
        month.told(routing.StopRequested(reason="r"), at(day, f"{hour:02}:20:00"), code, by="b")
        month.told(
            routing.ResumptionRequested(reason="r"), at(day, f"{hour:02}:40:00"), code, by="b"
        )
    month.city.tick(at(29) + timedelta(days=40))
    planned = [
        (e.time, e.data) for e in month.city.elsewhere if isinstance(e.data, notify.MessagePlanned)
    ]
    for time, message in planned:
        if message.audience == "citizen":
            assert 7 <= (message.send_at or time).astimezone(VIETNAM).hour < 21, message
    ids = [message.message_id for _, message in planned]
    assert len(ids) == len(set(ids))
    gathered = {g.message_id for g in month.of(notify.MessageGathered)}
    told_later = {m.message_id for m in month.of(notify.MessageNotSent)} | set(ids)
    assert gathered <= told_later
    assert not any(isinstance(e.data, ContactRegistered) for e in month.city.elsewhere)
