"""Digests: of what is heard of in another order, and of what came between a crash and its end."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contracts import notify
from contracts.model import EventData
from contracts.notify import MessageChannel, NotSentReason
from services.notify.delivery import Deliveries, Delivery, deliveries_after
from services.notify.params import local
from tests.unit.notify.dossiers import (
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
    at,
)

FIVE = [SOON, MOVED, DELIVERED, PAID, OVER]


def noon(*, late: bool = False, alone: bool = False) -> Dossier:
    """At noon it is told what waits: in process and, if not that alone, a supplement that came.

    `late`: a resumption of before noon is heard of, too, before that.
    """
    dossier = Dossier(often=1)
    if not alone:
        dossier.hear(DEMANDED, at(7, "08:30"))
        dossier.hear(DELIVERED, at(7, "09:00"))
    if late:
        dossier.hear(STOPPED, at(7, "11:40"))
        dossier.hear(RESUMED, at(7, "11:50"))
    dossier.tick(at(7, "13:00"))
    return dossier


def delivered(*dossiers: Dossier, sent: str | None = None) -> dict[str, Delivery]:
    """What becomes of it all; the first dossier's message of that template is sent at once."""
    state, known = Deliveries(), set()
    for dossier in dossiers:
        for event in dossier.events:
            if event.id in known:
                continue  # whoever reads knows it
            known.add(event.id)
            state = deliveries_after(state, event)
            data = event.data
            if isinstance(data, notify.MessagePlanned) and data.template == sent:
                said = notify.MessageSent(message_id=data.message_id, channel=MessageChannel.EMAIL)
                state = deliveries_after(state, msgspec.structs.replace(event, data=said))
    return state.messages


def told(message: Delivery) -> list[str]:
    found: list[dict[str, str]] = msgspec.json.decode(message.params["items"])
    return [item["template"] for item in found]


def test_it_is_the_same_event_if_nothing_came_between() -> None:
    assert [e.id for e in noon().events] == [e.id for e in noon().events]


def test_it_is_sent_with_what_came_between_if_it_was_not_sent_yet() -> None:
    messages = delivered(noon(), noon(late=True))
    (digest,) = [m for m in messages.values() if m.template == "digest"]
    assert digest.pending
    assert told(digest) == ["in-process", "supplement-delivered", "resumed"]


def test_it_is_not_sent_twice() -> None:
    messages = delivered(noon(), noon(late=True), sent="digest")
    (digest,) = [m for m in messages.values() if m.template == "digest"]
    assert not digest.pending


def test_what_waited_alone_is_told_with_what_came_between_and_not_once_more() -> None:
    messages = delivered(noon(alone=True), noon(alone=True, late=True))
    (digest,) = [m for m in messages.values() if m.template == "digest"]
    assert told(digest) == ["in-process", "resumed"]
    (single,) = [m for m in messages.values() if m.template == "in-process"]
    assert single.not_sent == "in-digest"


def test_what_came_between_is_told_though_the_other_was_told_alone() -> None:
    messages = delivered(noon(alone=True), noon(alone=True, late=True), sent="in-process")
    (digest,) = [m for m in messages.values() if m.template == "digest"]
    assert digest.pending
    assert "resumed" in told(digest)


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
