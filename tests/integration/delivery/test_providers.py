"""Messages on their way through real gateways: each once, by whom, and if not, why not."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from contracts.events import notify
from contracts.events.notify import MessageChannel
from contracts.wire.envelope import derive_id
from deploy.local.fakes.gateway.part import SECRET
from deploy.local.fakes.smtp.accepted import read_accepted_mails
from services.notify.channels.standard_webhooks import key_of, signed
from tests.support.eventually import eventually
from tests.support.gateways import GatewayProcess
from tests.support.post import NOBODY, Post, code_of, killed, metric, started

pytestmark = pytest.mark.integration


@pytest.fixture
def second(tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path / "second") as found:
        yield found


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
        arrived = Counter(
            entry.message_id for entry in read_accepted_mails(post.endpoints.smtp_ledger)
        )
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
        for impossible in ("1999-12-31T16:59:59Z", "2999-01-01T00:00:00Z"):
            refused = send({**body, "at": impossible})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "at")
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
        assert metric(instance, 'motcua_receipts_total{provider="sms",status="refused"}') == 9


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
