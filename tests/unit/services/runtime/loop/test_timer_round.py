"""What a round of timers writes into its states before it publishes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts.events.notify import UnitAlertCleared
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.loop.clock import Clock, StreamClock, WallClock
from services.runtime.loop.timer_round import TimerRound
from tests.support.facts import PROCESSED
from tests.support.times import at

OWN = Event("1", "/x", "purse-1", at(4), PROCESSED)
OTHERS = Event(
    "2",
    "/x",
    "purse-1",
    at(4),
    UnitAlertCleared(morning="H29.15@2024-03-08", alert_id="a", reason="r"),
)


@pytest.mark.parametrize(
    ("clock", "said", "written"),
    [
        (WallClock(), [], False),
        (WallClock(), [OWN], False),
        (WallClock(), [OWN, OTHERS], True),
        (StreamClock(), [OWN, OTHERS], False),
    ],
    ids=["nothing", "comes back", "does not come back", "a tick comes back"],
)
def test_what_no_record_would_show_again_is_written_first(
    clock: Clock, said: list[Event], written: bool
) -> None:
    parts = SimpleNamespace(
        clock=clock,
        producer=SimpleNamespace(topic_of=lambda event: event.data.TOPIC),
        decider=SimpleNamespace(name="notify", topic=DOSSIER_EVENTS),
    )
    assert OTHERS.data.TOPIC != DOSSIER_EVENTS
    assert TimerRound(cast("Any", parts))._is_written_first(said) is written
