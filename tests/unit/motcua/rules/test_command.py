"""``motcua rules check`` and ``diff`` on folders: exit codes, faults by line, what is cut."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.rules import SAMPLE
from motcua.cli import build
from tests.support.rule_sets import changed, day_off
from tests.support.units import FIRST, SECOND, ending


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A city's rules, which a test changes."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "city"))


def run(*args: object, exit_code: int = 0, city: Path | None = None) -> str:
    env = {"COLUMNS": "80", "MOTCUA_CITY": str(city) if city else None}
    result = CliRunner().invoke(build(), ["rules", *map(str, args)], env=env)
    assert result.exit_code == exit_code, result.output
    assert max(map(len, result.output.splitlines()), default=0) <= 80
    return " ".join(result.output.split())


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


class TestCheck:
    def test_counts_what_a_sound_folder_has(self, folder: Path) -> None:
        said = run("check", folder)
        assert said.startswith("sound: ")
        assert "rules 2025-2" in said

    def test_takes_the_folder_that_the_environment_names(self, folder: Path) -> None:
        assert run("check", city=folder).startswith("sound: ")

    def test_asks_for_a_folder(self) -> None:
        assert "MOTCUA_CITY" in run("check", exit_code=2)

    def test_names_every_fault_of_every_file(self, folder: Path) -> None:
        write(
            folder,
            changed(
                ("competence.toml", '"TP.001"', '"TP.002"'),
                ("rules.toml", "allowed = 1", "allowed = 0"),
            ),
        )
        said = run("check", folder, exit_code=1)
        assert "competence.toml: line " in said
        assert "no procedure TP.002" in said
        assert "rules.toml: supplement.allowed: " in said

    def test_names_a_file_that_is_missing(self, folder: Path) -> None:
        (folder / "units.toml").unlink()
        assert "units.toml: is missing" in run("check", folder, exit_code=1)

    def test_names_wording_that_cannot_be_used(self, folder: Path) -> None:
        text = '[templates.received]\nsubject = "{{ nobody }}"\n'
        write(folder, {"texts.vi.toml": text})
        said = run("check", folder, exit_code=1)
        assert "[received] subject: no field nobody" in said


class TestDiff:
    def test_of_the_same_rules_is_nothing(self, folder: Path) -> None:
        assert run("diff", 0, folder) == "nothing would change"

    def test_says_what_is_cut_in_sum_and_by_procedure(self, folder: Path) -> None:
        three = 'amount = 3, unit = "working-days"'
        write(
            folder,
            changed(
                ("procedures.toml", three, 'amount = 1, unit = "working-days"'),
                ("procedures.toml", three, 'amount = 4, unit = "working-days"'),
            ),
        )
        said = run("diff", 0, folder)
        assert "standard time -8 working hours in 2 procedures" in said
        assert "3 working days -> 1 working days" in said
        assert "3 working days -> 4 working days" in said

    def test_says_which_units_days_and_rules_differ(self, folder: Path) -> None:
        files = changed(
            ending(FIRST, SECOND),
            ("rules.toml", "notice_working_hours = 8", "notice_working_hours = 16"),
            ("rules.toml", 'version = "2025-2"', 'version = "2026-1"'),
        )
        files["overrides.toml"] += "\n" + day_off("2027-03-03")
        files["texts.vi.toml"] = "[alerts]\n"
        write(folder, files)
        said = run("diff", 0, folder)
        assert "1 changes of units" in said
        assert "ends on 2024-03-31, successor H29.102" in said
        assert "calendars: 2027-03-03" in said
        assert "rules: apology.notice_working_hours 8 -> 16" in said
        assert "texts: texts.vi.toml" in said

    def test_says_what_an_enactment_would_refuse(self, folder: Path) -> None:
        write(folder, changed(("rules.toml", "allowed = 1", "allowed = 2")))
        assert "rules.toml: the rules were changed and still have" in run("diff", 0, folder)

    def test_goes_both_ways(self, folder: Path) -> None:
        write(folder, changed(("rules.toml", "allowed = 1", "allowed = 2")))
        assert "supplement.allowed 1 -> 2" in run("diff", 0, folder)
        assert "supplement.allowed 2 -> 1" in run("diff", folder, 0)

    def test_of_a_folder_with_a_fault_is_that_fault(self, folder: Path) -> None:
        write(folder, changed(("rules.toml", "allowed = 1", "allowed = 0")))
        assert "rules.toml: supplement.allowed: " in run("diff", 0, folder, exit_code=1)


class TestShow:
    def test_of_the_sample_lists_its_files_and_prints_one_as_it_is(self) -> None:
        assert "units.toml" in run("show", 0)
        result = CliRunner().invoke(build(), ["rules", "show", "0", "rules.toml"])
        assert result.stdout == (SAMPLE / "rules.toml").read_text(encoding="utf-8")

    def test_writes_a_folder_that_is_sound(self, tmp_path: Path) -> None:
        run("show", 0, "--to", tmp_path / "out")
        assert run("diff", 0, tmp_path / "out") == "nothing would change"

    def test_of_a_file_that_it_has_not_names_those_that_it_has(self) -> None:
        assert "it has " in run("show", 0, "unit.toml", exit_code=2)
