"""The commands end with 0 for the same, 1 for parted, 2 for a file that cannot be used."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from contracts.events.intake import DossierReceived
from contracts.rules import SAMPLE
from motcua.cli import build
from motcua.replay import Recording
from motcua.replay.lines import Recorded
from tests.unit.motcua.replay.conftest import Rewritten
from tests.unit.motcua.replay.test_partings import later


def run(*words: str | Path, code: int, says: str | None = None) -> str:
    named = [str(word) for word in words]
    result = CliRunner().invoke(build(), named, says, env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    assert all(len(line) <= 80 for line in result.output.splitlines())
    return result.output


def test_the_same_is_0_and_its_trail_is_the_same(day: Recording, tmp_path: Path) -> None:
    trail = tmp_path / "a.trail"
    assert "the same: " in run("replay", day.path, "--trail", trail, code=0)
    assert "the same: " in run("replay", day.path, "--against", trail, code=0)
    assert "the same" in run("diff", trail, trail, code=0)


def test_a_parting_is_1_and_told_with_its_fields_and_states(rewritten: Rewritten) -> None:
    said = run("replay", rewritten(later).path, code=1)
    assert "DeadlineSet: due -1 d" in said
    assert "due: recorded 2026-" in said
    assert "state of sla:" in said
    assert "due_told: recorded 2026-" in said


def test_why_it_is_due_then_is_told_before_and_after(rewritten: Rewritten) -> None:
    def promised_more(record: Recorded) -> Iterable[Recorded]:
        data = record.event.data
        if isinstance(data, DossierReceived) and data.promise and data.promise.budget:
            amount = data.promise.budget.amount + 8
            budget = data.promise.budget.model_copy(update={"amount": amount})
            promise = data.promise.model_copy(update={"budget": budget})
            data = data.model_copy(update={"promise": promise})
        return [record._replace(event=replace(record.event, data=data))]

    said = run("replay", rewritten(promised_more).path, code=1)
    _, _, why = said.partition("why it is due then (-: as recorded, +: as decided):")
    before, after = re.findall(r"^ +([-+]) .*?(\d+) (working|calendar)", why, re.M)[:2]
    assert (before[0], after[0]) == ("-", "+")
    assert int(before[1]) == int(after[1]) + 8


def test_for_programs_it_is_json(rewritten: Rewritten) -> None:
    result = CliRunner().invoke(build(), ["replay", str(rewritten(later).path), "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["same"] is False
    assert found["partings"][0]["differences"][0]["field"] == "due"


def test_other_trails_are_1(day: Recording, tmp_path: Path) -> None:
    one, other = tmp_path / "a.trail", tmp_path / "b.trail"
    run("replay", day.path, "--trail", one, code=0)
    run("replay", day.path, "--trail", other, "--until", "2026-03-11T12:00+07:00", code=0)
    assert "only in the first" in run("diff", one, other, code=1)


def test_a_file_that_cannot_be_used_is_2(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl.gz"
    empty.write_bytes(b"")
    assert "Record anew" in " ".join(run("replay", empty, code=2).split())
    assert "no trail" in " ".join(run("diff", empty, tmp_path / "x", code=2).split())


def test_the_same_in_any_order_is_0(day: Recording) -> None:
    assert "the same in 2 orders: " in run("replay", day.path, "--orders", "2", code=0)
    assert "alone" in run("replay", day.path, "--orders", "2", "--json", code=2)


@pytest.mark.usefixtures("forgetful")
def test_an_order_that_breaks_it_is_1_and_leaves_a_failing_test(
    day: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = " ".join(run("replay", day.path, "--orders", "20", "--seed", "3", code=1).split())
    again = re.search(r"test_failing.py shows it; again: --orders 1 --seed (\d+)", said)
    assert again is not None
    assert "something else comes of H29" in said
    assert {path.name for path in tmp_path.iterdir()} >= {"failing.jsonl.gz", "test_failing.py"}
    assert "order " + again[1] in run(
        "replay", day.path, "--orders", "1", "--seed", again[1], code=1
    )


def test_persons_are_named_only_when_that_was_said_and_agreed_to(tmp_path: Path) -> None:
    out = tmp_path / "day.jsonl.gz"
    assert "personal data" in run("record", out, "--as-is", code=1, says="n\n")
    assert "head -c 32 /dev/urandom" in run("record", out, code=2)
    (key := tmp_path / "short.key").write_bytes(b"short")
    assert "16 to 64 bytes" in " ".join(run("record", out, "--key", key, code=2).split())
    assert not out.exists()


def test_other_rules_are_told_by_procedure(day: Recording, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, rules := tmp_path / "rules")
    procedures = rules / "procedures.toml"
    text = procedures.read_text(encoding="utf-8")
    longer = re.sub(
        r'amount = \d+, unit = "working-days"', 'amount = 40, unit = "working-days"', text
    )
    procedures.write_text(longer, encoding="utf-8")
    table = tmp_path / "table.csv"
    said = run("replay", day.path, "--rules", rules, "--csv", table, code=0)
    assert "procedures of which nothing differs" in said
    names, *rows = [line.split(",") for line in table.read_text().splitlines()]
    dates = names.index("dates")
    assert sum(int(row[dates]) for row in rows) > 0
    assert int(next(row for row in rows if row[dates] != "0")[1]) > 0
    unchanged = run("replay", day.path, "--rules", SAMPLE, "--json", code=0)
    assert all(each["dates"] == each["letters"] == 0 for each in json.loads(unchanged))


def test_what_never_occurred_is_told(day: Recording) -> None:
    assert "never  RatingRequested" in run("replay", day.path, "--coverage", code=0)
