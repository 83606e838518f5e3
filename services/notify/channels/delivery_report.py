"""Read what a mail server reports about a mail that it accepted earlier: a delivery status
notification (RFC 3464).

It comes by mail, so anybody may have written it. Whatever its form, the answer is a report or an
error, in a time that grows only with its length. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from email.utils import parsedate_to_datetime
from enum import StrEnum

from services.notify.channels.redact import redacted, unaddressed
from services.notify.channels.reference import HEADER, subject_and_id
from services.notify.channels.xtext import from_xtext

_LONGEST = 262_144
"""Bytes. Our mails are short, and only their headers should come back."""
_MOST_PARTS = 8
"""A report has three (RFC 6522), and servers on the way may add some."""
_MOST_RECIPIENTS = 20
"""Our mail has one recipient, but that may be a name for several."""
_LONGEST_HEADERS = 65_536
_LONGEST_ADDRESS, _LONGEST_DIAGNOSTIC, _LONGEST_TYPE = 320, 4000, 2000
"""Characters. The Content-Type parser takes time that grows with the square of the length."""
_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_PARTS = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
)
"""The second of each kind is for addresses that are not in ASCII (RFC 6533)."""
_REPORTS = ("multipart/report", "multipart/mixed")
"""OpenSMTPD and many filters on the way make the second kind."""
_EMPTY_LINE = re.compile(r"^[ \t]*\r?\n", re.MULTILINE)
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_REPLY = re.compile(r"\d{3}[ -]([245]\.\d{1,3}\.\d{1,3}) ")
"""A reply code before a status: together they could look like a telephone number."""
_TYPE = re.compile(r"^[\w-]+\s*;\s*")
"""The kind of address or of diagnostic that follows."""
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[a-z]\?[^?\s]*\?=", re.IGNORECASE)
"""An encoded word (RFC 2047), in which no address would be found."""


class Action(StrEnum):
    """What became of the mail (RFC 3464, section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    """The server still tries."""
    DELIVERED = "delivered"
    RELAYED = "relayed"
    """Passed to a server that reports nothing more."""
    EXPANDED = "expanded"
    """Passed to several recipients, and nothing more is reported of them."""


_OTHER_WORDS = {"error": Action.FAILED, "failure": Action.FAILED}
"""Other words for an action that servers use, OpenSMTPD among them."""
_MORE = (Action.DELIVERED, Action.FAILED, Action.DELAYED, Action.RELAYED, Action.EXPANDED)
"""If there are several recipients, the first of these counts: what reached one has arrived."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one mail of ours."""

    reference: str
    action: Action
    reason: str
    """The status (RFC 3463) and what the server said, without anybody's address."""
    at: datetime


class NoReport(ValueError):
    """The mail is no readable delivery status notification; the text says why."""


class NotOurs(ValueError):
    """The report is about somebody else's mail."""


def read_report(raw: bytes) -> DeliveryReport:
    """Return the report in a mail. Raise NoReport or NotOurs; neither quotes the mail."""
    if len(raw) > _LONGEST:
        raise NoReport(f"it has more than {_LONGEST} bytes")
    # Each byte that is not ASCII becomes a lone surrogate, as the parser expects it.
    mail, body = _headers_and_body(raw.decode("ascii", "surrogateescape"))
    status, returned = _parts(mail, body)
    groups = [_headers(group) for group in _EMPTY_LINE.split(status, _MOST_RECIPIENTS + 1)]
    recipients = [group for group in groups if "Action" in group]
    if not recipients:
        raise NoReport("it does not say what became of the mail")
    action, recipient = min(
        ((_action(each), each) for each in recipients), key=lambda each: _MORE.index(each[0])
    )
    return DeliveryReport(
        _reference((_text(each, "Original-Envelope-Id") for each in groups), returned),
        action,
        _reason(recipient, _text(returned, "To")),
        _moment([_text(mail, "Date"), *(_text(each, "Arrival-Date") for each in groups)]),
    )


def _parts(mail: Message, body: str) -> tuple[str, Message]:
    """Return the part for programs, and the headers that came back (empty if none did).

    Only the mail's own parts are looked at. Whatever is nested in them (a forwarded report, a mail
    that came back whole) is somebody else's. Raise NoReport if there is no part for programs.
    """
    if len(_text(mail, "Content-Type")) > _LONGEST_TYPE:
        raise NoReport("its Content-Type cannot be read")
    try:
        kind, about = mail.get_content_type(), mail.get_param("report-type", "delivery-status")
        boundary = mail.get_boundary("")
    except (LookupError, ValueError) as error:
        raise NoReport("its Content-Type cannot be read") from error
    if kind not in _REPORTS or str(about).lower() != "delivery-status" or not boundary:
        raise NoReport("it is no delivery status notification")
    status: str | None = None
    returned = Message()
    for part in _between(boundary, body):
        headers, content = _headers_and_body(part)
        kind = headers.get_content_type()
        if status is None and kind in _STATUS_PARTS:
            status = content
        elif status is not None and kind in _RETURNED_PARTS:
            returned, _ = _headers_and_body(content.lstrip("\r\n"))
            break
    if status is None:
        raise NoReport("it has no part for programs")
    return status, returned


def _between(boundary: str, body: str) -> Iterable[str]:
    """Yield the parts between the boundary's lines, at most `_MOST_PARTS`."""
    line = re.compile(rf"^--{re.escape(boundary)}(--)?[ \t]*\r?$\n?", re.MULTILINE)
    found = line.search(body)
    for _ in range(_MOST_PARTS):
        if found is None or found[1]:
            return
        begin, found = found.end(), line.search(body, found.end())
        yield body[begin : found.start() if found else len(body)]


def _headers_and_body(text: str) -> tuple[Message, str]:
    end = _EMPTY_LINE.search(text)
    return (
        (_headers(text), "") if end is None else (_headers(text[: end.start()]), text[end.end() :])
    )


def _headers(text: str) -> Message:
    return HeaderParser().parsestr(text[:_LONGEST_HEADERS])


def _text(headers: Message, name: str) -> str:
    """Return one header on one line; empty if it is missing."""
    return " ".join(str(headers.get(name, "")).split())


def _action(recipient: Message) -> Action:
    said = _text(recipient, "Action").partition(" ")[0].lower()
    try:
        return Action(_OTHER_WORDS.get(said, said))
    except ValueError:
        raise NoReport("what it says that became of the mail is nothing that can") from None


def _reference(envelope_ids: Iterable[str], returned: Message) -> str:
    """Return our reference. A relay may have replaced the envelope's id, decoded or not."""
    for said in (*envelope_ids, _text(returned, HEADER)):
        for read in (said, from_xtext(said)):
            with suppress(ValueError):
                subject_and_id(read)
                return read
    raise NotOurs("it is about no mail of ours")


def _reason(recipient: Message, to: str) -> str:
    found = _STATUS.match(_text(recipient, "Status"))
    status = found[0] if found else ""
    said = _text(recipient, "Diagnostic-Code")
    if len(said) > _LONGEST_DIAGNOSTIC:
        # Cut at a word's end: half an address would not be recognised.
        said = said[:_LONGEST_DIAGNOSTIC].rpartition(" ")[0]
    said = _ENCODED_WORD.sub("[encoded]", _TYPE.sub("", said))
    if (reply := _REPLY.match(said)) and (not status or reply[1] == status):
        status, said = reply[1], said[reply.end() :]
    for name in ("Original-Recipient", "Final-Recipient"):
        written = _TYPE.sub("", _text(recipient, name)).strip("<>")
        for address in (written, from_xtext(written)):
            if len(address) <= _LONGEST_ADDRESS:
                said = unaddressed(said, address)
    if len(to) <= _LONGEST_ADDRESS:
        said = unaddressed(said, to)
    known = ": ".join(part for part in (status, said) if part)
    return redacted(known or "the mail server gives no reason")


def _moment(dates: Iterable[str]) -> datetime:
    """Return the first readable date, in UTC: the report's, else the mail's arrival."""
    for date in dates:
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            read = parsedate_to_datetime(date)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    raise NoReport("it has no date")
