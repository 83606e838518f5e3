"""The plugin as another project's tests have it: by its entry point, with its options."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[4]
TEST = """
def test_a_dossier(city, at, golden):
    d = city.receive("1.004194", unit="H29.15", on="2024-03-04 08:00")
    at("2024-03-05 08:00")
    d.stop("Tòa án thụ lý")
    at("2024-03-06 08:00")
    d.resume()
    golden(city)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project that has the product installed."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(test_it=TEST)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_inprocess("-p", "motcua.testing.plugin", *options)


def test_it_is_loaded_by_its_entry_point_and_once_though_it_is_named_too(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    points = declared["project"]["entry-points"]["pytest11"]
    made = project.path / "site" / "motcua_points-1.dist-info"
    made.mkdir(parents=True)
    lines = [f"{name} = {module}" for name, module in points.items()]
    (made / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]), encoding="utf-8")
    (made / "METADATA").write_text("Name: motcua-points\nVersion: 1\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(made.parent), str(ROOT)]))
    project.makeconftest('pytest_plugins = ["motcua.testing.plugin"]')
    project.runpytest_subprocess("--golden=write").assert_outcomes(passed=1)


def test_tests_that_do_not_use_it_do_not_wait_for_it() -> None:
    program = "import sys, motcua.testing.plugin; print({'contracts', 'pydantic'} & {*sys.modules})"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_golden_stream_is_written_read_by_people_and_checked(project: pytest.Pytester) -> None:
    run(project).stdout.fnmatch_lines(["*there is no golden stream *--golden=write makes it"])
    run(project, "--golden=write").assert_outcomes(passed=1)
    (path,) = project.path.rglob("golden/**/*.txt")
    assert path.relative_to(project.path).as_posix() == "golden/test_it/test_a_dossier/stream.txt"
    text = path.read_text(encoding="utf-8")
    assert text.startswith("H29.15-240304-0001\nMon 04/03/2024\n08:00 intake DossierReceived\n")
    for line in ("Alerts that stand", "Told to the citizen", "08:00 routing DossierStopped"):
        assert f"\n{line}\n" in text
    assert max(map(len, text.splitlines())) <= 80
    run(project).assert_outcomes(passed=1)


def test_a_stream_that_parts_names_dossier_event_and_field(project: pytest.Pytester) -> None:
    run(project, "--golden=write")
    before = (project.path / "test_it.py").read_text(encoding="utf-8")
    changed = before.replace('"Tòa án thụ lý"', '"Mất điện"')
    (project.path / "test_it.py").write_text(changed, encoding="utf-8")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "H29.15-240304-0001, Tue 05/03/2024 08:00 routing DossierStopped:",
            "  golden: reason Tòa án thụ lý",
            "  now:    reason Mất điện",
            "-      reason Tòa án thụ lý",
            "+      reason Mất điện",
            "If that is meant: --golden=write*",
        ]
    )


def test_golden_streams_are_not_written_in_ci(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(project, "--golden=write")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--golden=write is not for CI*"])
    assert not list(project.path.rglob("golden"))


def test_a_test_that_fails_tells_the_story_of_its_dossiers(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        def test_it(city):
            d = city.receive("1.004194", unit="H29.15", on="2024-03-04 08:00")
            assert d.due == "2024-03-08 08:00"
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: assert '2024-03-07 08:00' == '2024-03-08 08:00'",
            "*- dossier H29.15-240304-0001 at 2024-03-04 08:00: in_process -*",
            "08:00 sla DeadlineSet",
            "      due 08:00 07/03/2024",
        ]
    )


def test_a_seed_is_said_and_reaches_the_city(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test_it(city):\n    assert city.seed == 7\n")
    result = run(project, "--motcua-seed=7")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["motcua: --motcua-seed=7"])


def test_a_fixture_of_the_projects_own_by_that_name_is_left_alone(
    project: pytest.Pytester,
) -> None:
    project.makeconftest("import pytest\n@pytest.fixture\ndef city():\n    return 'Hanoi'\n")
    project.makepyfile(test_it="def test_it(city):\n    assert city == 'Hue'\n")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_the_guides_tests_do_what_the_guide_says(project: pytest.Pytester) -> None:
    guide = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    (project.path / "test_it.py").unlink()
    project.makepyfile(test_first="\n\n".join(blocks))
    result = run(project, "--golden=write")
    result.assert_outcomes(passed=len(blocks) - 1, failed=1)
    (shown,) = re.findall(r"^    E .*\n(?:    .*\n)+", guide, re.MULTILINE)
    result.stdout.fnmatch_lines([line[4:] for line in shown.splitlines()])
    (path,) = re.findall(r"`(golden/\S+)`", guide)
    kept = project.path / path
    ((where, golden, now),) = re.findall(
        r"^    (H29\S+, .*)\n      golden: (.*)\n      now:    (.*)$", guide, re.MULTILINE
    )
    text = kept.read_text(encoding="utf-8")
    assert f"      {golden}\n" in text
    kept.write_text(text.replace(golden, now), encoding="utf-8")
    run(project).stdout.fnmatch_lines([where, f"  golden: {now}", f"  now:    {golden}"])


RECORDED = """
from hypothesis import given, settings, strategies as st
from motcua.replay import Order

def test_a_recorded_day(recording, replay, orders):
    day = recording("day.jsonl.gz")
    assert replay(day).partings == []
    orders(day)
    drawn = []
    from motcua.testing.orders import orders as any_order

    @settings(max_examples=2, database=None)
    @given(any_order(day))
    def check(order):
        drawn.append(order)

    check()
    assert all(isinstance(order, Order) for order in drawn)
"""


def test_a_recording_beside_the_test_is_replayed_in_other_orders(
    project: pytest.Pytester,
) -> None:
    shutil.copy(ROOT / "tests/replay/day.jsonl.gz", project.path)
    project.makepyfile(test_it=RECORDED)
    run(project, "--motcua-orders=2", "--motcua-seed=7").assert_outcomes(passed=1)


def test_an_order_in_which_something_else_comes_of_it_fails_the_test_and_says_how_to_see_it(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "tests/replay/day.jsonl.gz", project.path)
    project.makepyfile(test_it="def test_it(recording, orders): orders(recording('day.jsonl.gz'))")
    monkeypatch.setattr("services.runtime.core.reader.Reader.commit", _raises)
    done = run(project, "--motcua-orders=1", "--motcua-seed=7")
    done.assert_outcomes(failed=1)
    shown = done.stdout.str()
    assert "--motcua-orders=1 --motcua-seed=7" in shown
    assert "OSError: gone" in shown
    assert "the calmest: Order(seed=0, partitions=1, batch=1, behind=False" in shown
    assert list(project.path.parent.rglob("test_failing.py"))


def test_partings_are_told_as_the_command_line_tells_them(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "tests/replay/day.jsonl.gz", project.path)
    project.makepyfile(
        test_it="""
        def test_it(recording, replay):
            assert replay(recording("day.jsonl.gz")).partings == []

        def test_there_is_none(recording):
            recording("night.jsonl.gz")
        """
    )
    warnings = importlib.import_module("services.sla.clock.promises")
    monkeypatch.setattr(warnings, "_millionths", lambda share: round(share * 900_000))
    result = run(project)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*what was recorded is decided otherwise",
            "* x DossierSoonDue*",
            "*first H29*, record *",
            "there is no recording *night.jsonl.gz",
        ]
    )


def test_a_large_stream_is_kept_by_unit_and_day(project: pytest.Pytester) -> None:
    shutil.copy(ROOT / "tests/replay/day.jsonl.gz", project.path)
    project.makepyfile(
        test_it="def test_it(recording, replay, golden):\n"
        "    golden.days(replay(recording('day.jsonl.gz'), keep=True))\n"
    )
    run(project, "--golden=write").assert_outcomes(passed=1)
    (path,) = project.path.rglob("golden/**/days.txt")
    text = path.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80
    run(project).assert_outcomes(passed=1)
    now = re.search(r"^  all (\d+ facts of \d+ dossiers, \w{12})$", text, re.MULTILINE)
    assert now is not None
    path.write_text(text.replace(now[1], "1 facts of 1 dossiers, 0", 1), encoding="utf-8")
    unit, day = text.splitlines()[:2]
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"{unit}, {day}:", "  golden: all 1 facts of 1 dossiers, 0", f"  now:    all {now[1]}"]
    )


def test_a_replay_that_kept_nothing_is_no_golden_stream(project: pytest.Pytester) -> None:
    shutil.copy(ROOT / "tests/replay/day.jsonl.gz", project.path)
    project.makepyfile(
        test_it="def test_it(recording, replay, golden):\n"
        "    golden.days(replay(recording('day.jsonl.gz')))\n"
    )
    run(project, "--golden=write").stdout.fnmatch_lines(["*nothing was kept: *keep=True*"])


def _raises(_: object) -> None:
    raise OSError("gone")
