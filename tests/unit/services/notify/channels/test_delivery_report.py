"""What is read out of a mail that says what became of one of ours, whoever has written it."""

from __future__ import annotations

import contextlib
import re
import time
from datetime import UTC, datetime
from email import message_from_bytes

import pytest
from flufl.bounce import all_failures
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.local.fakes.smtp.accepted import accepted_now
from deploy.local.fakes.smtp.bounces import report as local_report
from services.notify.channels.delivery_report import (
    Action,
    DeliveryReport,
    NoReport,
    NotOurs,
    read_report,
)
from services.notify.channels.provider import Outgoing
from services.notify.channels.reference import reference
from services.notify.channels.smtp import compose
from services.notify.http.delivery_receipts import of_mail
from services.notify.wording.renderer import RenderedMessage
from tests.support.delivery_reports import MESSAGE, MORNING, OURS, POSTFIX, REASONS, SHAPES, TO

NOW = datetime(2024, 3, 7, 2, 0, tzinfo=UTC)


def read(text: str) -> DeliveryReport:
    """The report in a mail, however its lines end."""
    found = read_report(text.encode())
    assert read_report(text.replace("\n", "\r\n").encode()) == found
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_whoever_writes_it_says_of_which_mail_and_why_and_no_address(name: str) -> None:
    found = read(SHAPES[name])
    assert (found.reference, found.action) == (OURS, Action.FAILED)
    assert found.reason == REASONS[name]
    assert "nguyen" not in found.reason
    assert found.at.replace(second=0) == datetime(2024, 3, 7, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ours", [OURS, MORNING])
def test_the_name_of_the_envelope_is_enough_and_so_are_the_headers(name: str, ours: str) -> None:
    text = SHAPES[name].replace(OURS, ours)
    bare = text.replace("X-Motcua-Reference", "X-Nothing")
    by_envelope = bare.replace("Reporting-MTA", f"Original-Envelope-Id: {ours}\nReporting-MTA", 1)
    encoded = by_envelope.replace(f"Id: {ours}", f"Id: {ours.replace('@', '+40')}")
    by_header = text.replace("Original-Envelope-Id", "X-Nothing")
    assert {read(each).reference for each in (by_envelope, encoded, by_header)} == {ours}
    with pytest.raises(NotOurs):
        read(bare.replace("Original-Envelope-Id", "X-Nothing"))


def test_a_mail_as_we_send_it_is_known_again_by_what_the_local_server_returns_of_it() -> None:
    for subject in ("H29.15-240307-0001", "H29.15@2024-03-08"):
        text = RenderedMessage("Hồ sơ đã được tiếp nhận", "Kính gửi", "short", "1")
        mail = compose("mot-cua@example.test", Outgoing(MESSAGE, subject, TO, text))
        entry = accepted_now("mot-cua@example.test", [TO], mail)
        ours = reference(subject, MESSAGE)
        for envelope_id in (ours, None, "of another"):
            found = read_report(local_report(entry, TO, envelope_id))
            assert (found.reference, found.action) == (ours, Action.FAILED)
            assert found.reason == "5.1.1: <[address]>: there is no such mailbox"
        assert message_from_bytes(local_report(entry, TO, ours)).get_content_type() == (
            "multipart/report"
        )


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ("failed", "failed"),
        ("FAILED (for good)", "failed"),
        ("error", "failed"),
        ("failure", "failed"),
        ("delivered", "delivered"),
        ("delayed", None),
        ("relayed", None),
        ("expanded", None),
    ],
)
def test_only_what_failed_or_arrived_is_a_receipt(said: str, end: str | None) -> None:
    text = POSTFIX.replace("Action: failed", f"Action: {said}")
    found = of_mail(text.encode(), NOW)
    assert (found.status if found else None) == end


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("said", ["failed", "error", "failure", "Delayed", "delivered", "relayed"])
def test_a_mailing_list_s_reader_of_bounces_says_of_it_what_we_say(name: str, said: str) -> None:
    text = re.sub("^Action: .*$", f"Action: {said}", SHAPES[name], flags=re.MULTILINE)
    # By which it would know a bounce of Exim's, or of Gmail's, that has no part for programs.
    text = text.replace("X-Failed-Recipients", "X-Nothing")
    temporary, permanent = all_failures(message_from_bytes(text.encode()))
    action = read(text).action
    assert (bool(temporary), bool(permanent)) == (action is Action.DELAYED, action is Action.FAILED)
    assert temporary | permanent <= {TO.encode()}


def test_what_reached_one_of_several_has_arrived() -> None:
    second = "\nFinal-Recipient: rfc822; b@example.test\nAction: delivered\nStatus: 2.0.0\n"
    whole = POSTFIX.replace("virtual mailbox table\n", f"virtual mailbox table\n{second}")
    assert read(whole).action is Action.DELIVERED
    late = whole.replace("Action: delivered", "Action: delayed")
    assert (read(late).action, read(late).reason) == (Action.FAILED, REASONS["postfix"])


def test_the_same_bounce_is_the_same_receipt_and_none_is_of_days_to_come() -> None:
    event, *again = (
        found.event("smtp")
        for moment in (NOW, NOW.replace(hour=5), NOW.replace(hour=1))
        if (found := of_mail(POSTFIX.encode(), moment))
    )
    assert again == [event, event]
    other = of_mail(POSTFIX.replace("unknown in", "is none in").encode(), NOW)
    assert other is not None
    assert other.event("smtp").id != event.id
    late = of_mail(POSTFIX.replace("Mar 2024 08:15:04", "Mar 2099 08:15:04").encode(), NOW)
    assert late is not None
    assert late.at == NOW


@pytest.mark.parametrize("date", ["", "Date: yesterday\n", "Date: 31 Dec 9999 23:59:59 -2359\n"])
def test_without_a_date_it_is_of_when_the_mail_came_to_the_server(date: str) -> None:
    text = POSTFIX.replace("Date: Thu, 7 Mar 2024 08:15:04 +0700 (+07)\n", date, 1)
    assert read(text).at == datetime(2024, 3, 7, 1, 15, tzinfo=UTC)
    with pytest.raises(NoReport, match="date"):
        read(text.replace("Arrival-Date", "X-Nothing"))


PLAIN = f"""\
From: {TO}
To: mot-cua@hoso.example.vn
Date: Thu, 7 Mar 2024 08:15:04 +0700
Subject: Re: H29.15-240307-0001
Content-Type: text/plain

{OURS}
"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        "no mail at all",
        PLAIN,
        PLAIN.replace("Subject", "Auto-Submitted: auto-replied (vacation)\nSubject"),
        # Somebody forwards one, as it is or as an attachment.
        PLAIN + POSTFIX,
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        + POSTFIX
        + "\n--b--\n",
        # It returns one that was itself returned: what counts is what it says of its own.
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
        "Content-Type: message/rfc822\n\n" + POSTFIX + "\n--b--\n",
        POSTFIX.replace("report-type=delivery-status", "report-type=disposition-notification"),
        POSTFIX.replace("multipart/report", "multipart/alternative"),
        POSTFIX.replace("boundary=", "x="),
        POSTFIX.replace("message/delivery-status", "text/plain"),
        POSTFIX.replace("Action: failed\n", ""),
        POSTFIX.replace("Action: failed", "Action: perhaps"),
        POSTFIX.replace("Action: failed", "Action:"),
        POSTFIX + "x" * 300_000,
        POSTFIX.replace("boundary=", "boundary*=idna'en'"),
        POSTFIX.replace("boundary=", "boundary*=punycode''%ff"),
    ],
)
def test_what_is_no_report_is_refused_and_says_why(text: str) -> None:
    with pytest.raises(NoReport) as raised:
        read(text)
    assert "nguyen" not in str(raised.value)


@pytest.mark.parametrize(
    "mail",
    [
        POSTFIX.replace(OURS, "H29.15-240307-0001"),
        POSTFIX.replace(OURS, MESSAGE),
        POSTFIX.replace(OURS, f"{OURS}x"),
        POSTFIX.replace(OURS, "4d2f1c@shop.example"),
    ],
)
def test_a_report_of_somebody_else_s_mail_is_said_to_be_one(mail: str) -> None:
    with pytest.raises(NotOurs, match="no mail of ours"):
        read(mail)


@pytest.mark.parametrize(
    ("diagnostic", "kept"),
    [
        ("smtp; 550 nguyen.van.an over quota", "5.1.1: 550 [address] over quota"),
        ("smtp; 550 NGUYEN.VAN.AN, 0903 123 456", "5.1.1: 550 [address], [number]"),
        ("smtp; 550 see https://h.example/s?key=abc", "5.1.1: 550 see [link]"),
        (
            "x-unix; =?utf-8?b?bmd1eWVuLnZhbi5hbkBleGFtcGxlLnRlc3Q=?= is none",
            "5.1.1: [encoded] is none",
        ),
        ("smtp; 550 H\u1ed9p th\u01b0", None),
        ("smtp;", "5.1.1"),
        ("no type at all", "5.1.1: no type at all"),
    ],
)
def test_a_reason_keeps_the_server_s_words_and_nothing_that_is_somebody_s(
    diagnostic: str, kept: str | None
) -> None:
    begin, _, rest = POSTFIX.partition("Diagnostic-Code: ")
    text = begin + f"Diagnostic-Code: {diagnostic}\n" + rest.partition("mailbox table\n")[2]
    text = text.replace(f"Final-Recipient: rfc822; {TO}", f"Final-Recipient: rfc822;<{TO}>")
    found = read(text)
    assert kept is None or found.reason == kept
    found.reason.encode()  # no half characters, which no event can carry


def test_a_mailbox_with_a_tag_is_known_as_it_was_asked_for_and_as_it_is_written() -> None:
    text = POSTFIX.replace(f"rfc822;{TO}", "rfc822;le.thi.b+2Bhoso@other.test").replace(
        "User nguyen.van.an", "User le.thi.b+hoso (le.thi.b)"
    )
    assert "le.thi" not in read(text).reason


def test_a_reason_that_never_ends_is_cut_and_no_half_address_is_left() -> None:
    words = "word " * 798 + f"{TO} " * 2000
    assert len(found := read(POSTFIX.replace("User ", words)).reason) == 500
    assert "nguyen" not in found
    links = "https://h.example/" + "a" * 3900 + f" {TO}" * 100
    assert "nguyen" not in read(POSTFIX.replace("User ", links)).reason


def test_the_worst_mail_of_its_length_takes_no_more_than_a_moment() -> None:
    head, _, rest = POSTFIX.partition("This is a MIME")
    line = "--4ZkQ2x0Yj1z9v.1709774104/relay.hoso.example.vn\n"
    room = 262_144 - len(POSTFIX) - 100
    status = "Action: failed\n"
    worst = [
        head + (line + "\n") * (room // (len(line) + 1)),
        head + "a:\n" * (room // 3) + rest,
        "a:\n" * (room // 3) + POSTFIX,
        POSTFIX.replace(status, status + "\na:\n" * (room // 4)),
        POSTFIX.replace(status, status + "Action: failed\n\n" * (room // 16)),
        POSTFIX.replace("User ", "a" * room),
        POSTFIX.replace("User ", "a; " * (room // 3), 1),
        POSTFIX.replace("User ", "=?" * (room // 2)),
        POSTFIX.replace("boundary=", " ;" * (room // 2) + "boundary="),
        POSTFIX.replace("boundary=", 'x="' * (room // 3) + "boundary="),
        POSTFIX.replace("7 Mar 2024 08:15:04", "9" * room, 1),
        POSTFIX.replace("7 Mar 2024 08:15:04", "(" * room, 1),
        POSTFIX.replace("X-Motcua-Reference: ", "X-Motcua-Reference: " + "+" * room),
        POSTFIX.replace("rfc822;", "rfc822;" + "a" * room, 1),
        "Content-Type: multipart/report; boundary=a\n\n"
        + "".join(
            f"--b{n}\nContent-Type: multipart/report; boundary=b{n + 1}\n\n" for n in range(4000)
        ),
    ]
    for number, mail in enumerate(worst):
        assert len(mail) <= 262_144, number
        begin = time.process_time()
        with contextlib.suppress(NoReport, NotOurs):
            read_report(mail.encode())
        assert time.process_time() - begin < 1.0, number


_PIECES = st.sampled_from(
    [
        *(part for shape in SHAPES.values() for part in shape.encode().split(b"\n")),
        b"",
        b"\r",
        b"\xff\xfe",
        b"--b",
        b"--b--",
        b"Content-Type: multipart/report; boundary=b",
        b"Content-Type: multipart/report; report-type*=utf-16''%00; boundary=b",
        b"Content-Type: multipart/report; boundary*0*=hex''b; boundary*1=c",
        b"Content-Type: multipart/report; boundary*=\x00''b",
        b"Content-Type: message/delivery-status; charset=\xff",
        b"Original-Envelope-Id: \xff+40+FF+",
        b"Diagnostic-Code: smtp; \xff\x00\xed\xa0\x80",
        b"Status: 5.\xd9\xa1.1",
        b"Date: Thu, 99 Mar 99999999999999999999 08:15:04 +9999",
        b"Date: 31 Dec 9999 23:59:59 -2359",
    ]
)


@given(st.lists(st.one_of(_PIECES, st.binary(max_size=40)), max_size=60).map(b"\n".join))
@example(b"Content-Type: multipart/report; boundary*=\x00''b\n\n")
@example(b"Content-Type: \xff multipart/report; boundary=\xff\n\n--\xff\n")
def test_whatever_comes_is_a_report_or_an_error(mail: bytes) -> None:
    try:
        found = read_report(mail)
    except (NoReport, NotOurs):
        return
    assert found.reference.encode()
    assert len(found.reason.encode()) <= 2000


@given(st.data())
def test_a_report_with_a_few_bytes_changed_is_a_report_or_an_error(data: st.DataObject) -> None:
    mail = bytearray(data.draw(st.sampled_from([*SHAPES.values()])).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mail) - 1))
        mail[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=6))
    try:
        found = read_report(bytes(mail))
    except (NoReport, NotOurs):
        return
    found.reason.encode()
    of_mail(bytes(mail), NOW)
