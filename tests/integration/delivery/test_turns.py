"""To whom a message goes, when, and after which other one; and what is taken back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec
import pytest

from contracts.events import notify
from contracts.events.notify import Audience, MessageChannel
from contracts.wire.codec import decode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import NOTIFICATION_EVENTS, UNIT_ALERTS
from deploy.local.fakes.smtp.accepted import read_accepted_mails
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from tests.support.eventually import eventually
from tests.support.gateways import GatewayProcess
from tests.support.post import HEAD, LEAVES, NOBODY, Post, code_of, killed, metric, started
from tests.support.stage import read_topic

pytestmark = pytest.mark.integration

MORNING = "H29.1@2026-03-04"


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

        correction = derive_id("message", f"back{how}", 0)
        eventually(lambda: len(post.ends(how)) == 2, what="both ends")
        assert post.ends(how) == {notice: None, correction: None}
        assert gateway.counts() == {notice: 1, correction: 1}
        eventually(lambda: not post.handed([notice, correction]), what="no note of who had what")


@pytest.mark.parametrize(
    ("mark", "recipient", "reason"),
    [("badnum", NOBODY, "rejected"), ("noaddr", "citizen-unknown", "no-contact")],
)
def test_a_notice_that_nobody_got_and_whose_end_was_told_before_a_kill_is_not_taken_back(
    post: Post, gateway: GatewayProcess, mark: str, recipient: str, reason: str
) -> None:
    """Who left an address meanwhile must not hear that what they never got was wrong."""
    with post.city(gateway) as city:
        instance = city.start("notify", stop_at="message-told:1")
        due = {"due": "17:00 02/03/2026"}
        (notice,) = post.plan(mark, template="overdue", params=due, recipient=recipient)
        killed(city, instance)
        assert not post.handed([notice])
        back = post.planned(f"back{mark}", 0, template="retracted", takes_back=notice)
        post.put([msgspec.structs.replace(back, subject=code_of(mark, 0))])
        started(city)

        eventually(lambda: len(post.ends(mark)) == 2, what="both ends")
        correction = derive_id("message", f"back{mark}", 0)
        assert post.ends(mark) == {notice: reason, correction: "taken-back"}
        assert not gateway.counts()


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

        eventually(lambda: len(post.ends("untaken")) == 2, what="both ends")
        assert list(post.ends("untaken").values()) == ["taken-back", "taken-back"]
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
        mails = {e.message_id: e for e in read_accepted_mails(post.endpoints.smtp_ledger)}
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
