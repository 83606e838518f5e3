"""In CI a skipped test is a failure; elsewhere it is skipped and says what it needs."""

from __future__ import annotations

import tomllib

import pytest

from tests.support import skips
from tests.support.paths import ROOT
from tests.support.tools import Tool

pytest_plugins = "pytester"


WAYS = {
    "mark": "@pytest.mark.skip('no kettle')\ndef test_tea(): pass",
    "condition": "@pytest.mark.skipif(True, reason='no kettle')\ndef test_tea(): pass",
    "call": "def test_tea(): pytest.skip('no kettle')",
    "fixture": (
        "@pytest.fixture\ndef kettle(): pytest.skip('no kettle')\ndef test_tea(kettle): pass"
    ),
    "module": "pytest.skip('no kettle', allow_module_level=True)",
    "import": "pytest.importorskip('kettle', reason='no kettle')",
}


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test run of its own, in CI."""
    monkeypatch.setenv("CI", "true")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    return pytester


def ran(run: pytest.Pytester, source: str) -> pytest.RunResult:
    run.makepyfile(f"import pytest\n{source}")
    return run.runpytest_inprocess(plugins=[skips])


@pytest.mark.parametrize("way", WAYS)
def test_a_skipped_test_fails_in_ci_and_says_why_it_was_skipped(
    run: pytest.Pytester, way: str
) -> None:
    result = ran(run, WAYS[way])
    assert result.ret != pytest.ExitCode.OK
    assert "skipped" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(["*in CI nothing is skipped but docker, permits.*no kettle*"])


@pytest.mark.parametrize("way", WAYS)
def test_elsewhere_it_is_skipped(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.delenv("CI")
    result = ran(run, WAYS[way])
    assert result.parseoutcomes() == {"skipped": 1}


@pytest.mark.parametrize("marker", skips.MAY_SKIP)
def test_what_stands_in_the_list_may_be_skipped(run: pytest.Pytester, marker: str) -> None:
    result = ran(run, f"@pytest.mark.{marker}\n{WAYS['call']}")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["skipped"] == 1


def test_what_is_expected_to_fail_is_not_skipped(run: pytest.Pytester) -> None:
    result = ran(run, "@pytest.mark.xfail\ndef test_tea(): assert False")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"xfailed": 1}


def test_the_list_names_markers_that_there_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = {line.split(":")[0] for line in project["tool"]["pytest"]["ini_options"]["markers"]}
    assert skips.MAY_SKIP.keys() <= markers


def test_a_tool_that_is_missing_skips_its_test_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception) as skipped:
        Tool.PROMTOOL.needed()
    assert str(skipped.value) == "promtool is needed: apt-get install prometheus"
