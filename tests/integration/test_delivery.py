"""Messages on their way through real gateways: once, by whom, when, and if not, why not."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pymongo import MongoClient

from contracts.events import notify
from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.events.notify import Audience, MessageChannel
from contracts.values import Locale
from contracts.wire.codec import decode, encode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS, UNIT_ALERTS
from deploy.local.fakes.gateway.part import SECRET, TOKEN
from deploy.local.fakes.smtp.ledger import read_ledger
from deploy.local.stack.city import City, Instance
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from services.intake.contact import Contact, contact_event
from services.notify.channels.standard_webhooks import key_of, signed
from services.notify.delivery.delivery import Deliveries, Delivery
from services.runtime.core.stored import state_of
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.gateways import GatewayProcess
from tests.support.stage import read_topic

pytestmark = pytest.mark.integration

PARTITIONS = 4
MORNING = "H29.1@2026-03-04"
CITIZEN, NOBODY, HEAD = "citizen-1", "citizen-without-a-number", "cb-29-0001"
LEAVES = "citizen-who-is-erased"


class Post:
    """Plans messages, and reads what became of them."""

    def __init__(self, endpoints: Endpoints, folder: Path) -> None:
        self.endpoints = endpoints
        self.folder = folder
        self.settings = Settings(
            kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=PARTITIONS
        )
        self._made = 0
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(endpoints.mongo, tz_aware=True)
        self._kept = self._mongo["motcua_notify"]["deliveries"]

    def close(self) -> None:
        """Closes the connection to the database."""
        self._mongo.close()

    def city(self, *gateways: GatewayProcess, **settings: object) -> City:
        """The city's settings, with these gateways; notify is to be started in it."""
        urls = dict(zip(("sms", "sms2"), gateways, strict=False))
        told: dict[str, object] = {"channels": "email,sms", "clock": "wall"}
        for name, gateway in urls.items():
            told |= {f"{name}_url": gateway.url, f"{name}_token": TOKEN, f"{name}_secret": SECRET}
        self._made += 1
        return City(
            self.endpoints,
            self.folder / f"city-{self._made}",
            launch=fork,
            partitions=PARTITIONS,
            session_timeout_ms=2000,
            **{"provider_rest": 1.0, **told, **settings},
        )

    def plan(self, mark: str, count: int = 1, **changes: Any) -> list[str]:
        """Plans so many messages, one a dossier; their ids. The same mark plans the same ones."""
        events = [self.planned(mark, number, **changes) for number in range(count)]
        self.put(events)
        return [derive_id("message", mark, number) for number in range(count)]

    def planned(self, mark: str, number: int, at: datetime | None = None, **changes: Any) -> Event:
        """The fact that a message is planned."""
        message_id = derive_id("message", mark, number)
        data = notify.MessagePlanned(
            **{
                "message_id": message_id,
                "cause_id": derive_id("cause", message_id),
                "recipient": CITIZEN,
                "channel": MessageChannel.SMS,
                "template": "withdrawn",
                "locale": Locale.VI,
                "params": {"reason": "công dân xin rút"},
                **changes,
            }
        )
        return Event(
            derive_id("planned", message_id),
            "/tests",
            code_of(mark, number),
            at or datetime.now(UTC).replace(microsecond=0),
            data,
        )

    def put(self, events: Sequence[Event]) -> None:
        """Writes events to their topics."""

        async def write() -> None:
            producer = EventProducer(self.endpoints.kafka)
            await producer.publish(events)
            await producer.stop()

        asyncio.run(write())

    def tick(self, moment: datetime, topic: str = DOSSIER_EVENTS) -> None:
        """Moves the stream clock of the topic in every partition."""

        async def write() -> None:
            producer = EventProducer(self.endpoints.kafka)
            event = Event(
                derive_id("tick", str(moment)), "/t", CLOCK_SUBJECT, moment, ClockTicked()
            )
            await producer.write_everywhere(topic, encode(event))
            await producer.stop()

        asyncio.run(write())

    def deliveries(self, mark: str, count: int = 1) -> list[Delivery]:
        """What is known of the messages with this mark, as far as anything is."""
        codes = [code_of(mark, number) for number in range(count)]
        found = self._kept.find({"_id": {"$in": codes}})
        return [m for document in found for m in state_of(document, Deliveries).messages.values()]

    def handed(self, message_ids: Sequence[str]) -> int:
        """Of how many of these messages it stands written who may have them."""
        these = {"_id": {"$in": list(message_ids)}}
        return self._mongo["motcua_notify"]["handed"].count_documents(these)

    def ended(self, mark: str, count: int = 1, timeout: float = 60.0) -> list[Delivery]:
        """The messages with this mark once all have come to their end."""

        def look() -> list[Delivery]:
            found = [d for d in self.deliveries(mark, count) if d.ended_at is not None]
            return found if len(found) == count else []

        return eventually(look, timeout=timeout, what=f"the end of {mark}")

    def facts(self, ids: Sequence[str]) -> list[Event]:
        """What stands on the log about these messages, repetitions and all."""
        records = asyncio.run(read_topic(self.endpoints.kafka, NOTIFICATION_EVENTS))
        events = [decode(r.key, r.value, r.headers) for r in records]
        return [e for e in events if getattr(e.data, "message_id", None) in set(ids)]


def code_of(mark: str, number: int) -> str:
    """A dossier's code; the mark's letters and digits make it a code of the test's own."""
    return f"H29.1-260302-{mark.upper()}{number:04d}"


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """A stack of these tests' own: their notify belongs to no city."""
    stack = Stack(tmp_path_factory.mktemp("post"), "post", die_with_parent=True, kafka_heap_mb=256)
    found = Post(stack.up(), tmp_path_factory.mktemp("cities"))
    asyncio.run(create_topics(found.settings))
    asyncio.run(_contacts(found.settings, CONTACTS))
    yield found
    found.close()
    stack.reset()


CONTACTS = {
    CITIZEN: Contact(email="citizen@example.test", phone="0903 123 456"),
    # As intake took it in once.
    NOBODY: Contact.model_construct(phone="0100 000 000"),
    HEAD: Contact(email="head@example.test"),
    LEAVES: Contact(email="leaves@example.test", phone="0903 654 321"),
}


async def _contacts(settings: Settings, contacts: Mapping[str, Contact]) -> None:
    mongo = client(settings.mongo)
    producer = EventProducer(settings.kafka)
    keys = CitizenKeys(mongo, master_keys(KeySettings()))
    now = datetime.now(UTC)
    for who, contact in contacts.items():
        sealed = await keys.seal(who, contact.plain(), now)
        await producer.publish([contact_event(who, sealed, Locale.VI, now, "tests")])
    await producer.stop()
    mongo.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path / "first") as found:
        yield found


@pytest.fixture
def second(tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path / "second") as found:
        yield found


def started(city: City, **settings: Any) -> Instance:
    instance = city.start("notify", **settings)
    city.wait_ready()
    return instance


def metric(instance: Instance, line: str) -> float:
    """The value of one sample, as it stands on the page; 0.0 if it does not."""
    text = httpx.get(f"{instance.url}/metrics", timeout=10).text
    return sum(float(x.rpartition(" ")[2]) for x in text.splitlines() if x.startswith(line))


def killed(city: City, instance: Instance) -> None:
    """Waits until the instance has killed itself at its fault point."""
    eventually(lambda: instance.process.poll() is not None, timeout=60, what="the kill")
    assert instance.process.returncode == -9
    city.instances.remove(instance)


# -- once -----------------------------------------------------------------------------------


def test_a_message_is_accepted_once_though_answers_are_dropped_and_the_sender_is_killed(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(drop_answer_rate=0.4)
    with post.city(gateway) as city:
        ids = post.plan("once", 60)
        for point in ("message-picked:9", "message-accepted:11", "message-told:7"):
            killed(city, city.start("notify", stop_at=point))
        assert len(gateway.counts()) >= 11, "some answers were dropped by now"
        gateway.behaves(drop_answer_rate=0.0)
        started(city)
        found = post.ended("once", 60)
        assert {(d.provider, d.not_sent, d.parts) for d in found} == {("sms", None, 1)}
        assert gateway.counts() == dict.fromkeys(ids, 1)
        assert {d.reference for d in found} == {e.id for e in gateway.entries()}


def test_where_keys_are_ignored_only_what_was_in_flight_at_a_kill_comes_twice(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(ignore_keys=True)
    with post.city(gateway, gateway_connections=4) as city:
        ids = post.plan("twice", 40)
        killed(city, city.start("notify", stop_at="message-accepted:10"))
        started(city)
        post.ended("twice", 40)
        counts = gateway.counts()
        assert counts.keys() == set(ids)
        assert max(counts.values()) == 2
        # What this instance may have on its way at once: four for each connection.
        assert 1 <= sum(count == 2 for count in counts.values()) <= 16


def test_where_keys_are_ignored_each_answer_that_is_lost_is_one_message_more(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(ignore_keys=True, drop_answer_rate=1.0)
    with post.city(gateway) as city:
        instance = started(city)
        (message_id,) = post.plan("lost")
        eventually(lambda: len(gateway.entries()) >= 2, what="a repetition")
        gateway.behaves(drop_answer_rate=0.0)
        post.ended("lost")
        lost = metric(instance, 'motcua_provider_calls_total{outcome="unknown",provider="sms"}')
        assert gateway.counts() == {message_id: lost + 1}


def test_a_sender_that_leaves_in_order_repeats_nothing_even_where_keys_are_ignored(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(ignore_keys=True, delay_ms=50)
    with post.city(gateway, gateway_connections=2) as city:
        first = started(city)
        ids = post.plan("leave", 60)
        eventually(lambda: len(gateway.entries()) >= 5, what="the middle")
        city.start("notify")  # takes half of the partitions over, in the middle of it
        eventually(lambda: len(gateway.entries()) >= 20, what="the middle")
        assert city.leave(first) == 0
        post.ended("leave", 60)
        assert gateway.counts() == dict.fromkeys(ids, 1)


# -- by whom --------------------------------------------------------------------------------


def test_a_message_that_was_not_answered_stays_with_its_provider_whatever_happens(
    post: Post, gateway: GatewayProcess, second: GatewayProcess
) -> None:
    gateway.behaves(delay_ms=1500)
    with post.city(gateway, second, gateway_timeout=0.4) as city:
        ids = post.plan("stays", 5)
        first = started(city)
        eventually(lambda: metric(first, "motcua_message_retries_total") >= 5, what="time-outs")
        city.kill(first)
        gateway.behaves(away=True, delay_ms=0)
        # Whoever goes on finds the first gateway gone, and knows that it may have them.
        other = started(city)
        eventually(
            lambda: metric(other, 'motcua_provider_calls_total{outcome="not-taken"') >= 5,
            what="refused connections",
        )
        gateway.behaves(away=False)
        assert {d.provider for d in post.ended("stays", 5)} == {"sms"}
        assert gateway.counts() == dict.fromkeys(ids, 1)
        assert not second.counts()


def test_what_a_provider_may_have_goes_to_another_once_the_settings_know_it_no_more(
    post: Post, gateway: GatewayProcess, second: GatewayProcess
) -> None:
    gateway.behaves(delay_ms=1500)
    with post.city(gateway, second, gateway_timeout=0.4) as city:
        first = started(city)
        ids = post.plan("moved")
        eventually(lambda: metric(first, "motcua_message_retries_total") >= 1, what="a time-out")
        eventually(lambda: gateway.counts() == dict.fromkeys(ids, 1), what="the late yes")
    with post.city(second) as city:
        started(city)
        post.ended("moved")
        assert second.counts() == dict.fromkeys(ids, 1), "told twice, which is the price"


def test_the_second_provider_takes_over_when_the_first_fails_and_gives_back_when_it_is_well(
    post: Post, gateway: GatewayProcess, second: GatewayProcess
) -> None:
    gateway.behaves(fail_rate=1.0)
    with post.city(gateway, second) as city:
        instance = started(city)
        ids = post.plan("fails", 200)
        assert {d.provider for d in post.ended("fails", 200)} == {"sms2"}
        assert second.counts() == dict.fromkeys(ids, 1)
        assert metric(instance, 'motcua_provider_failing{provider="sms"}') == 1
        tried = metric(instance, 'motcua_provider_calls_total{outcome="not-taken",provider="sms"}')
        assert 5 <= tried < 120, "it was left alone once it was known to fail"
        gateway.behaves(fail_rate=0.0)
        numbers = iter(range(1000))

        def by_the_first() -> bool:
            mark = f"back{next(numbers)}"
            post.plan(mark)
            return post.ended(mark)[0].provider == "sms"

        eventually(by_the_first, what="the first")
        assert metric(instance, 'motcua_provider_failing{provider="sms"}') == 0


def test_when_both_are_slow_everything_stays_with_the_first(
    post: Post, gateway: GatewayProcess, second: GatewayProcess
) -> None:
    for each in (gateway, second):
        each.behaves(delay_ms=150)
    with post.city(gateway, second, provider_slow=0.05) as city:
        started(city)
        ids = post.plan("slow", 60)
        assert {d.provider for d in post.ended("slow", 60)} == {"sms"}
        assert gateway.counts() == dict.fromkeys(ids, 1)
        assert not second.counts()


def test_a_gateway_that_goes_away_for_a_while_costs_nothing_but_time(
    post: Post, gateway: GatewayProcess
) -> None:
    with post.city(gateway) as city:
        instance = started(city)
        gateway.behaves(away=True)
        ids = post.plan("away", 30)
        mails = post.plan("mails", 5, channel=MessageChannel.EMAIL)
        assert {d.provider for d in post.ended("mails", 5)} == {"smtp"}, "mail goes on meanwhile"
        eventually(lambda: metric(instance, "motcua_provider_failing") >= 1, what="failing")
        oldest = 'motcua_messages_oldest_seconds{channel="sms"}'
        eventually(lambda: metric(instance, oldest) > 1, what="messages that grow old")
        mail = 'motcua_messages_oldest_seconds{channel="email"}'
        eventually(lambda: metric(instance, mail) == 0, what="no mail that waits")
        gateway.behaves(away=False)
        post.ended("away", 30)
        eventually(lambda: metric(instance, oldest) == 0, what="none that waits")
        assert gateway.counts() == dict.fromkeys(ids, 1)
        arrived = Counter(entry.message_id for entry in read_ledger(post.endpoints.smtp_ledger))
        assert {arrived[f"<{mail}@motcua>"] for mail in mails} == {1}


# -- receipts -------------------------------------------------------------------------------


def test_receipts_that_come_twice_and_out_of_order_are_one_event_each(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(double_receipt_rate=1.0, receipt_delay_ms=400)
    with post.city(gateway) as city:
        instance = started(city)
        ids = post.plan("seen", 20)

        def all_seen() -> bool:
            return [d.receipt for d in post.deliveries("seen", 20)] == ["delivered"] * 20

        eventually(all_seen, what="receipts")
        line = 'motcua_receipts_total{provider="sms",status="delivered"}'
        eventually(lambda: metric(instance, line) == 40, what="every receipt twice")
        delivered = [e for e in post.facts(ids) if isinstance(e.data, notify.MessageDelivered)]
        assert len({e.id for e in delivered}) == 20
        gateway.behaves(undelivered_rate=1.0, double_receipt_rate=0.0)
        post.plan("unseen")
        found = eventually(
            lambda: [d for d in post.deliveries("unseen") if d.receipt], what="a bad receipt"
        )
        assert (found[0].receipt, found[0].detail) == ("undelivered", "the phone is switched off")
        assert found[0].not_sent is None


def test_a_receipt_before_our_own_record_counts_and_a_forged_one_does_not(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(lose_receipt_rate=1.0)
    with post.city(gateway) as city:
        instance = started(city)
        key, now = key_of(SECRET), int(time.time())
        message_id = derive_id("message", "early", 0)
        body = {
            "id": "gw-1",
            "reference": f"{code_of('early', 0)}:{message_id}",
            "status": "delivered",
            "at": "2026-03-02T01:00:00Z",
        }

        def send(
            content: object = body, key: bytes = key, at: int = now, to: str = "sms"
        ) -> httpx.Response:
            raw = json.dumps(content).encode()
            return httpx.post(
                f"{instance.url}/receipts/{to}",
                content=raw,
                headers=signed(key, "receipt-1", at, raw),
                timeout=20,
            )

        assert send(key=key_of("whsec_" + "A" * 32)).status_code == 401
        assert send(at=now - 301).status_code == 401
        assert send(to="smtp").status_code == 404
        assert send({**body, "status": "perhaps"}).status_code == 422
        assert send({**body, "reference": "elsewhere"}).status_code == 422
        assert send({**body, "reference": f"{code_of('early', 0)}:1"}).status_code == 422
        assert send([]).status_code == 422
        unsigned = httpx.post(f"{instance.url}/receipts/sms", json=body, timeout=20)
        assert unsigned.status_code == 401
        assert unsigned.headers["Content-Type"] == "application/problem+json"
        assert post.facts([message_id]) == []

        assert send().status_code == 204
        assert [type(e.data) for e in post.facts([message_id])] == [notify.MessageDelivered]
        assert send().status_code == 204
        post.plan("early")
        (found,) = post.ended("early")
        assert (found.provider, found.receipt) == ("sms", "delivered")
        assert metric(instance, 'motcua_receipts_total{provider="sms",status="refused"}') == 7


# -- if not, why not ------------------------------------------------------------------------


def test_each_message_that_cannot_be_sent_says_why_and_holds_up_no_other(
    post: Post, gateway: GatewayProcess
) -> None:
    with post.city(gateway) as city:
        started(city)
        past = datetime.now(UTC) - timedelta(hours=1)
        post.plan("late", expires_at=past, at=past - timedelta(hours=1))
        post.plan("none", recipient=NOBODY)
        post.plan("unknown", recipient="citizen-who-left-nothing")
        post.plan("nomail", recipient=NOBODY, channel=MessageChannel.EMAIL)
        post.plan("written", channel=MessageChannel.LEDGER)
        (good,) = post.plan("good")
        ends = {
            mark: (d.not_sent, d.provider)
            for mark in ("late", "none", "unknown", "nomail", "written", "good")
            for d in post.ended(mark)
        }
        assert ends == {
            "late": ("expired", None),
            "none": ("rejected", None),
            "unknown": ("no-contact", None),
            "nomail": ("no-contact", None),
            "written": (None, "ledger"),
            "good": (None, "sms"),
        }
        assert gateway.counts() == {good: 1}, "of a bad number no gateway was asked"


def test_a_message_is_tried_until_it_says_nothing_any_more(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(fail_rate=1.0)
    with post.city(gateway) as city:
        started(city)
        post.plan("until", expires_at=datetime.now(UTC) + timedelta(seconds=3))
        (found,) = post.ended("until")
        assert found.not_sent == "expired"
        assert found.detail == "sms: not now: 503 refused-on-purpose"
        assert not gateway.counts()


# -- to whom, and when ----------------------------------------------------------------------


def test_a_notice_that_proves_wrong_before_it_is_sent_is_never_sent_nor_taken_back(
    post: Post, gateway: GatewayProcess
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with post.city(gateway) as city:
        started(city)
        told, kept, refused = (derive_id("message", mark, 0) for mark in ("told", "kept", "none"))
        post.put([post.planned("told", 0), post.planned("none", 0, recipient=NOBODY)])
        post.put([post.planned("kept", 0, send_at=now + timedelta(hours=9))])
        post.ended("told")
        post.ended("none")
        wrong = []
        for mark, notice in (("told", told), ("kept", kept), ("none", refused)):
            back = post.planned(f"back{mark}", 0, takes_back=notice)
            wrong.append(msgspec.structs.replace(back, subject=code_of(mark, 0)))
        post.put(wrong)

        def ends(mark: str) -> list[str | None]:
            found = [d for d in post.deliveries(mark) if d.ended_at is not None]
            return [d.not_sent for d in found if d.takes_back]

        assert eventually(lambda: ends("told"), what="the retraction") == [None]
        assert eventually(lambda: ends("none"), what="the end") == ["taken-back"]
        assert ends("kept") == [], "it waits for its notice"
        assert gateway.counts() == {told: 1, derive_id("message", "backtold", 0): 1}


@pytest.mark.parametrize("how", ["unheard", "killed"])
def test_a_notice_that_may_have_arrived_before_a_kill_is_told_to_its_end_and_taken_back(
    post: Post, gateway: GatewayProcess, how: str
) -> None:
    with post.city(gateway) as city:
        (notice,) = post.plan(how, template="overdue", params={"due": "17:00 02/03/2026"})
        if how == "unheard":
            gateway.behaves(drop_answer_rate=1.0)
            first = started(city)
            eventually(lambda: metric(first, "motcua_message_retries_total"), what="a lost answer")
            city.kill(first)
            gateway.behaves(drop_answer_rate=0.0)
        else:
            killed(city, city.start("notify", stop_at="message-accepted:1"))
        assert gateway.counts() == {notice: 1}
        back = post.planned(f"back{how}", 0, template="retracted", takes_back=notice)
        post.put([msgspec.structs.replace(back, subject=code_of(how, 0))])
        started(city)

        def ends() -> dict[str, str | None]:
            found = [d for d in post.deliveries(how) if d.ended_at is not None]
            return {d.message_id: d.not_sent for d in found}

        correction = derive_id("message", f"back{how}", 0)
        eventually(lambda: len(ends()) == 2, what="both ends")
        assert ends() == {notice: None, correction: None}
        assert gateway.counts() == {notice: 1, correction: 1}
        eventually(lambda: not post.handed([notice, correction]), what="no note of who had what")


def test_a_notice_that_nobody_took_before_it_proved_wrong_is_dropped(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(fail_rate=1.0)
    with post.city(gateway) as city:
        instance = started(city)
        (notice,) = post.plan("untaken", template="overdue", params={"due": "17:00 02/03/2026"})
        eventually(lambda: metric(instance, "motcua_message_retries_total"), what="a refusal")
        back = post.planned("backuntaken", 0, template="retracted", takes_back=notice)
        post.put([msgspec.structs.replace(back, subject=code_of("untaken", 0))])

        def ends() -> list[str | None]:
            found = [d for d in post.deliveries("untaken") if d.ended_at is not None]
            return [d.not_sent for d in found]

        eventually(lambda: len(ends()) == 2, what="both ends")
        assert ends() == ["taken-back", "taken-back"]
        assert not gateway.counts()


def test_whoever_is_erased_while_the_provider_is_slow_is_written_to_no_more(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(hold=True)
    with post.city(gateway, gateway_connections=1) as city:
        started(city)
        post.plan("leaves", 3, recipient=LEAVES)
        eventually(gateway.held, what="the first of them at the gateway")
        asyncio.run(_erase(post.settings, LEAVES))
        tries = count()

        def forgotten() -> bool:
            # By mail nothing is in the way.
            mark = f"key{next(tries)}"
            post.plan(mark, recipient=LEAVES, channel=MessageChannel.EMAIL)
            return [d.not_sent for d in post.ended(mark)] == ["erased"]

        eventually(forgotten, what="that notify has forgotten the key")
        gateway.behaves(hold=False)
        found = post.ended("leaves", 3)
        assert sorted(d.not_sent or "" for d in found) == ["", "erased", "erased"]
        assert gateway.counts().total() == 1


async def _erase(settings: Settings, who: str) -> None:
    mongo = client(settings.mongo)
    keys = CitizenKeys(mongo, master_keys(KeySettings()))
    assert await keys.erase(who, "asked to", datetime.now(UTC))
    mongo.close()


def test_a_head_is_found_by_their_staff_number(post: Post, gateway: GatewayProcess) -> None:
    with post.city(gateway) as city:
        started(city)
        (message_id,) = post.plan(
            "head",
            recipient=HEAD,
            audience=Audience.HEAD,
            channel=MessageChannel.EMAIL,
            template="head-overdue",
            params={"unit": "H29.1", "items": "[]", "count": "0"},
        )
        post.ended("head")
        mails = {e.message_id: e for e in read_ledger(post.endpoints.smtp_ledger)}
        assert mails[f"<{message_id}@motcua>"].rcpt_to == ("head@example.test",)


def test_what_is_held_for_the_morning_goes_at_its_second_by_the_stream_s_clock(
    post: Post, gateway: GatewayProcess
) -> None:
    evening = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    morning = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    with post.city(gateway, clock="stream") as city:
        instance = started(city)
        (held,) = post.plan("held", at=evening, send_at=morning)
        post.tick(morning - timedelta(seconds=1))
        # What is due and planned after it goes: the sender has looked, and let the other lie.
        (other,) = post.plan("other", at=evening, expires_at=evening + timedelta(hours=1))
        (found,) = post.ended("other")
        assert found.ended_at == evening
        assert gateway.counts() == {other: 1}, (
            "a stream runs ahead; it was told in time all the same"
        )
        post.tick(morning)
        (found,) = post.ended("held")
        assert found.ended_at == morning
        assert gateway.counts() == {other: 1, held: 1}
        # Nothing ticks any more; whoever starts now knows all the same what time it is.
        city.kill(instance)
        (last,) = post.plan("last", at=evening, send_at=morning)
        started(city)
        post.ended("last")
        assert gateway.counts() == {other: 1, held: 1, last: 1}


def test_whoever_opts_out_in_the_evening_is_told_in_the_morning_only_what_the_law_demands(
    post: Post, gateway: GatewayProcess
) -> None:
    evening = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    morning = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    code = code_of("off", 0)
    due = {"template": "soon-due", "params": {"due": "17:00 03/03/2026"}}
    notice = post.planned("off", 0, evening, send_at=morning, **due)
    demand = post.planned("offdemand", 0, evening, send_at=morning, template="stopped")
    back = post.planned(
        "offback", 0, morning, template="retracted", takes_back=derive_id("message", "off", 0)
    )
    opted_out = Event(
        "opted-out", "/tests", code, evening + timedelta(hours=1), notify.OptOutSet(opted_out=True)
    )

    def ends() -> dict[str | None, str | None]:
        return {d.template: d.not_sent for d in post.deliveries("off") if d.ended_at is not None}

    with post.city(gateway, clock="stream") as city:
        started(city)
        # Twice, as after a kill.
        facts = [notice, demand, opted_out, opted_out]
        post.put([msgspec.structs.replace(fact, subject=code) for fact in facts])
        post.tick(morning)
        eventually(lambda: len(ends()) == 2, what="both ends")
        assert ends() == {"soon-due": "opted-out", "stopped": None}
        post.put([msgspec.structs.replace(back, subject=code)])
        eventually(lambda: len(ends()) == 3, what="the retraction's end")
        assert ends()["retracted"] == "taken-back", "of what nobody was told"
        assert gateway.counts() == {derive_id("message", "offdemand", 0): 1}


def test_what_was_held_is_told_in_the_order_in_which_it_happened_whatever_the_provider_does(
    post: Post, gateway: GatewayProcess
) -> None:
    gateway.behaves(fail_rate=0.3, delay_ms=30)
    with post.city(gateway) as city:
        started(city)
        now = datetime.now(UTC).replace(microsecond=0)
        held, dossiers, each = now + timedelta(seconds=3), 12, 4
        ids = {
            code_of("order", number): [
                derive_id("message", f"order{nth}", number) for nth in range(each)
            ]
            for number in range(dossiers)
        }
        for nth in range(each):
            at = now - timedelta(hours=each - nth)
            events = [
                post.planned(f"order{nth}", number, at=at, send_at=held)
                for number in range(dossiers)
            ]
            subjects = zip(events, ids, strict=True)
            post.put([msgspec.structs.replace(e, subject=code) for e, code in subjects])

        def all_told() -> bool:
            return len(gateway.counts()) == dossiers * each

        eventually(all_told, what="all of them")
        told = [entry.key for entry in gateway.entries()]
        assert {code: [key for key in told if key in mine] for code, mine in ids.items()} == ids


def test_what_follows_goes_as_soon_as_the_one_before_it_is_told(
    post: Post, gateway: GatewayProcess
) -> None:
    # With a pause of a look between two of them it would take minutes.
    with post.city(gateway, look_every=5.0) as city:
        started(city)
        post.plan("warm")
        post.ended("warm")
        now = datetime.now(UTC).replace(microsecond=0)
        events = [
            post.planned(f"next{nth}", 0, at=now - timedelta(minutes=40 - nth)) for nth in range(40)
        ]
        post.put([msgspec.structs.replace(e, subject=code_of("next", 0)) for e in events])
        eventually(lambda: len(gateway.counts()) == 41, timeout=60.0, what="all of them")


def test_a_unit_s_morning_waits_for_the_tick_of_its_own_topic(
    post: Post, gateway: GatewayProcess
) -> None:
    seven = datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
    half_past, eight = seven + timedelta(minutes=30), seven + timedelta(hours=1)
    with post.city(gateway, clock="stream") as city:
        instance = started(city)
        post.put([alerted("first", half_past)])
        # The dossiers' time is past the morning; that all alerts of it are there, nobody said yet.
        post.tick(eight)

        def ticked() -> bool:
            return bool(instance.get("/health/ready")["now"] == eight.isoformat())

        eventually(ticked, what="the dossiers' tick")
        post.tick(seven, UNIT_ALERTS)
        post.put([alerted("second", half_past)])
        post.tick(eight, UNIT_ALERTS)

        def digest() -> list[Event]:
            records = asyncio.run(read_topic(post.endpoints.kafka, NOTIFICATION_EVENTS))
            events = [decode(r.key, r.value, r.headers) for r in records]
            return [e for e in events if e.subject == MORNING]

        told = eventually(digest, what="the digest")[0].data
        assert isinstance(told, notify.MessagePlanned)
        assert told.params["count"] == "2"


def alerted(mark: str, due: datetime) -> Event:
    """An alert for the unit's morning."""
    data = notify.UnitAlerted(
        morning=MORNING,
        unit="H29.1",
        dossier=code_of(mark, 0),
        alert_id=derive_id("alert", mark),
        alert="StepOverdue",
        due=due,
    )
    return Event(derive_id("alerted", mark), "/tests", MORNING, due - timedelta(hours=20), data)
