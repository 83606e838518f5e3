"""What is kept of a subject comes back from MongoDB's own format as it went there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import bson
import msgspec
import pytest
from bson.codec_options import CodecOptions

from contracts.wire.codec import encode
from contracts.wire.envelope import short_id
from services.runtime.core.handle import handle, set_due
from services.runtime.core.stored import (
    Hold,
    RequestAnswer,
    Stored,
    from_document,
    state_of,
)
from services.runtime.testing import state_hash
from tests.support.rule_sets import WORLD

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)  # as the stores read


def through_bson(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bson.decode(bson.encode(document), codec_options=_AWARE)
    return found


@pytest.fixture
def stored(purse: Any, say: Any) -> Stored[Any]:
    """A subject with a bit of everything."""
    stored = Stored("purse-1", 3, purse.initial("purse-1"))
    for event in (say.note("wake 30"), say.ask(7), say.ask(999), say.note("quốc ngữ")):
        handle(purse, WORLD, stored, event)
    set_due(purse, WORLD, stored)
    stored.hold = Hold(3, 2, "bad-body", "where it is wrong", 17)
    return stored


def test_a_subject_comes_back_as_it_went(stored: Stored[Any], purse: Any) -> None:
    back = from_document(through_bson(stored.document()), purse.state_type)
    assert (back.subject, back.partition) == ("purse-1", 3)
    assert back.state == stored.state
    assert back.ids == stored.ids
    assert back.applied == stored.applied
    assert back.answers == stored.answers
    assert back.hold == stored.hold
    assert back.due == stored.due == NOON + timedelta(seconds=30)


def test_what_is_unsaid_comes_back_to_the_byte(stored: Stored[Any], purse: Any, say: Any) -> None:
    stored.unsaid = [*handle(purse, WORLD, stored, say.note("a find", history=True)), say.ask(3)]
    back = from_document(through_bson(stored.document()), purse.state_type)
    assert back.unsaid == stored.unsaid
    assert [encode(event) for event in back.unsaid] == [encode(event) for event in stored.unsaid]


def test_a_subject_that_has_said_all_is_kept_as_ever(stored: Stored[Any]) -> None:
    assert "unsaid" not in stored.document()


def test_a_subject_comes_back_in_its_next_version(stored: Stored[Any], purse: Any) -> None:
    assert from_document(through_bson(stored.document()), purse.state_type).v == stored.v + 1


def test_a_subject_of_which_nothing_is_known_comes_back(purse: Any) -> None:
    back = from_document(
        through_bson(Stored("purse-2", 0, purse.initial("")).document()), purse.state_type
    )
    assert (back.answers, back.hold, back.due, back.applied) == ((), None, None, {})


def test_a_state_has_the_same_hash_after_it_came_back(stored: Stored[Any], purse: Any) -> None:
    back = state_of(through_bson(stored.document()), purse.state_type)
    assert state_hash(back) == state_hash(stored.state)


def test_equal_times_in_other_offsets_make_no_other_timer_after_the_way_there_and_back(
    purse: Any, stored: Stored[Any]
) -> None:
    back = from_document(through_bson(stored.document()), purse.state_type)
    ours, theirs = purse.timer(WORLD, stored.state), purse.timer(WORLD, back.state)
    assert ours.at.isoformat() == theirs.at.isoformat()  # it is a part of the timer's id


def test_another_state_has_another_hash(stored: Stored[Any]) -> None:
    other = msgspec.structs.replace(stored.state, total=8)
    assert state_hash(other) != state_hash(stored.state)


def test_a_document_that_is_none_of_ours_is_refused(stored: Stored[Any], purse: Any) -> None:
    document = stored.document() | {"state": {"total": "seven"}}
    with pytest.raises(msgspec.ValidationError):
        from_document(document, purse.state_type)


def test_a_hold_that_an_older_release_wrote_is_read(stored: Stored[Any], purse: Any) -> None:
    document = stored.document()
    del document["hold"]["offset"]
    back = from_document(document, purse.state_type)
    assert back.hold == Hold(3, 2, "bad-body", "where it is wrong", -1)


def test_a_snapshot_undoes_all_that_came_after_it(
    stored: Stored[Any], purse: Any, say: Any
) -> None:
    document = stored.document()
    snapshot = stored.copy()
    handle(purse, WORLD, stored, say.ask(1, at=60))
    stored.hold = None
    assert stored.document() != document
    stored.restore(snapshot)
    assert stored.document() == document


def test_an_id_is_known_once_it_is_noted(stored: Stored[Any]) -> None:
    short = short_id("something else")
    assert not stored.knows(short)
    stored.note(short, b"body")
    assert stored.knows(short)
    assert stored.ids.endswith(short + b"body")


def test_an_answer_keeps_only_what_there_is() -> None:
    plain = msgspec.to_builtins(RequestAnswer("r", "f", "fact", "id"))
    assert plain == {"request": "r", "fingerprint": "f", "fact": "fact", "fact_id": "id"}


def test_a_time_keeps_its_instant_whatever_its_offset(purse: Any) -> None:
    hanoi = NOON.astimezone(timezone(timedelta(hours=7)))
    stored = Stored("purse-1", 3, purse.state_type(alarms=(hanoi,)))
    back = state_of(through_bson(stored.document()), purse.state_type)
    assert back.alarms == (NOON,)
    assert back.alarms[0].utcoffset() == timedelta(0)
