"""When a message is tried again, and what is kept of why it was put off."""

from __future__ import annotations

import time

import pytest

from services.notify.channels.redact import redacted, without
from services.notify.delivery.delivery import Delivery
from services.notify.sending.retries import Retries

MESSAGE = Delivery("m-1", "sms")
LINK = "https://hoso.example.vn/status/H29.15-240304-0001?key=APDVA7EWTS#rating"


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
        ("no 0903–123–456 nor 0903/123/456", "no [number] nor [number]"),
        ("", ""),
    ],
)
def test_nobody_s_address_gets_into_a_reason(said: str, kept: str) -> None:
    assert redacted(said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"554 5.7.1 listed URL {LINK} see SURBL", "554 5.7.1 listed URL [link] see SURBL"),
        (f"422 content refused: 'đánh giá: {LINK}'", "422 content refused: 'đánh giá: [link]"),
        (f'spam <a href="{LINK}">', 'spam <a href="[link]">'),
        (f"refused:{LINK.upper()}", "refused:[link]"),
        (LINK.replace("/", "\\/"), "[link]"),
        ("url=https%3A%2F%2Fhoso.vn%2Fstatus%2FH29%3Fkey%3DAPDVA7EWTS", "url=[link]"),
        ("text: www.hoso.vn/status/H29?key=APDVA7EWTS no", "text: [link] no"),
        ("hoso.vn/status/H29?key=APDVA7EWTS#rating: no", "hoso.vn/status/H29?[key] no"),
        ("cut: ?key= APDVA7EWTS, and %3FKEY%3DAPDVA7EWTS", "cut: ?[key] and %3F[key]"),
        ("421 4.7.0 no key is known, try www later", "421 4.7.0 no key is known, try www later"),
    ],
)
def test_no_link_that_opens_a_dossier_gets_into_a_reason(said: str, kept: str) -> None:
    assert redacted(said) == kept


@pytest.mark.parametrize(
    "word",
    ["x", "x.", "1", "1 ", "a@", '"', "www.", "://", "a://", "https:/", "key", "key=", "%3A", "@."],
)
def test_a_reason_is_never_long_nor_takes_long_to_look_through(word: str) -> None:
    said = word * (262_144 // len(word))
    began = time.process_time()
    assert len(redacted(said)) <= 500
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("said", "known", "kept"),
    [
        ("4.2.2 mailbox An.Nguyen is full", ["an.nguyen"], "4.2.2 mailbox [address] is full"),
        ("<an@x.vn>, an: 452 an", ["an", "an@x.vn"], "<[address]>, [address]: 452 [address]"),
        ("van and Lan are not an.", ["an"], "van and Lan are not [address]."),
        ("to +84903123456: no", ["+84903123456", ""], "to [address]: no"),
        ("nothing (is) known", [""], "nothing (is) known"),
    ],
)
def test_what_is_known_for_an_address_is_taken_out_though_it_looks_like_none(
    said: str, known: list[str], kept: str
) -> None:
    assert without(said, *known) == kept


def test_a_message_that_was_put_off_waits_and_is_known_to_have_failed() -> None:
    retries = Retries()
    now = time.monotonic()
    assert not retries.waits("m-1", now)
    retries.put_off(MESSAGE, "smtp: <a@b.vn>", at_least=30.0)
    assert retries.waits("m-1", now + 29.0)
    assert not retries.waits("m-1", now + 40.0)
    assert retries.failures("m-1")
    assert retries.detail("m-1") == "smtp: <[address]>"


def test_where_each_try_may_be_one_more_mail_they_are_soon_an_hour_apart() -> None:
    retries = Retries()
    for failures in range(1, 12):
        retries.put_off(MESSAGE, "no answer", repeats=True)
        least = min(5.0 * 4.0 ** (failures - 1), 3600.0)
        assert retries.waits("m-1", time.monotonic() + least - 1.0)
        assert not retries.waits("m-1", time.monotonic() + least + 61.0)


def test_a_message_for_which_nobody_could_be_asked_has_not_failed() -> None:
    retries = Retries()
    retries.hold(MESSAGE, 10.0)
    assert retries.waits("m-1", time.monotonic())
    assert not retries.failures("m-1")
    assert retries.detail("m-1") is None


def test_a_message_holds_up_what_goes_after_it_for_an_hour_and_by_a_defect_not_at_all() -> None:
    retries, now = Retries(), time.monotonic()
    retries.hold(MESSAGE)
    assert not retries.lets_by("m-1", now + 9000.0), "nobody could be asked"
    for _ in range(3):
        retries.put_off(MESSAGE, "sms: not now")
    assert not retries.lets_by("m-1", now + 3590.0)
    assert retries.lets_by("m-1", now + 3610.0)
    retries.put_off(MESSAGE, "no such template", stuck=True)
    assert retries.lets_by("m-1", time.monotonic())


def test_how_long_a_message_has_been_tried_counts_from_its_first_failure() -> None:
    clock = iter([50.0, 100.0, 130.0])
    retries = Retries(lambda: next(clock))
    retries.hold(MESSAGE)
    assert retries.tried("m-1", 90.0) is None, "nobody could be asked"
    retries.put_off(MESSAGE, "sms: not now")
    retries.put_off(MESSAGE, "sms: not now")
    assert retries.tried("m-1", 160.0) == 60.0
    assert retries.tried("m-2", 160.0) is None


def test_what_is_no_longer_to_be_sent_here_is_forgotten() -> None:
    retries = Retries()
    retries.put_off(MESSAGE, "x")
    retries.put_off(Delivery("m-2", MESSAGE.channel), "x")
    retries.put_off(Delivery("m-3", "zalo"), "x")
    retries.keep(MESSAGE.channel, {"m-2"})
    assert [retries.failures(m) for m in ("m-1", "m-2", "m-3")] == [False, True, True]
    retries.clear()
    assert not retries.failures("m-2")
