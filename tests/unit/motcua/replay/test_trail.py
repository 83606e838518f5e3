"""A trail shows at which record of each dossier two replays part."""

from __future__ import annotations

from pathlib import Path

import pytest

from motcua.replay import Recording, replay
from motcua.replay.trail import (
    Step,
    TrailError,
    grouped_trails,
    read_trail,
    trail_partings,
    write_trail,
)


def test_it_does_not_depend_on_how_dossiers_interleave(day: Recording) -> None:
    whole = replay(day, trail=True).trail
    code = max(whole, key=lambda c: len(whole[c]))
    assert replay(day.only(code), trail=True).trail == {code: whole[code]}
    assert [step.n for step in whole[code]] == list(range(1, len(whole[code]) + 1))


def test_the_first_record_at_which_states_differ_is_found(tmp_path: Path) -> None:
    steps = [Step(n, f"e-{n}", "vn.motcua.StepStarted.v1", f"h{n}") for n in (1, 2, 3)]
    other = [steps[0], steps[1]._replace(hash="x"), steps[2]._replace(hash="y")]
    one, two = tmp_path / "a.trail", tmp_path / "b.trail"
    write_trail(one, {"A-1": steps, "A-2": steps, "A-3": steps})
    write_trail(two, {"A-1": other, "A-2": other, "A-3": steps[:2]})
    found = list(trail_partings(read_trail(one), read_trail(two)))
    assert [(p.dossier, p.one and p.one.n) for p in found] == [("A-1", 2), ("A-2", 2), ("A-3", 3)]
    assert [(alike, len(mine)) for alike, mine in grouped_trails(found)] == [
        ("StepStarted: other states", 2),
        ("StepStarted only in the first", 1),
    ]


def test_a_file_that_is_no_trail_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no.trail"
    path.write_bytes(b"nothing")
    with pytest.raises(TrailError, match=r"no\.trail: line 1: no trail"):
        read_trail(path)
