"""What becomes of a record that is not a good event, and of one that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import routing, sla
from contracts.events.intake import DossierReceived
from contracts.values import rfc3339
from contracts.wire import codec
from contracts.wire.actor import Actor, AuthType
from contracts.wire.codec import BadRecord, Fault
from contracts.wire.envelope import Event

CODE = "H29.15-240307-0001"
OLD_TYPE = "vn.motcua.DossierReceived.v1"
OLD_BODY = (
    b'{"procedure": "1.001193", "channel": "counter", "place": "26734", "citizen": "cd-1",'
    b' "by": "cb-0412", "unit": "H29.15"}'
)


@dataclass
class Raw:
    """A good record, to be spoilt in one place."""

    key: bytes | None = CODE.encode()
    value: bytes | None = b'{"reason": "m\xc6\xb0a l\xc5\xa9", "by": "cb-0412"}'
    headers: dict[str, bytes | None] = field(
        default_factory=lambda: {
            "ce_specversion": b"1.0",
            "content-type": b"application/json",
            "ce_id": b"4f0d3a52-0c5e-5d0e-9a51-6d8f1c2b3a40",
            "ce_source": b"/motcua/routing",
            "ce_type": b"vn.motcua.DossierStopped.v1",
            "ce_subject": CODE.encode(),
            "ce_time": b"2024-03-07T02:15:00.000Z",
        }
    )

    def read(self) -> Event:
        return codec.decode(self.key, self.value, self.headers_of_kafka())

    def headers_of_kafka(self) -> codec.Headers:
        """As the library types them, which says that none is null; Kafka lets them be."""
        return cast("codec.Headers", list(self.headers.items()))

    def with_header(self, name: str, value: bytes | None) -> Raw:
        self.headers[name] = value
        return self

    def of_type(self, name: str, body: bytes) -> Raw:
        self.value = body
        return self.with_header("ce_type", name.encode())


def refused(raw: Raw) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        raw.read()
    assert str(caught.value) == f"{caught.value.fault}: {caught.value.detail}"
    return caught.value


def test_a_good_record_is_read() -> None:
    assert Raw().read() == Event(
        id="4f0d3a52-0c5e-5d0e-9a51-6d8f1c2b3a40",
        source="/motcua/routing",
        subject=CODE,
        time=datetime(2024, 3, 7, 2, 15, tzinfo=UTC),
        data=routing.DossierStopped(reason="mưa lũ", by="cb-0412"),
    )


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"])
class TestAHeader:
    def test_that_is_missing_is_named(self, name: str) -> None:
        raw = Raw()
        del raw.headers[name]
        error = refused(raw)
        assert error.fault is Fault.MISSING_HEADER
        assert name in error.detail

    def test_that_is_null_is_missing(self, name: str) -> None:
        error = refused(Raw().with_header(name, None))
        assert error.fault is Fault.MISSING_HEADER
        assert name in error.detail

    def test_that_is_not_text_is_bad(self, name: str) -> None:
        assert refused(Raw().with_header(name, b"\xff\xfe")).fault is Fault.BAD_HEADER


@pytest.mark.parametrize("name", ["ce_id", "ce_source"])
def test_an_empty_header_is_as_good_as_missing(name: str) -> None:
    error = refused(Raw().with_header(name, b""))
    assert error.fault is Fault.MISSING_HEADER
    assert f"{name.removeprefix('ce_')} " in error.detail


def test_an_empty_subject_is_missing_even_with_an_empty_key() -> None:
    raw = Raw(key=b"").with_header("ce_subject", b"")
    assert refused(raw).fault is Fault.MISSING_HEADER


def test_a_null_header_that_means_nothing_here_does_no_harm() -> None:
    assert Raw().with_header("trace", None).read() == Raw().read()


@pytest.mark.parametrize("text", [b"", b"yesterday", b"2024-13-07T02:15:00Z", b"1709777700"])
def test_a_time_that_is_none_is_bad(text: bytes) -> None:
    error = refused(Raw().with_header("ce_time", text))
    assert error.fault is Fault.BAD_HEADER
    assert "ce_time" in error.detail


@pytest.mark.parametrize("text", [b"2024-03-07T02:15:00", b"2024-03-07"])
def test_a_time_without_an_offset_is_bad(text: bytes) -> None:
    error = refused(Raw().with_header("ce_time", text))
    assert error.fault is Fault.BAD_HEADER
    assert "without an offset" in error.detail


@pytest.mark.parametrize("text", [b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-12:00"])
def test_a_time_outside_the_calendar_is_bad_and_stops_nobody(text: bytes) -> None:
    assert refused(Raw().with_header("ce_time", text)).fault is Fault.BAD_HEADER


@pytest.mark.parametrize(
    "text",
    [
        b"2024-03-07T02:15:00.123Z",
        b"2024-03-07T02:15:00.123999Z",
        b"2024-03-07T09:15:00.123+07:00",
        b"2024-03-06T14:45:00.123456-11:30",
    ],
)
def test_a_time_is_read_in_utc_to_the_millisecond(text: bytes) -> None:
    time = Raw().with_header("ce_time", text).read().time
    assert time == datetime(2024, 3, 7, 2, 15, 0, 123_000, tzinfo=UTC)
    assert time.tzinfo is UTC


@pytest.mark.parametrize("key", [None, b"", b"H29.15-240307-0002"])
def test_a_key_that_is_not_the_subject_is_wrong(key: bytes | None) -> None:
    error = refused(Raw(key=key))
    assert error.fault is Fault.WRONG_KEY
    assert CODE in error.detail


@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff", b'{"reason": "\xff"}', b"[" * 100_000])
@pytest.mark.parametrize("name", ["vn.motcua.DossierStopped.v1", OLD_TYPE])
def test_a_body_that_is_not_json_is_bad(body: bytes, name: str) -> None:
    error = refused(Raw().of_type(name, body))
    assert error.fault is Fault.BAD_BODY
    assert name in error.detail


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"text"', b"{}", b"[[1, 2]]"])
@pytest.mark.parametrize("name", ["vn.motcua.DossierStopped.v1", OLD_TYPE])
def test_a_body_that_is_not_the_types_is_bad(body: bytes, name: str) -> None:
    assert refused(Raw().of_type(name, body)).fault is Fault.BAD_BODY


def test_a_record_without_a_body_is_bad() -> None:
    error = refused(Raw(value=None))
    assert error.fault is Fault.BAD_BODY
    assert "no body" in error.detail


def test_an_invalid_field_is_named_with_what_is_wrong_with_it() -> None:
    error = refused(Raw(value=b'{"reason": "", "by": 7}'))
    assert error.fault is Fault.BAD_BODY
    assert "reason: String should have at least 1 character" in error.detail
    assert "by: Input should be a valid string" in error.detail


def test_an_invalid_field_deep_inside_is_named_by_its_place() -> None:
    body = b'{"due": "2024-03-28T03:15:00Z", "budget": {"amount": 0, "unit": "working-days"},'
    error = refused(Raw().of_type("vn.motcua.DeadlineSet.v1", body + b' "rule": "r"}'))
    assert "budget.amount: " in error.detail


def test_an_invalid_field_of_an_old_version_is_named() -> None:
    error = refused(Raw().of_type(OLD_TYPE, OLD_BODY.replace(b"H29.15", b"h29")))
    assert error.fault is Fault.BAD_BODY
    assert "receiving_unit: " in error.detail


def test_a_point_in_time_outside_the_calendar_is_a_bad_field() -> None:
    body = b'{"due": "0001-01-01T00:00:00+14:00", "unit": "H29.15"}'
    error = refused(Raw().of_type("vn.motcua.DossierOverdue.v1", body))
    assert error.fault is Fault.BAD_BODY
    assert error.detail.startswith("vn.motcua.DossierOverdue.v1: due: ")


def test_a_field_that_is_not_known_is_read_past() -> None:
    assert Raw(value=b'{"reason": "x", "by": "y", "later": 1}').read().data == (
        routing.DossierStopped(reason="x", by="y")
    )


@pytest.mark.parametrize(
    "name",
    [
        "vn.motcua.Unheard.v1",
        "vn.motcua.DossierReceived.v0",
        "vn.motcua.DossierReceived",
        "vn.motcua.DossierReceived.v2x",
        "org.example.DossierReceived.v9",
        "vn.motcua.DossierReceived.v" + "9" * 5000,
    ],
)
def test_a_type_that_nobody_knows_is_unknown(name: str) -> None:
    assert refused(Raw().of_type(name, b"{}")).fault is Fault.UNKNOWN_TYPE
    assert not codec.is_known(name)


def test_a_version_that_is_newer_asks_for_an_upgrade() -> None:
    error = refused(Raw().of_type("vn.motcua.DossierReceived.v99", b"{}"))
    assert error.fault is Fault.NEWER_VERSION
    assert "version 3 is the newest known here" in error.detail


def test_an_old_version_is_known_and_read_as_the_newest() -> None:
    assert codec.is_known(OLD_TYPE)
    data = Raw().of_type(OLD_TYPE, OLD_BODY).read().data
    assert isinstance(data, DossierReceived)
    assert (data.receiving_unit, data.returning_unit) == ("H29.15", "H29.15")


def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_too_large() -> None:
    body = Raw().value
    assert body is not None
    largest = body + b" " * (codec.MAX_BODY - len(body))
    assert Raw(value=largest).read() == Raw().read()
    assert refused(Raw(value=largest + b" ")).fault is Fault.TOO_LARGE


def test_a_fault_that_is_added_is_provoked_above_too() -> None:
    # The engine's, not the codec's.
    later = {
        Fault.DECISION_RAISED,
        Fault.TIMER_RAISED,
        Fault.STATE_TOO_LARGE,
        Fault.HELD,
        Fault.FORGED,
    }
    assert set(Fault) - later == {
        Fault.MISSING_HEADER,
        Fault.BAD_HEADER,
        Fault.UNKNOWN_TYPE,
        Fault.NEWER_VERSION,
        Fault.WRONG_KEY,
        Fault.BAD_BODY,
        Fault.TOO_LARGE,
    }


class TestTheTypeInTheHeaders:
    def test_is_found_without_reading_the_rest(self) -> None:
        assert codec.type_of([("ce_id", b"\xff"), ("ce_type", b"a.b.v1")]) == "a.b.v1"

    def test_is_none_when_there_is_none(self) -> None:
        assert codec.type_of([("ce_id", b"1")]) is None

    def test_is_some_text_even_when_it_is_not_utf_8(self) -> None:
        assert codec.type_of([("ce_type", b"a\xff")]) == "a\ufffd"

    def test_is_none_when_it_is_null(self) -> None:
        assert codec.type_of(Raw(headers={"ce_type": None}).headers_of_kafka()) is None


OVERDUE = Event(
    id="a-1",
    source="/motcua/sla",
    subject=CODE,
    time=datetime(2024, 3, 28, 3, 15, tzinfo=UTC),
    data=sla.AlertRetracted(alert_id="a-0", alert="DossierOverdue", reason="Nhập muộn"),
    cause="a-0",
    history=True,
    fingerprint="5be10c3a",
    actor=Actor(AuthType.APP_USER, "cb-0412", '{"unit":"H29.15"}'),
    recorded=datetime(2024, 4, 2, 1, 30, 0, 5000, tzinfo=UTC),
)


def test_a_null_is_not_written_and_is_read_back_as_null() -> None:
    record = codec.encode(OVERDUE)
    assert b'"due"' not in record.value
    assert codec.decode(*record) == OVERDUE


def test_vietnamese_is_written_as_it_is() -> None:
    assert "Nhập muộn".encode() in codec.encode(OVERDUE).value


def test_the_extensions_are_left_out_when_there_is_nothing_to_say() -> None:
    names = [name for name, _ in codec.encode(Raw().read()).headers]
    assert "ce_causationid" not in names
    assert "ce_history" not in names
    assert "ce_fingerprint" not in names
    assert not [name for name in names if name.startswith(("ce_auth", "ce_recorded"))]


def test_the_extensions_survive_kafka_and_a_recording() -> None:
    for event in (codec.decode(*codec.encode(OVERDUE)), codec.from_json(codec.to_json(OVERDUE))):
        assert (event.cause, event.history, event.fingerprint) == ("a-0", True, "5be10c3a")
        assert (event.actor, event.recorded) == (OVERDUE.actor, OVERDUE.recorded)


def test_who_asked_has_the_names_that_cloudevents_gives_it() -> None:
    assert (
        dict(codec.encode(OVERDUE).headers).items()
        >= {
            "ce_authtype": b"app_user",
            "ce_authid": b"cb-0412",
            "ce_authclaims": b'{"unit":"H29.15"}',
            "ce_recordedtime": b"2024-04-02T01:30:00.005Z",
        }.items()
    )


def test_what_is_entered_as_it_happens_has_one_time_for_both() -> None:
    now = replace(OVERDUE, recorded=OVERDUE.time)
    assert codec.decode(*codec.encode(now)) == now


def test_a_kind_of_actor_that_another_system_defined_is_unknown_and_readable() -> None:
    read = Raw().with_header("ce_authtype", b"robot").with_header("ce_authid", b"r-1").read()
    assert read.actor == Actor(AuthType.UNKNOWN, "r-1")


@pytest.mark.parametrize(
    "text", [b"yesterday", b"2024-03-07T02:15:00", b"9999-12-31T23:59:59-12:00"]
)
def test_a_time_of_entry_that_is_none_is_bad(text: bytes) -> None:
    error = refused(Raw().with_header("ce_recordedtime", text))
    assert error.fault is Fault.BAD_HEADER
    assert "ce_recordedtime" in error.detail


@pytest.mark.parametrize("name", ["ce_authtype", "ce_authid", "ce_authclaims"])
def test_an_actor_that_is_not_text_is_bad(name: str) -> None:
    raw = Raw().with_header("ce_authtype", b"user").with_header(name, b"\xff")
    assert refused(raw).fault is Fault.BAD_HEADER


def test_an_entered_record_that_is_older_than_that_question_says_when_it_happened() -> None:
    assert Raw().read().known_since == Raw().read().time
    assert OVERDUE.known_since == OVERDUE.recorded


def test_a_null_attribute_of_a_recording_is_as_good_as_none() -> None:
    document = codec.to_json(Raw().read()) | {
        "causationid": None,
        "history": None,
        "fingerprint": None,
        "recordedtime": None,
        "authtype": None,
    }
    assert codec.from_json(document) == Raw().read()


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time"])
@pytest.mark.parametrize("value", [None, ""])
def test_an_attribute_that_a_recording_lacks_is_refused(name: str, value: str | None) -> None:
    with pytest.raises(BadRecord):
        codec.from_json(codec.to_json(Raw().read()) | {name: value})


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time", "causationid"])
def test_half_a_character_in_a_recording_is_a_bad_header(name: str) -> None:
    with pytest.raises(BadRecord) as caught:
        codec.from_json(codec.to_json(OVERDUE) | {name: "\ud83d"})
    assert caught.value.fault is Fault.BAD_HEADER


def test_a_recording_without_data_is_refused() -> None:
    document = codec.to_json(Raw().read())
    del document["data"]
    with pytest.raises(BadRecord) as caught:
        codec.from_json(document)
    assert caught.value.fault is Fault.BAD_BODY


MOMENTS = st.datetimes(
    min_value=datetime(1900, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(MOMENTS, st.text(min_size=1, max_size=50), st.text(min_size=1, max_size=50))
def test_whatever_is_written_is_read_back(moment: datetime, reason: str, by: str) -> None:
    data = routing.DossierStopped(reason=reason, by=by)
    event = Event("1", "/motcua/routing", CODE, moment, data)
    read = codec.decode(*codec.encode(event))
    assert read.data == data
    assert timedelta(0) <= moment - read.time < timedelta(milliseconds=1)
    assert rfc3339(read.time) == rfc3339(moment)


@given(st.binary(max_size=200), st.sampled_from(["vn.motcua.DossierStopped.v1", OLD_TYPE]))
def test_no_body_whatever_gets_past_the_codec_as_anything_but_a_bad_record(
    body: bytes, name: str
) -> None:
    assert refused(Raw().of_type(name, body)).fault is Fault.BAD_BODY
