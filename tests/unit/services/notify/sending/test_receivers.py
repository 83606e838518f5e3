"""How long a recipient rests who cannot be reached."""

from __future__ import annotations

import pytest

from contracts.events.notify import MessageChannel
from services.notify.sending.receivers import Receivers

AN, BINH = ("an", MessageChannel.WEBHOOK), ("binh", MessageChannel.WEBHOOK)
OTHER = ("an", MessageChannel.EMAIL)


def rest(receivers: Receivers, now: float) -> float:
    """Seconds, to a tenth, that are left of the rest."""
    return next(n / 10 for n in range(100_000) if not receivers.rests(AN, now + n / 10))


def test_each_rest_is_twice_as_long_up_to_a_quarter_of_an_hour_or_half() -> None:
    receivers, now = Receivers(), 100.0
    for least in (5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900):
        receivers.failed(AN, now)
        lasts = rest(receivers, now)
        assert least <= lasts <= 2 * least + 0.1
        now += lasts


def test_what_fails_during_a_rest_was_under_way_before_it() -> None:
    receivers = Receivers()
    receivers.failed(AN, 0.0)
    lasts = rest(receivers, 0.0)
    for _ in range(30):
        receivers.failed(AN, 1.0)
    assert rest(receivers, 0.0) == lasts


def test_whoever_names_a_time_rests_so_long_at_the_least() -> None:
    receivers = Receivers()
    receivers.failed(AN, 0.0, 600.0)
    assert receivers.rests(AN, 599.0)
    assert not receivers.rests(AN, 1201.0)


def test_nobody_else_rests_nor_the_same_by_another_channel() -> None:
    receivers = Receivers()
    receivers.failed(AN, 0.0)
    assert not receivers.rests(BINH, 0.0)
    assert not receivers.rests(OTHER, 0.0)
    assert (receivers.doubted(AN), receivers.doubted(BINH)) == (True, False)


def test_after_the_rest_they_are_doubted_until_they_take_something() -> None:
    receivers = Receivers()
    receivers.failed(AN, 0.0)
    assert not receivers.rests(AN, 11.0)
    assert receivers.doubted(AN)
    receivers.reached(AN)
    assert not receivers.doubted(AN)
    receivers.failed(AN, 20.0)
    assert rest(receivers, 20.0) <= 10.1, "it begins anew"


@pytest.mark.parametrize(
    ("kept", "left"), [([BINH], [BINH, OTHER]), ([AN, BINH], [AN, BINH, OTHER]), ([], [OTHER])]
)
def test_for_whom_there_is_nothing_more_is_forgotten(
    kept: list[tuple[str, MessageChannel]], left: list[tuple[str, MessageChannel]]
) -> None:
    receivers = Receivers()
    for receiver in (AN, BINH, OTHER):
        receivers.failed(receiver, 0.0)
    receivers.keep("webhook", kept)
    assert [r for r in (AN, BINH, OTHER) if receivers.doubted(r)] == left
    receivers.clear()
    assert not receivers.doubted(OTHER)
