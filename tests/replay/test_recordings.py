"""Recorded cities are decided today as they were then: what parts was changed, and is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from motcua.replay import read, replay
from motcua.replay.parting import grouped
from motcua.testing.plugin import Golden
from tests.replay.__main__ import DAY, DRILLED, HERE, WEEKS

OLDER = sorted((HERE / "older").glob("*.jsonl.gz"))
"""Of a release whose requests said themselves by whom they were; they are never written anew."""


@pytest.mark.parametrize(
    ("recorded", "dossiers"),
    [(DAY, 60), (WEEKS, 80), (DRILLED, 25)],
    ids=lambda one: Path(str(one)).stem,
)
def test_a_recorded_city_is_decided_as_it_was(recorded: Path, dossiers: int) -> None:
    recording = read(recorded)
    done = replay(recording)
    assert [alike for alike, _ in grouped(done.partings)] == []
    assert done.hash == recording.trailer().state_hash
    assert len(done.outcomes) == dossiers
    assert {"DossierOverdue", "ApologyOwed"} <= {alert.kind for alert in done.alerts()}


def test_an_older_release_s_recordings_are_there() -> None:
    assert [path.name for path in OLDER] == ["day.jsonl.gz", "drilled.jsonl.gz"]


@pytest.mark.parametrize("recorded", OLDER, ids=lambda path: path.stem)
def test_an_older_release_s_city_is_decided_as_it_was(recorded: Path) -> None:
    # Not the states' hash: what a service keeps of the same facts is another layout by now.
    done = replay(recorded)
    assert [alike for alike, _ in grouped(done.partings)] == []
    assert {"DossierOverdue", "ApologyOwed"} <= {alert.kind for alert in done.alerts()}


def test_three_weeks_of_a_city_read_as_they_did(golden: Golden) -> None:
    golden.days(replay(WEEKS, keep=True))


def test_in_the_drilled_city_facts_stand_on_the_log_twice() -> None:
    ids = [record.event.id for record in read(DRILLED).events()]
    assert len(ids) > len(set(ids)), "nobody was killed between publishing and committing"


@pytest.mark.parametrize(
    "recorded", [DAY, WEEKS, DRILLED, *OLDER], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_it_stays_small(recorded: Path) -> None:
    assert recorded.stat().st_size < 300_000
