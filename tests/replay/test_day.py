"""A recorded day is decided today as it was then: what parts was changed, and is told."""

from __future__ import annotations

from motcua.replay import read, replay
from motcua.replay.parting import grouped
from tests.replay.__main__ import DAY


def test_the_recorded_day_is_decided_as_it_was() -> None:
    recording = read(DAY)
    done = replay(recording)
    assert [alike for alike, _ in grouped(done.partings)] == []
    assert done.hash == recording.trailer().state_hash
    assert len(done.outcomes) == 60
    assert {"DossierOverdue", "ApologyOwed"} <= {alert.kind for alert in done.alerts()}


def test_it_stays_small() -> None:
    assert DAY.stat().st_size < 200_000
