"""The gate of CI, `make lint` and the hooks before a commit check the same."""

from __future__ import annotations

import re
import subprocess

import yaml

from tests.support.paths import ROOT
from tests.support.tools import Tool

GATE = ROOT / ".ci" / "run"


def _checks() -> list[str]:
    """The commands of `make lint`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    return [line.replace("\t@$(BIN)/", ".venv/bin/") for line in recipe[1].splitlines()]


def test_the_gate_is_a_script_that_bash_can_read() -> None:
    subprocess.run(["bash", "-n", str(GATE)], check=True)


def test_the_gate_checks_everything_before_it_tests() -> None:
    script = GATE.read_text(encoding="utf-8")
    assert 0 < script.index("make --silent lint") < script.index("make --silent test")
    assert "export CI=true" in script


def test_the_gate_installs_every_tool_that_a_test_needs() -> None:
    script = GATE.read_text(encoding="utf-8")
    for tool in Tool:
        assert f"[{tool.names[0]}]={tool.package}" in script


def test_the_hooks_before_a_commit_are_the_checks_of_lint_and_come_from_nowhere_else() -> None:
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert repo["repo"] == "local"
    assert [hook["entry"] for hook in repo["hooks"]] == _checks()
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
