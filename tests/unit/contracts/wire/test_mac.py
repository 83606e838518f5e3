"""A record is believed if who may write it has signed it, and nobody has changed it since."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.wire.codec import Record, decode, encode, from_json
from contracts.wire.envelope import Event
from contracts.wire.mac import HEADER, OPERATOR, Doubt, Key, Keys, NoKey
from contracts.wire.topics import PAGE, SERVICES
from tests.support.paths import ROOT

NAMES = sorted(path.stem for path in (ROOT / "contracts" / "samples").glob("*.json"))
ALL = {name: [Key(1, name.encode().ljust(32))] for name in (*SERVICES, PAGE, OPERATOR)}
KEYS = Keys(ALL)


def sample(name: str) -> Event:
    path = ROOT / "contracts" / "samples" / f"{name}.json"
    return from_json(json.loads(path.read_text(encoding="utf-8")))


def doubt(record: Record, keys: Keys = KEYS, stamped: int = 0) -> Doubt | None:
    key, value, headers = record
    return keys.fault(key, value, headers, dict(headers), stamped)


DEADLINE = encode(sample("DeadlineSet.v2"))
SIGNED = KEYS.signed(DEADLINE)


@pytest.mark.parametrize("name", NAMES)
def test_a_record_of_each_kind_is_believed_once_it_is_signed(name: str) -> None:
    record = encode(sample(name))
    assert doubt(record) is Doubt.NO_MAC
    signed = KEYS.signed(record)
    assert doubt(signed) is None
    assert decode(*signed) == decode(*record)


@pytest.mark.parametrize(
    ("name", "signer"),
    [
        ("DeadlineSet.v2", b"sla"),
        ("ReceptionRequested.v2", b"intake"),
        ("PreferencesRequested.v1", b"page"),
        ("RatingRequested.v1", b"page"),
        ("PreferencesSet.v1", b"notify"),
        ("ContactErased.v1", b"operator"),
        ("RulesEnacted.v1", b"operator"),
        ("ClockTicked.v1", b"operator"),
    ],
)
def test_a_record_is_signed_by_who_may_write_it(name: str, signer: bytes) -> None:
    headers = dict(KEYS.signed(encode(sample(name))).headers)
    assert headers[HEADER].split(b".")[:2] == [signer, b"1"]


def test_what_notify_asked_for_citizens_before_the_page_did_is_believed() -> None:
    asked = encode(sample("RatingRequested.v1"))
    assert doubt(Keys({"notify": ALL["notify"]}).signed(asked)) is None


@pytest.mark.parametrize("name", NAMES)
def test_the_page_signs_what_citizens_ask_for_and_nothing_else(name: str) -> None:
    own = Keys({PAGE: ALL[PAGE]})
    record = encode(sample(name))
    if name.startswith(("PreferencesRequested", "RatingRequested")):
        assert doubt(own.signed(record)) is None
    else:
        with pytest.raises(NoKey):
            own.signed(record)


def test_the_history_of_an_import_is_the_operator_s_and_what_follows_is_not() -> None:
    told = msgspec.structs.replace(sample("DeadlineSet.v2"), history=True, source="/import/old")
    follows = msgspec.structs.replace(told, source="/motcua/sla")
    for event, signer in ((told, b"operator"), (follows, b"sla")):
        headers = dict(KEYS.signed(encode(event)).headers)
        assert headers[HEADER].startswith(signer + b".1.")


CHANGES: dict[str, Callable[[Record], Record]] = {
    "another key": lambda r: r._replace(key=b"H29.1-260302-0002"),
    "another body": lambda r: r._replace(value=r.value + b" "),
    "another header": lambda r: r._replace(headers=[("ce_x", b"1"), *r.headers]),
    "a header less": lambda r: r._replace(headers=r.headers[1:]),
    "in another order": lambda r: r._replace(headers=[r.headers[1], r.headers[0], *r.headers[2:]]),
    "behind it": lambda r: r._replace(headers=[*r.headers, ("ce_time", b"2020-01-01T00:00:00Z")]),
    "twice": lambda r: r._replace(headers=[*r.headers, r.headers[-1]]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_of_it_can_be_changed(change: str) -> None:
    assert doubt(CHANGES[change](SIGNED)) is Doubt.WRONG_MAC


def test_what_a_redrive_adds_changes_nothing() -> None:
    added = SIGNED._replace(headers=[*SIGNED.headers, ("motcua_redrive", b"sla:0:t/0/1")])
    assert doubt(added) is None


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=4))
def test_no_byte_of_the_body_can_be_replaced(at: int, by: bytes) -> None:
    at %= len(SIGNED.value)
    value = SIGNED.value[:at] + by + SIGNED.value[at + len(by) :]
    expected = None if value == SIGNED.value else Doubt.WRONG_MAC
    assert doubt(SIGNED._replace(value=value)) is expected


def test_who_may_not_write_it_is_not_believed_though_known() -> None:
    as_routing = Keys({**ALL, "sla": ALL["routing"]}).signed(DEADLINE)
    headers = [(n, t.replace(b"sla.", b"routing.") if n == HEADER else t) for n, t in as_routing[2]]
    assert doubt(as_routing._replace(headers=headers)) is Doubt.WRONG_SIGNER


def test_a_key_can_be_changed_and_an_old_one_ends() -> None:
    ends = datetime(2026, 6, 1, tzinfo=UTC)
    old, new = ALL["sla"][0], Key(2, b"n" * 32)
    assert doubt(SIGNED, Keys({"sla": [new]})) is Doubt.UNKNOWN_KEY
    both = Keys({"sla": [new, old._replace(until=ends)]})
    assert dict(both.signed(DEADLINE).headers)[HEADER].startswith(b"sla.2.")
    moment = int(ends.timestamp() * 1000)
    assert doubt(SIGNED, both, moment - 1) is None
    assert doubt(SIGNED, both, moment) is Doubt.ENDED_KEY


def test_a_mac_that_is_none_is_not_believed() -> None:
    for text in (b"", b"sla", b"sla.1.", b"sla.1.\xff", b".", b"sla.one.00"):
        record = DEADLINE._replace(headers=[*DEADLINE.headers, (HEADER, text)])
        assert doubt(record) in (Doubt.WRONG_MAC, Doubt.UNKNOWN_KEY)


def test_without_the_key_of_who_may_write_it_nothing_is_written() -> None:
    with pytest.raises(NoKey, match="no key of sla"):
        Keys({"routing": ALL["routing"]}).signed(DEADLINE)
