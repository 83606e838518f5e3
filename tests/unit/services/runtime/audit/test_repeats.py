"""What anyone can cause any number of times is told at once, and then minute by minute."""

from __future__ import annotations

from datetime import timedelta

from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry
from services.runtime.audit.repeats import Repeats
from tests.support.audits import NOON

MINUTE = timedelta(minutes=1)


def refused(address: str) -> AuditEntry:
    return AuditEntry(AuditKind.SIGN_IN_REFUSED, address=address)


def test_the_first_is_told_and_the_others_are_counted_until_the_minute_is_over() -> None:
    repeats = Repeats()
    assert repeats.is_first(refused("a"), NOON)
    assert not any(repeats.is_first(refused("a"), NOON + timedelta(seconds=n)) for n in range(59))
    assert repeats.is_first(refused("b"), NOON + timedelta(seconds=30))
    assert list(repeats.due(NOON + timedelta(seconds=59))) == []
    (told,) = repeats.due(NOON + MINUTE)
    assert (told.address, told.times) == ("a", 59)
    assert repeats.is_first(refused("a"), NOON + MINUTE)  # the next minute begins
    assert list(repeats.due(NOON + MINUTE * 3)) == []  # nothing came again


def test_at_the_end_all_that_was_counted_is_told() -> None:
    repeats = Repeats()
    for _ in range(3):
        repeats.is_first(refused("a"), NOON)
    assert [each.times for each in repeats.due(NOON, ends=True)] == [2]


def test_a_million_addresses_take_limited_room_and_are_still_counted() -> None:
    repeats = Repeats()
    told = sum(repeats.is_first(refused(str(n)), NOON) for n in range(30_000))
    assert told == 10_001
    counted = list(repeats.due(NOON + MINUTE))
    assert sum(each.times for each in counted) == 30_000 - told
    assert {each.address for each in counted} == {""}


def test_what_was_not_told_after_all_is_the_first_again() -> None:
    repeats = Repeats()
    assert repeats.is_first(refused("a"), NOON)
    repeats.forget(refused("a"))
    assert repeats.is_first(refused("a"), NOON)
