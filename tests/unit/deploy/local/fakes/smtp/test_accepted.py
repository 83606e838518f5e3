"""The mail ledger: whole lines only, readable Vietnamese, any bytes accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.header import Header
from email.message import EmailMessage
from pathlib import Path

import pytest

from deploy.local.fakes.smtp.accepted import (
    AcceptedLog,
    AcceptedMail,
    accepted_now,
    read_accepted_mails,
)
from deploy.local.fakes.smtp.page import SHOWN, Mailbox, list_page, message_page, text_of


def _raw(subject: str, body: str = "Kính gửi") -> bytes:
    message = EmailMessage()
    message["Subject"], message["Message-ID"] = subject, "<1@motcua>"
    message.set_content(body)
    return message.as_bytes()


def _entry(subject: str, body: str = "Kính gửi") -> AcceptedMail:
    return accepted_now("motcua@example.vn", ["dan@example.vn"], _raw(subject, body))


def _append(path: Path, *entries: AcceptedMail, fsync: bool = False) -> None:
    async def run() -> None:
        ledger = AcceptedLog(path, fsync=fsync)
        await asyncio.gather(*(ledger.append(entry) for entry in entries))
        ledger.close()

    asyncio.run(run())


@pytest.mark.parametrize("fsync", [False, True])
def test_what_is_appended_is_read_back(tmp_path: Path, fsync: bool) -> None:
    entries = [_entry(f"Thư {number}") for number in range(50)]
    _append(tmp_path / "ledger", *entries, fsync=fsync)
    assert sorted(
        read_accepted_mails(tmp_path / "ledger"), key=lambda entry: entry.subject
    ) == sorted(entries, key=lambda entry: entry.subject)


def test_there_is_nothing_in_a_ledger_that_does_not_exist(tmp_path: Path) -> None:
    assert list(read_accepted_mails(tmp_path / "none")) == []


@pytest.mark.parametrize("whole_lines", [0, 1])
def test_a_torn_last_line_is_left_out_and_cut_off(tmp_path: Path, whole_lines: int) -> None:
    path = tmp_path / "ledger"
    earlier = [_entry("trước")] * whole_lines
    path.write_bytes(b"".join(entry.to_line() for entry in earlier) + b'{"time": "x' * 10000)
    assert list(read_accepted_mails(path)) == earlier
    later = _entry("sau")
    _append(path, later)
    assert list(read_accepted_mails(path)) == [*earlier, later]


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe\x00", b"Subject: =?nonsense?b?xx?=\r\n\r\n", b"Subject: tr\xe1\r\n\r\n"]
)
def test_any_bytes_can_be_a_message(tmp_path: Path, raw: bytes) -> None:
    entry = accepted_now("", [], raw)
    _append(tmp_path / "ledger", entry)
    assert next(read_accepted_mails(tmp_path / "ledger")).raw == raw
    assert isinstance(text_of(entry), str)


@pytest.mark.parametrize(
    "encode",
    [
        lambda subject: Header(subject, "utf-8").encode().encode(),
        lambda subject: subject.replace(" và ", "\r\n và ").encode(),
    ],
    ids=["encoded words", "plain UTF-8"],
)
def test_a_folded_subject_is_one_readable_line(encode: Callable[[str], bytes]) -> None:
    subject = "Thư xin lỗi và hẹn lại ngày trả kết quả giải quyết thủ tục " * 3 + "hành chính"
    raw = b"Subject: " + encode(subject) + b"\r\n\r\nbody"
    assert accepted_now("", [], raw).subject == subject


def test_pages_escape_what_came_by_mail_and_list_the_newest_first() -> None:
    mailbox = Mailbox([_entry("cũ"), _entry("<script>mới</script>")])
    page = list_page(mailbox)
    assert "<script>" not in page
    assert page.index("&lt;script&gt;mới") < page.index("cũ")
    assert "&lt;b&gt;Kính" in message_page(_entry("a", "<b>Kính gửi</b>"))


def test_the_page_keeps_the_newest_only() -> None:
    mailbox = Mailbox([_entry("thư")] * (SHOWN + 1))
    count, newest = mailbox.snapshot()
    assert (count, len(newest), newest[0][0]) == (SHOWN + 1, SHOWN, SHOWN + 1)
