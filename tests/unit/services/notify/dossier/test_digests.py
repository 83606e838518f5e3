"""Digests: of what is heard of in another order, or too late, and of what is not so any more."""

from __future__ import annotations

from datetime import time, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import intake, notify
from contracts.events.notify import MessageChannel, NotSentReason
from contracts.model import EventData
from services.notify.delivery.delivery import Deliveries, deliveries_after
from services.notify.dossier.params import local
from services.notify.quiet_hours import QuietHours
from tests.support.notify_dossiers import (
    DELIVERED,
    DEMANDED,
    MOVED,
    OVER,
    PAID,
    PROCESSED,
    RESUMED,
    RETURNED,
    SOON,
    STOPPED,
    Dossier,
)
from tests.support.times import at

FIVE = [SOON, MOVED, DELIVERED, PAID, OVER]


@pytest.mark.parametrize("sent", [False, True], ids=["waits", "was sent"])
def test_what_is_entered_after_a_digest_of_its_hour_is_told_in_another_one(sent: bool) -> None:
    """What happens in an evening is told at seven; some of it gets entered after that."""
    dossier = Dossier(often=1, quiet=QuietHours(time(21), time(7)))
    later = MOVED.model_copy(update={"due": MOVED.due + timedelta(days=1)})
    dossier.hear(DEMANDED, at(7, "21:10"))
    evening = [(MOVED, "21:20"), (DELIVERED, "21:30")], [(later, "21:40"), (PAID, "21:50")]
    deliveries, known = Deliveries(), 0
    for facts in evening:
        for fact, clock in facts:
            dossier.hear(fact, at(7, clock))
        dossier.tick(at(8, "08:00"))
        for event in dossier.events[known:]:
            deliveries = deliveries_after(deliveries, event)
            data = event.data
            if sent and isinstance(data, notify.MessagePlanned) and data.template == "digest":
                done = notify.MessageSent(message_id=data.message_id, channel=MessageChannel.EMAIL)
                deliveries = deliveries_after(deliveries, msgspec.structs.replace(event, data=done))
        known = len(dossier.events)
    assert len({event.id for event in dossier.events}) == len(dossier.events)
    digests = [m for m in deliveries.messages.values() if m.template == "digest"]
    assert [m.pending for m in digests] == [not sent, not sent]
    told = [[item["template"] for item in msgspec.json.decode(m.params["items"])] for m in digests]
    assert told == [
        ["new-date", "supplement-delivered"],
        ["new-date", "payment-received"],
    ]


@given(st.permutations(FIVE))
def test_the_same_is_told_in_every_order_alone_or_in_a_digest(order: list[EventData]) -> None:
    dossier = Dossier(often=3)
    for fact in order:
        dossier.hear(fact, at(7, f"09:{10 * FIVE.index(fact) + 10}"))
    dossier.tick(at(9))
    assert dossier.stored.state.gathered == ()
    reasons = {m.reason for m in dossier.not_sent()}
    assert reasons <= {NotSentReason.IN_DIGEST, NotSentReason.SUPERSEDED}
    alone = [m.message_id for m in dossier.planned() if m.template != "digest"]
    together = [m.message_id for m in dossier.not_sent()]
    # Received, in process, and each of the five.
    assert len({*alone, *together}) == len(alone) + len(together) == 2 + 5


@pytest.mark.parametrize("first", [SOON, MOVED])
def test_of_two_facts_of_one_instant_neither_counts_against_the_other(first: EventData) -> None:
    dossier = Dossier(often=3)  # it was received and is in process: one more may be told alone
    for fact in (first, SOON if first is MOVED else MOVED):
        dossier.hear(fact, at(7, "09:10"))
    assert dossier.stored.state.gathered == ()
    assert {"soon-due", "new-date"} <= {m.template for m in dossier.planned()}


class TestWhatIsNotSoAnyMore:
    """Since 08:00:03 on the 7th a message was told, so that all routine is gathered until noon."""

    def superseded(self, *facts: EventData) -> tuple[list[str], list[str]]:
        """The templates that noon does not tell any more, and those that were told in the end."""
        dossier = Dossier(often=1, ratings=False)
        for minute, fact in enumerate(facts):
            dossier.hear(fact, at(7, f"09:{minute:02}"))
        dossier.tick(at(7, "20:00"))
        assert dossier.stored.state.gathered == ()
        ended = [m for m in dossier.not_sent() if m.reason is NotSentReason.SUPERSEDED]
        return sorted(str(m.detail) for m in ended), [m.template for m in dossier.planned()]

    def test_is_not_said_of_a_dossier_that_is_done(self) -> None:
        ended, told = self.superseded(SOON, MOVED, PROCESSED, RETURNED)
        assert ended == ["in-process", "new-date", "soon-due"]
        assert told == ["received", "processed", "returned"]

    def test_is_not_said_of_a_dossier_that_is_stopped(self) -> None:
        ended, told = self.superseded(
            STOPPED, RESUMED, SOON, STOPPED.model_copy(update={"reason": "again"})
        )
        assert ended == ["in-process", "resumed", "soon-due"]
        assert told == ["received", "stopped", "stopped"]

    def test_a_date_is_said_only_if_it_still_is_the_date(self) -> None:
        later = MOVED.model_copy(update={"due": MOVED.due + timedelta(days=1)})
        dossier = Dossier(often=1)
        dossier.hear(MOVED, at(7, "09:00"))
        dossier.hear(later, at(7, "09:10"))
        dossier.tick(at(7, "20:00"))
        ((_, date),) = [
            (item["template"], item["params"]["due"])
            for m in dossier.planned("digest")
            for item in msgspec.json.decode(m.params["items"])
            if item["template"] == "new-date"
        ]
        assert date == local(later.due)

    def test_what_was_received_is_said_with_how_the_dossier_stands_by_then(self) -> None:
        dossier = Dossier(often=1)
        dossier.hear(DEMANDED, at(7, "08:30"))
        dossier.hear(DELIVERED, at(7, "09:00"))
        dossier.hear(STOPPED, at(7, "09:30"))
        dossier.tick(at(7, "20:00"))
        (alone,) = dossier.planned("supplement-delivered")
        assert alone.params["status"] == "stopped"

    def test_nor_to_a_citizen_who_does_not_want_to_hear_of_it_any_more(self) -> None:
        dossier = Dossier(often=1)
        dossier.hear(MOVED, at(7, "09:00"))
        dossier.hear(notify.PreferencesSet(opted_out=True), at(7, "09:30"))
        dossier.tick(at(7, "20:00"))
        assert {m.reason for m in dossier.not_sent()} == {NotSentReason.OPTED_OUT}
        assert [m.template for m in dossier.planned()] == ["received"]


@pytest.mark.parametrize(("history", "asked"), [(True, 0), (False, 1)])
def test_nobody_is_asked_to_rate_a_result_that_an_import_told_of(history: bool, asked: int) -> None:
    dossier = Dossier()
    dossier.hear(PROCESSED, at(8), history=history)
    dossier.hear(RETURNED, at(8, "09:00"), history=history)
    dossier.hear(intake.HistoryClosed(), at(8, "10:00"), history=True)
    assert not dossier.stored.state.history
    dossier.tick(at(20))
    assert len(dossier.planned("rating")) == asked
