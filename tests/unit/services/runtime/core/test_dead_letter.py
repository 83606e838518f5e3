"""A dead letter keeps its record as it came, and can be put back as it came."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.wire.codec import Fault, Record
from services.runtime.core.dead_letter import (
    KEPT_BODY,
    DeadLetter,
    Redrive,
    closing_record,
    place_of,
    read_dead_letter,
    redrive_of,
    redriven,
    to_dead_letter,
)

NOW = datetime(2030, 1, 1, 7, 30, tzinfo=UTC)


def buried(log: Any, record: Any, detail: str = "why", number: int = 2) -> DeadLetter:
    buried = to_dead_letter(place_of(record), record, Fault.BAD_BODY, detail, number, NOW)
    letter = read_dead_letter("purse", log.put(buried))
    assert isinstance(letter, DeadLetter)
    return letter


def test_a_letter_says_where_its_record_was_and_what_is_wrong_with_it(log: Any) -> None:
    letter = buried(log, log.put(Record(b"purse-1", b"{", [("ce_id", b"1")])))
    assert (letter.service, letter.topic) == ("purse", "purses")
    assert (letter.fault, letter.detail, letter.number) == ("bad-body", "why", 2)
    assert letter.time == "2030-01-01T07:30:00.000Z"
    assert letter.id == "purses/3/0"
    assert letter.subject == "purse-1"
    assert not letter.truncated


def test_a_letter_has_its_records_own_headers_and_no_others(log: Any) -> None:
    # Kafka lets a header be null, whatever the type of headers says.
    own: list[Any] = [("ce_id", b"1"), ("ce_id", b"2"), ("null", None)]
    extra = [("dl_fault", b"old"), ("motcua_redrive", b"purse:1:x/0/0")]
    letter = buried(log, log.put(Record(b"k", b"{", [*own, *extra])))
    assert list(letter.headers) == own


def test_a_record_put_back_is_the_record_as_it_came_with_an_order_beside_it(log: Any) -> None:
    original = log.put(Record(b"purse-1", b'{"a": 1}', [("ce_id", b"1")]))
    again = redriven(buried(log, original), skip=False)
    assert (again.key, again.value) == (original.key, original.value)
    assert again.headers == [("ce_id", b"1"), ("motcua_redrive", b"purse:2:purses/3/0")]
    assert redrive_of(again.headers) == (Redrive("purse", 2, skip=False), "purses/3/0")


def test_an_order_to_give_up_says_so(log: Any) -> None:
    again = redriven(buried(log, log.put(Record(b"k", b"", []))), skip=True)
    assert redrive_of(again.headers) == (Redrive("purse", 2, skip=True), "purses/3/0")


def test_a_record_without_a_body_or_key_can_be_buried_and_put_back(log: Any) -> None:
    letter = buried(log, log.put(Record(None, b"", []), value=None))
    assert (letter.key, letter.value, letter.subject) == (None, b"", "")
    assert redriven(letter, skip=False).value == b""


def test_a_key_that_is_no_text_is_shown_all_the_same(log: Any) -> None:
    assert buried(log, log.put(Record(b"\xffk", b"", []))).subject == "\\xffk"


def test_a_body_of_the_most_that_is_kept_is_kept_whole(log: Any) -> None:
    letter = buried(log, log.put(Record(b"k", b"x" * KEPT_BODY, [])))
    assert len(letter.value or b"") == KEPT_BODY
    assert not letter.truncated


def test_of_a_larger_body_the_beginning_is_kept(log: Any) -> None:
    letter = buried(log, log.put(Record(b"k", b"x" * (KEPT_BODY + 1), [])))
    assert letter.value == b"x" * 1000
    assert letter.truncated


def test_an_endless_detail_is_cut(log: Any) -> None:
    assert len(buried(log, log.put(Record(b"k", b"", [])), detail="y" * 9000).detail) == 4000


@pytest.mark.parametrize("outcome", ["redriven", "purged"])
def test_a_settled_letter_is_named_in_the_same_topic(log: Any, outcome: str) -> None:
    record = log.put(closing_record("purses/3/0", b"k", outcome))
    assert read_dead_letter("purse", record) == "purses/3/0"
    assert dict(record.headers)["dl_outcome"] == outcome.encode()


def test_a_record_without_an_order_is_no_redrive() -> None:
    assert redrive_of([("ce_id", b"1")]) is None
