"""Security events are syslog as RFC 5424 has it, whatever stands in their fields."""

from __future__ import annotations

import json
import re

import pytest

from contracts.wire.actor import Actor, AuthType
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry, Chain, Link, read_link
from services.runtime.audit.security_events import json_line, octet_counted, syslog
from tests.support.audits import NOON

RFC_5424 = re.compile(
    rb"<(?P<pri>\d{1,3})>1 "
    rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)) "
    rb"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
    rb'(?P<data>(\[[!-<>-\\^-~]{1,32}( [!-<>-\\^-~]{1,32}="([^"\\\]]|\\["\\\]])*")*\])+)'
    rb"( (?P<text>.*))?",
    re.DOTALL,
)
"""The grammar of its section 6, without NILVALUE where we never have one."""


def link(kind: AuditKind = AuditKind.GUESSING, **more: object) -> Link:
    return read_link(Chain("notify", chain="c-1").next(AuditEntry(kind, **more), NOON))  # type: ignore[arg-type]


def parsed(message: bytes) -> re.Match[bytes]:
    found = RFC_5424.fullmatch(message)
    assert found, message
    return found


@pytest.mark.parametrize("kind", [kind for kind in AuditKind if kind.is_security])
def test_each_kind_is_a_message_with_its_severity(kind: AuditKind) -> None:
    found = parsed(syslog(link(kind), "soc-1"))
    assert int(found["pri"]) == 13 * 8 + kind.severity
    assert (found["host"], found["app"], found["proc"]) == (b"soc-1", b"motcua-notify", b"c-1")
    assert found["id"] == kind.value.encode()
    assert found["time"] == b"2026-03-02T05:00:00.000Z"
    assert b'[motcua@32473 event="' in found["data"]
    assert b'number="0"' in found["data"]
    assert found["text"].isascii()
    assert not found["text"].startswith(b"\xef\xbb\xbf")


def test_what_would_end_a_value_is_escaped() -> None:
    found = parsed(syslog(link(reason='a"b\\c]d'), "h"))
    assert rb'reason="a\"b\\c\]d"' in found["data"]


def test_text_beyond_ascii_is_utf8_and_says_so() -> None:
    who = Actor(AuthType.APP_USER, "người-1")
    found = parsed(syslog(link(actor=who), "máy 1"))
    assert found["text"].startswith(b"\xef\xbb\xbf")
    assert "người-1" in found["text"].decode("utf-8-sig")
    assert found["host"] == b"my1"
    assert 'who="người-1"'.encode() in found["data"]


def test_a_host_without_a_name_is_the_mark_for_none() -> None:
    assert b" - motcua-notify " in syslog(link(), "ôốở")


def test_it_is_framed_by_its_octets_and_not_its_characters() -> None:
    message = syslog(link(actor=Actor(AuthType.APP_USER, "ngườ")), "h")
    length, _, rest = octet_counted(message).partition(b" ")
    assert int(length) == len(rest) == len(message) > len(message.decode())


def test_as_json_it_is_one_line_with_the_same() -> None:
    line = json_line(link(address="192.0.2.1", dossier="H29.1-260302-0001", times=3))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    told = json.loads(line)
    assert told["severity"] == "warning"
    assert (told["event"], told["chain"], told["number"]) == ("guessing", "c-1", 0)
    assert (told["from"], told["dossier"], told["times"]) == ("192.0.2.1", "H29.1-260302-0001", 3)
    assert told["message"].endswith("(3 times)")


def test_readings_and_changes_are_not_told_to_those_who_watch() -> None:
    told = {AuditKind.READ, AuditKind.ASKED, AuditKind.ANSWERED}
    assert not any(kind.is_security for kind in told)
