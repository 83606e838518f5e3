"""What fails with a day fails with one dossier of it, and with little that was asked."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.events.clock import ClockTicked
from contracts.events.intake import ReceptionRequested, RegistrationRequested
from contracts.events.sla import DeadlineSet
from motcua.cli import build
from motcua.replay import Recording, read, replay
from motcua.replay.delta import NotFailing
from motcua.replay.expected import is_decided
from motcua.replay.lines import Recorded
from motcua.replay.shrunk import Fails, Shrunk, shrink
from tests.unit.motcua.replay.conftest import Rewritten
from tests.unit.motcua.replay.test_partings import later

FILED = [RegistrationRequested, ReceptionRequested]
"""What a dossier needs to become due that is handed in over the portal."""


def shrunk(
    recording: Recording, folder: Path, fails: Fails, *, dossiers_alone: bool = False
) -> tuple[Shrunk, Recording]:
    out = folder / "small.jsonl.gz"
    done = shrink(
        recording.path, out, folder, fails, lambda *_: None, dossiers_alone=dossiers_alone
    )
    assert fails(out)
    return done, read(out)


def deadlines(recording: Recording) -> list[str]:
    return [r.event.subject for r in recording.events() if isinstance(r.event.data, DeadlineSet)]


def test_the_one_that_parts_is_left_and_parts_alike(rewritten: Rewritten, tmp_path: Path) -> None:
    def one_later(record: Recorded) -> Iterable[Recorded]:
        return later(record) if record.event.subject == guilty else [record]

    guilty = deadlines(rewritten(lambda record: [record]))[-1]
    day = rewritten(one_later)
    (parting,) = (p for p in replay(day).partings if "@" not in p.subject)
    done, small = shrunk(day, tmp_path, lambda path: bool(replay(path).partings))
    assert done.dossiers == (1, 60)
    assert not done.decided_anew
    assert [(p.subject, p.alike) for p in replay(small).partings] == [(guilty, parting.alike)]
    fed = [r.event.data for r in small.events() if not is_decided(r.event)]
    assert [type(data) for data in fed if not isinstance(data, ClockTicked)] == FILED
    assert done.records[0] == len(fed) < done.records[1]


def test_what_fails_for_another_reason_is_decided_anew(day: Recording, tmp_path: Path) -> None:
    guilty = next(a.dossier for a in sorted(replay(day).alerts()) if a.kind == "DossierOverdue")

    def fails(path: Path) -> bool:
        alerts = replay(path).alerts()
        return any((a.dossier, a.kind) == (guilty, "DossierOverdue") for a in alerts)

    done, small = shrunk(day, tmp_path, fails)
    assert done.dossiers == (1, 60)
    assert done.decided_anew
    assert replay(small).partings == []
    fed = [r.event.data for r in small.events() if not is_decided(r.event)]
    assert [type(data) for data in fed] == [*FILED, ClockTicked]


def test_two_that_fail_together_are_both_left(day: Recording, tmp_path: Path) -> None:
    both = {deadlines(day)[0], deadlines(day)[-1]}

    def fails(path: Path) -> bool:
        return both <= set(replay(path).outcomes)

    done, small = shrunk(day, tmp_path, fails, dossiers_alone=True)
    assert done.dossiers == (2, 60)
    assert set(replay(small).outcomes) == both


def test_what_does_not_fail_is_said(day: Recording, tmp_path: Path) -> None:
    with pytest.raises(NotFailing):
        shrunk(day, tmp_path, lambda path: False)


# -- the command --------------------------------------------------------------------------

_KNOWS = "import gzip,sys; sys.exit(3 * (sys.argv[1].encode() in gzip.open(sys.argv[2]).read()))"


def run(*words: str | Path, code: int) -> str:
    result = CliRunner().invoke(build(), [str(word) for word in words], env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize("where", [[], ["{}"]], ids=["at its end", "where it says"])
def test_a_command_is_given_what_is_tried(day: Recording, tmp_path: Path, where: list[str]) -> None:
    code, out = deadlines(day)[3], tmp_path / "out.jsonl.gz"
    words = [sys.executable, "-c", _KNOWS, f'"subject":"{code}"', *where]
    said = run("shrink", day.path, "--out", out, "--dossiers-only", "--", *words, code=0)
    assert "1 of 60 dossiers" in said
    assert set(replay(out).outcomes) == {code}
    with gzip.open(out) as file:
        assert file.read().count(b"\n") == len(list(read(out).events())) + 2


@pytest.mark.parametrize("ends_with", [0, 2])
def test_a_command_that_does_not_fail_or_cannot_use_the_file_is_2(
    day: Recording, tmp_path: Path, ends_with: int
) -> None:
    words = [sys.executable, "-c", f"raise SystemExit({ends_with})"]
    said = run("shrink", day.path, "--out", tmp_path / "out", "--", *words, code=2)
    assert "does not fail" in said
    assert not (tmp_path / "out").exists()


def test_no_command_and_no_recording_are_2(day: Recording, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "No such file" in run("shrink", day.path, "--out", out, "--", "no-such-command", code=2)
    (tmp_path / "empty").touch()
    said = run("shrink", tmp_path / "empty", "--out", out, "--", sys.executable, code=2)
    assert "Record anew" in said
