"""The import guide: its example runs, and its tables name every key and every fact."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from contracts.catalogue import load_catalogue
from motcua.cli import build
from services.intake.imports.fact_types import FACTS, given_fields
from services.intake.imports.log import opened
from services.intake.imports.mapping import (
    ColumnTable,
    CsvSource,
    EmitTable,
    FilingTable,
    Mapping,
    PromiseTable,
    RuleTable,
    State,
    ValueTable,
    XesSource,
)
from services.intake.imports.rules import load_mapping
from services.intake.imports.run import read
from services.intake.imports.template import BUILTIN
from services.intake.imports.translate import translate
from services.shared.references import References

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "deploy" / "imports"
LOG, MAPPING = EXAMPLES / "marriages.csv", EXAMPLES / "marriages.toml"


def _block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return str(text)


def _section(heading: str) -> str:
    return GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(("language", "file"), [("csv", LOG), ("toml", MAPPING)])
def test_the_guide_shows_the_very_files(language: str, file: Path) -> None:
    assert _block(language) == file.read_text(encoding="utf-8")


def test_the_example_comes_to_what_the_guide_says() -> None:
    command = ["import", str(LOG), "--mapping", str(MAPPING), "--dry-run"]
    result = CliRunner().invoke(build(), command, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert " ".join(_block("text").split()) in shown
    for state in ("returned", "processed", "withdrawn", "in process"):
        assert re.search(rf"{state} +│ 1 ", result.output), state


def test_the_example_in_xes_is_one_that_the_permits_mapping_reads(tmp_path: Path) -> None:
    (tmp_path / "permits.xes").write_text(_block("xml"), encoding="utf-8")
    plan = load_mapping(EXAMPLES / "permits.toml", load_catalogue(), References({1: "tests"}))
    with opened(tmp_path / "permits.xes") as file:
        (told,) = [translate(plan, trace) for trace in read(file, plan)]
    assert (told.broken, told.code) == (None, "T01-240307-0012")


@pytest.mark.parametrize(
    ("heading", "models"),
    [
        ("`[source]`", (XesSource, CsvSource, ColumnTable)),
        ("`[filing]`", (FilingTable,)),
        ("`[promise]`", (PromiseTable,)),
        ("`[values]`", (ValueTable,)),
        ("`[[rules]]`", (RuleTable,)),
        ("`emit`", (EmitTable,)),
    ],
)
def test_every_key_of_a_mapping_stands_in_its_table(
    heading: str, models: tuple[type[BaseModel], ...]
) -> None:
    rows = "\n".join(re.findall(r"^\| (.+?) \|", _section(heading), re.MULTILINE))
    named = set(re.findall(r"`(\w+)`", rows))
    keys = {field.alias or name for m in models for name, field in m.model_fields.items()}
    assert keys <= named
    assert named - keys <= {"key"}


def test_every_table_state_and_place_is_explained() -> None:
    for name in Mapping.model_fields:
        assert re.search(rf"^## `\[+{name}\]+`$", GUIDE, re.MULTILINE), name
    assert all(f"`{state}`" in _section("`[[rules]]`") for state in get_args(State))
    assert all(f"`{{{place}}}`" in GUIDE for place in BUILTIN)


def test_the_table_of_facts_says_what_each_needs() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*?) \|$",
        _section("The facts that a mapping can tell"),
        re.MULTILINE,
    )
    said = {
        fact: (set(re.findall(r"`(\w+)`", needed)), set(re.findall(r"`(\w+)`", filled)))
        for fact, needed, filled in rows
        if fact in FACTS
    }
    expected = {}
    for name, kind in FACTS.items():
        given = given_fields(kind) | ({"step"} & kind.model_fields.keys())
        needed = {n for n, f in kind.model_fields.items() if f.is_required() and n not in given}
        expected[name] = (needed, set(kind.model_fields) - needed)
    assert said == expected
