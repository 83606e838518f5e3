"""Who a message was handed to: two instances agree, and the one that lost it changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.events import notify
from contracts.events.notify import MessageChannel
from contracts.values import Locale
from contracts.wire.envelope import Event
from services.notify.delivery.delivery import Deliveries, deliveries_after
from services.notify.sending.handoff_log import HandoffLog
from services.notify.sending.outbox import Outbox
from services.runtime.core.stored import Stored
from services.runtime.loop.clock import StreamClock
from services.runtime.mongo.client import Database
from services.runtime.mongo.store import Store

pytestmark = pytest.mark.integration

EVENING = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)


async def test_of_two_instances_one_hands_a_message_over_and_both_know_to_whom(
    database: Database,
) -> None:
    one, other = HandoffLog(database["handed"]), HandoffLog(database["handed"])
    await one.prepare()
    assert await one.note({"a": "sms", "b": "sms2"}) == {"a", "b"}
    assert await other.note({"b": "sms", "c": "sms"}) == {"c"}
    assert await other.take_over(["a", "b", "d"]) == {"a": "sms", "b": "sms2"}
    assert await other.note({}) == set()


async def test_whoever_lost_a_message_neither_gives_it_to_another_nor_sets_it_free(
    database: Database,
) -> None:
    one, other = HandoffLog(database["handed"]), HandoffLog(database["handed"])
    await one.note({"a": "sms", "b": "sms"})
    assert await one.move("b", "sms", "sms2")
    assert not await one.move("b", "sms", "sms2"), "it is not there any more"
    await other.take_over(["a", "b"])
    assert not await one.move("a", "sms", "sms2")
    await one.strike_out(["a", "b"])
    assert await one.take_over(["a", "b"]) == {"a": "sms", "b": "sms2"}
    await one.strike_out(["a"])
    assert await other.take_over(["a", "b"]) == {"b": "sms2"}


async def test_what_is_over_is_struck_out_with_the_next_ones(database: Database) -> None:
    one, other = HandoffLog(database["handed"]), HandoffLog(database["handed"])
    await one.note({"a": "sms", "b": "sms", "c": "sms"})
    for message_id in ("a", "b", "never noted"):
        one.over(message_id)
    assert await one.has(["a", "c", "d"]) == {"a", "c"}
    await other.take_over(["b"])
    await one.tidy()
    assert await other.has(["a", "b", "c"]) == {"b", "c"}, "b is another's by now"
    await one.note({"a": "sms"})
    await one.tidy()
    assert await one.has(["a"]) == {"a"}


async def test_of_what_proved_wrong_it_is_known_whether_it_may_have_arrived(
    database: Database,
) -> None:
    clock, handing = StreamClock(), HandoffLog(database["handed"])
    outbox = Outbox(database, clock, handing)
    state = Deliveries()
    for fact in (
        planned("told"),
        planned("untold"),
        planned("back", takes_back="told"),
        planned("useless", takes_back="untold"),
        planned("other"),
    ):
        state = deliveries_after(state, fact)
    await Store(database["deliveries"], Deliveries).persist([Stored("d", 0, state)])
    await handing.note({"told": "sms", "other": "sms"})
    clock.tick(0, EVENING)
    found = {d.message.message_id: d async for d in outbox.due(MessageChannel.SMS, {0})}
    assert {key for key, due in found.items() if due.unsure} == {"told", "back"}
    assert {key for key, due in found.items() if due.taken_back_at} == {"told", "untold"}


async def test_of_what_was_called_off_it_is_known_whether_it_may_have_arrived(
    database: Database,
) -> None:
    clock, handing = StreamClock(), HandoffLog(database["handed"])
    outbox = Outbox(database, clock, handing)
    opted_out = Event("opted out", "/tests", "subject", EVENING, notify.OptOutSet(opted_out=True))
    state = Deliveries()
    for fact in (planned("handed"), planned("held"), opted_out):
        state = deliveries_after(state, fact)
    await Store(database["deliveries"], Deliveries).persist([Stored("d", 0, state)])
    await handing.note({"handed": "sms"})
    clock.tick(0, EVENING)
    found = {d.message.message_id: d async for d in outbox.due(MessageChannel.SMS, {0})}
    assert {key: due.called_off_at for key, due in found.items()} == dict.fromkeys(
        ("handed", "held"), EVENING
    )
    assert {key for key, due in found.items() if due.unsure} == {"handed"}


def planned(
    message_id: str,
    send_at: datetime | None = None,
    channel: MessageChannel = MessageChannel.SMS,
    takes_back: str | None = None,
) -> Event:
    data = notify.MessagePlanned(
        message_id=message_id,
        cause_id="cause",
        recipient="citizen-1",
        channel=channel,
        template="withdrawn",
        locale=Locale.VI,
        send_at=send_at,
        takes_back=takes_back,
    )
    return Event(f"planned {message_id}", "/tests", "subject", EVENING, data)


async def test_what_waits_on_one_channel_is_not_read_for_another(database: Database) -> None:
    clock = StreamClock()
    outbox = Outbox(database, clock, HandoffLog(database["handed"]))
    await outbox.prepare()
    store = Store(database["deliveries"], Deliveries)
    both = deliveries_after(
        deliveries_after(Deliveries(), planned("by SMS")),
        planned("by mail", channel=MessageChannel.EMAIL),
    )
    sms = deliveries_after(Deliveries(), planned("by SMS alone"))
    await store.persist([Stored("both", 0, both), *(Stored(f"{n}", 0, sms) for n in range(50))])
    clock.tick(0, EVENING)
    assert [d.message.message_id async for d in outbox.due(MessageChannel.EMAIL, {0})] == [
        "by mail"
    ]
    assert len([d async for d in outbox.due(MessageChannel.SMS, {0})]) == 51
    assert [d async for d in outbox.due(MessageChannel.ZALO, {0})] == []
    assert await outbox.dossiers({0}) == 51

    field = "state.next_on.email"
    ((_, query),) = outbox._queries({0}, field)
    plan = await database["deliveries"].find(query).sort(field, 1).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 1


async def test_what_is_held_or_has_ended_is_not_even_read(database: Database) -> None:
    clock = StreamClock()
    outbox = Outbox(database, clock, HandoffLog(database["handed"]))
    await outbox.prepare()
    store = Store(database["deliveries"], Deliveries)
    ended = notify.MessageSent(message_id="ended", channel=MessageChannel.SMS)
    sent = Event("sent", "/tests", "subject", EVENING, ended)
    kept = []
    for number in range(300):
        state = deliveries_after(Deliveries(), planned("ended"))
        state = deliveries_after(state, sent)
        if number % 3 == 1:
            state = deliveries_after(state, planned("held", MORNING))
        if number % 100 == 0:
            state = deliveries_after(state, planned("now"))
            state = deliveries_after(state, planned("later", MORNING))
        kept.append(Stored(f"d{number:03}", number % 4, state))
    await store.persist(kept)

    async def found(*partitions: int) -> list[tuple[str, str]]:
        due = [d async for d in outbox.due(MessageChannel.SMS, set(partitions))]
        return sorted((d.dossier, d.message.message_id) for d in due)

    assert await found(0, 1, 2, 3) == [], "it is no time yet"
    for partition in range(4):
        clock.tick(partition, EVENING)
    assert await found(0) == [("d000", "now"), ("d100", "now"), ("d200", "now")]
    assert await found(1, 2, 3) == []
    clock.tick(1, MORNING)
    assert len(await found(1)) == 25
    assert await outbox.dossiers({0, 1}) == 28

    field = "state.next_on.sms"
    ((_, query),) = outbox._queries({0}, field)
    plan = await database["deliveries"].find(query).sort(field, 1).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 3
    clock.tick(0, MORNING - timedelta(milliseconds=1))
    assert len(await found(0)) == 3
