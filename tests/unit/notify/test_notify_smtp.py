"""What is handed to a mail server, and what is not."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header

import pytest

from services.notify.render import Text
from services.notify.settings import NotifySettings
from services.notify.smtp import NotYet, Rejected, SmtpConnection, compose

SUBJECT = "Hồ sơ H29.101-260311-0001 đã được tiếp nhận, hẹn trả kết quả 17:00 16/03/2026"


def test_a_long_vietnamese_subject_keeps_every_letter_and_space() -> None:
    raw = compose("mot-cua@example.test", "m-1", "a@example.test", Text(SUBJECT, "Kính gửi"))
    mail = message_from_bytes(raw)
    assert str(make_header(decode_header(mail["Subject"]))) == SUBJECT
    assert mail["Message-ID"] == "<m-1@motcua>"
    assert all(len(line) < 998 for line in raw.split(b"\r\n"))


async def test_an_address_that_no_server_can_take_is_rejected_and_asks_none() -> None:
    connection = SmtpConnection(NotifySettings(smtp_port=1))
    with pytest.raises(Rejected, match="not ASCII"):
        await connection.send("m-1", "nguyễn@example.test", Text("s", "b"))


async def test_a_server_that_is_away_makes_the_message_wait() -> None:
    connection = SmtpConnection(NotifySettings(smtp_port=1, smtp_timeout=2))
    with pytest.raises(NotYet):
        await connection.send("m-1", "a@example.test", Text("s", "b"))
