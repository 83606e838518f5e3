"""How long a recipient rests who cannot be reached."""

from __future__ import annotations

import pytest

from contracts.events.notify import MessageChannel
from services.notify.contacts.telling import Recipient
from services.notify.sending.unreachable import UnreachableRecipients
from services.shared.person import citizen

AN = Recipient(citizen("an"), MessageChannel.WEBHOOK)
BINH = Recipient(citizen("binh"), MessageChannel.WEBHOOK)
OTHER = Recipient(citizen("an"), MessageChannel.EMAIL)


def rest(unreachable: UnreachableRecipients, now: float) -> float:
    """Seconds, to a tenth, that are left of the rest."""
    return next(n / 10 for n in range(100_000) if not unreachable.rests(AN, now + n / 10))


def test_each_rest_is_twice_as_long_up_to_a_quarter_of_an_hour_or_half() -> None:
    unreachable, now = UnreachableRecipients(), 100.0
    for least in (5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900):
        unreachable.failed(AN, now)
        lasts = rest(unreachable, now)
        assert least <= lasts <= 2 * least + 0.1
        now += lasts


def test_what_fails_during_a_rest_was_under_way_before_it() -> None:
    unreachable = UnreachableRecipients()
    unreachable.failed(AN, 0.0)
    lasts = rest(unreachable, 0.0)
    for _ in range(30):
        unreachable.failed(AN, 1.0)
    assert rest(unreachable, 0.0) == lasts


def test_whoever_names_a_time_rests_so_long_at_the_least() -> None:
    unreachable = UnreachableRecipients()
    unreachable.failed(AN, 0.0, 600.0)
    assert unreachable.rests(AN, 599.0)
    assert not unreachable.rests(AN, 1201.0)


def test_nobody_else_rests_nor_the_same_by_another_channel() -> None:
    unreachable = UnreachableRecipients()
    unreachable.failed(AN, 0.0)
    assert not unreachable.rests(BINH, 0.0)
    assert not unreachable.rests(OTHER, 0.0)
    assert (unreachable.doubted(AN), unreachable.doubted(BINH)) == (True, False)


def test_after_the_rest_they_are_doubted_until_they_take_something() -> None:
    unreachable = UnreachableRecipients()
    unreachable.failed(AN, 0.0)
    assert not unreachable.rests(AN, 11.0)
    assert unreachable.doubted(AN)
    unreachable.reached(AN)
    assert not unreachable.doubted(AN)
    unreachable.failed(AN, 20.0)
    assert rest(unreachable, 20.0) <= 10.1, "it begins anew"


@pytest.mark.parametrize(
    ("kept", "left"), [([BINH], [BINH, OTHER]), ([AN, BINH], [AN, BINH, OTHER]), ([], [OTHER])]
)
def test_for_whom_there_is_nothing_more_is_forgotten(
    kept: list[Recipient], left: list[Recipient]
) -> None:
    unreachable = UnreachableRecipients()
    for receiver in (AN, BINH, OTHER):
        unreachable.failed(receiver, 0.0)
    unreachable.keep("webhook", kept)
    assert [r for r in (AN, BINH, OTHER) if unreachable.doubted(r)] == left
    unreachable.clear()
    assert not unreachable.doubted(OTHER)
