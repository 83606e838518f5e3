"""What was asked is decided anew: the same, in one process or several, guided or not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from contracts.rules import RulesError, sample_rules
from motcua.replay import Recording, read, replay
from motcua.replay.coverage import Part
from motcua.replay.simulated import record_simulated
from services.sla.dossier.state import Sla
from tests.support.recorded import drawn, record_by_wall


@pytest.fixture(scope="module")
def by_wall(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The same requests in a city without ticks."""
    path = tmp_path_factory.mktemp("wall") / "wall.jsonl.gz"
    day = drawn(5)
    record_by_wall(path, sorted(day.requests, key=lambda e: e.time), day.ends)
    return read(path)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_is_decided_as_it_was_recorded(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl.gz"
    record_simulated(path, drawn(seed))
    recording = read(path)
    done = replay(recording)
    assert done.partings == []
    assert done.hash == recording.trailer().state_hash


@pytest.mark.parametrize("guided", [True, False])
def test_any_number_of_processes_comes_to_the_same(
    day: Recording, by_wall: Recording, guided: bool
) -> None:
    for recording in (day, by_wall):
        one, two, three = (replay(recording, jobs=n, guided=guided) for n in (1, 2, 3))
        assert one.hashes == two.hashes == three.hashes
        assert one.hash == recording.trailer().state_hash
        assert one.found == two.found == three.found == []
        assert one.alerts() == two.alerts() == three.alerts()
        assert one.messages() == two.messages() == three.messages()
        assert one.coverage.counts == two.coverage.counts == three.coverage.counts
        assert one.played == two.played == three.played
        assert any(key == "notify:desks" for key, _ in one.hashes)


@pytest.mark.parametrize("guided", [True, False])
def test_what_is_too_large_for_memory_is_replayed_in_pieces(
    day: Recording, by_wall: Recording, guided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for recording in (day, by_wall):
        whole = replay(recording, guided=guided)
        with monkeypatch.context() as patch:
            patch.setattr("motcua.replay.replayed._PIECE", recording.path.stat().st_size / 4)
            patch.setattr("motcua.replay.replayed.whole_city", None)  # it is not called
            pieces = replay(recording, guided=guided)
        assert pieces.hashes == whole.hashes
        assert pieces.found == whole.found
        assert (pieces.alerts(), pieces.messages()) == (whole.alerts(), whole.messages())
        assert pieces.played == whole.played


def test_a_city_by_the_wall_clock_says_what_time_brings(by_wall: Recording) -> None:
    done = replay(by_wall)
    assert done.partings == []
    assert {alert.kind for alert in done.alerts()} >= {"DossierSoonDue", "DossierOverdue"}


def test_until_a_moment_only_what_was_entered_before_counts(
    day: Recording, by_wall: Recording
) -> None:
    for recording in (day, by_wall):
        noon = recording.header.until - timedelta(hours=12)
        done = replay(recording, until=noon)
        assert done.partings == []
        assert done.played < replay(recording).played
        assert all(alert.at < noon for alert in done.alerts())


def test_one_dossier_is_the_same_alone(day: Recording) -> None:
    done = replay(day)
    code = next(iter(done.outcomes))
    alone = replay(day.only(code))
    assert alone.partings == []
    assert set(alone.hashes) == {(key, code) for key in ("intake", "routing", "sla", "notify")}
    assert alone.hashes.items() <= done.hashes.items()
    state = done.dossier(code)["sla"]
    assert isinstance(state, Sla)
    assert state.procedure == done.outcomes[code].procedure


def test_what_was_taken_back_is_not_net(day: Recording) -> None:
    done = replay(day)
    assert done.alerts() <= done.alerts(net=False)
    assert set(done.messages()) <= set(done.messages(net=False))
    assert done.messages()


def test_all_records_are_kept_by_one_process(day: Recording) -> None:
    done = replay(day, keep=True)
    recorded = [record.event for record in day.events()]
    assert [record.event for record in done.log] == recorded
    with pytest.raises(ValueError, match="by a single process"):
        replay(day, keep=True, jobs=2)


def test_the_coverage_says_what_occurred_and_what_never_did(day: Recording) -> None:
    found = replay(day).coverage
    assert found.counts[Part.REQUESTS]["ReceptionRequested"]
    assert found.counts[Part.ALERTS]["DossierOverdue"]
    assert found.counts[Part.TIMERS]["sla DossierOverdue"]
    assert found.counts[Part.TEMPLATES]["overdue"]
    assert "RatingRefused" in found.missing(Part.REFUSALS)
    assert all(not (set(found.missing(p)) & found.counts[p].keys()) for p in Part)


def test_under_other_rules_nothing_is_held_against_the_recording(
    day: Recording, tmp_path: Path
) -> None:
    for name, text in sample_rules().files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = replay(day, rules=tmp_path)
    assert done.alerts() == replay(day).alerts()
    assert replay(day, rules=str(tmp_path)).hash == done.hash
    with pytest.raises(ValueError, match="not guided"):
        done.parting()
    with pytest.raises(RulesError, match="there is no such folder"):
        replay(day, rules=tmp_path / "none")
