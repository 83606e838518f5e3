"""When a message is tried again, and what is kept of why it was put off."""

from __future__ import annotations

import time

import pytest

from services.notify.channels.redact import redacted
from services.notify.delivery import Delivery
from services.notify.tries import Tries

MESSAGE = Delivery("m-1", "sms")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("450 4.2.0 <dan@example.vn> mailbox busy", "450 4.2.0 <[address]> mailbox busy"),
        ("no route to +84 903 123 456, later", "no route to [number], later"),
        ("0903.123.456 is switched off", "[number] is switched off"),
        ("sms: not now: 503 refused-on-purpose", "sms: not now: 503 refused-on-purpose"),
        ("nguyễn@thư.vn và 84903123456", "[address] và [number]"),
        ("550 <o'brien@example.vn>: no", "550 <[address]>: no"),
        ('550 "nguyen van a"@example.vn: no', "550 [address]: no"),
        ("no mailbox dan%40example.vn", "no mailbox [address]"),
        ("", ""),
    ],
)
def test_nobody_s_address_gets_into_a_reason(said: str, kept: str) -> None:
    assert redacted(said) == kept


def test_a_reason_is_never_long() -> None:
    assert len(redacted("x" * 262_144)) == 500


def test_a_message_that_was_put_off_waits_and_is_known_to_have_failed() -> None:
    tries = Tries()
    now = time.monotonic()
    assert not tries.waits("m-1", now)
    tries.put_off(MESSAGE, "smtp: <a@b.vn>", at_least=30.0)
    assert tries.waits("m-1", now + 29.0)
    assert not tries.waits("m-1", now + 40.0)
    assert tries.failed("m-1")
    assert tries.detail("m-1") == "smtp: <[address]>"


def test_where_each_try_may_be_one_more_mail_they_are_soon_an_hour_apart() -> None:
    tries = Tries()
    for failures in range(1, 12):
        tries.put_off(MESSAGE, "no answer", repeats=True)
        least = min(5.0 * 4.0 ** (failures - 1), 3600.0)
        assert tries.waits("m-1", time.monotonic() + least - 1.0)
        assert not tries.waits("m-1", time.monotonic() + least + 61.0)


def test_a_message_for_which_nobody_could_be_asked_has_not_failed() -> None:
    tries = Tries()
    tries.hold(MESSAGE, 10.0)
    assert tries.waits("m-1", time.monotonic())
    assert not tries.failed("m-1")
    assert tries.detail("m-1") is None


def test_what_is_no_longer_to_be_sent_here_is_forgotten() -> None:
    tries = Tries()
    tries.put_off(MESSAGE, "x")
    tries.put_off(Delivery("m-2", MESSAGE.channel), "x")
    tries.put_off(Delivery("m-3", "zalo"), "x")
    tries.keep(MESSAGE.channel, {"m-2"})
    assert [tries.failed(m) for m in ("m-1", "m-2", "m-3")] == [False, True, True]
    tries.clear()
    assert not tries.failed("m-2")
