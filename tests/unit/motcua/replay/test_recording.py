"""A recording is read as it was written, and whatever is wrong with a file is named."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.catalogue import load_catalogue
from contracts.events.notify import MessageChannel
from contracts.events.rules import RulesEnacted
from contracts.events.sla import Budget, TimeUnit
from motcua.replay import Recording, RecordingError, read
from motcua.replay.header import choices_of
from motcua.replay.lines import Recorded
from motcua.replay.recording import MEMBER, Writer
from motcua.replay.simulated import record_simulated
from services.notify.dossier.policy import Policy
from tests.support.recorded import drawn
from tests.support.rule_sets import enactment, rule_set, timed

Lines = list[dict[str, Any]]
RULES = rule_set(timed("1.000894", Budget(amount=5, unit=TimeUnit.WORKING_DAYS)), 1)


def lines_of(path: Path) -> Lines:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def put(path: Path, lines: Lines) -> Path:
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    )
    path.write_bytes(gzip.compress(text.encode()))
    return path


def fault(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        list(read(path).events())
    return str(caught.value)


def test_the_same_day_is_the_same_bytes(day: Recording, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl.gz"
    record_simulated(again, drawn(12))
    assert again.read_bytes() == day.path.read_bytes()


def test_what_is_read_and_written_again_is_the_same_bytes(day: Recording, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl.gz"
    day.write(again, day.trailer().state_hash)
    assert again.read_bytes() == day.path.read_bytes()


def test_each_line_is_a_cloud_event_and_zcat_reads_them(day: Recording) -> None:
    shown = subprocess.run(["zcat", day.path], capture_output=True, check=True).stdout
    lines = [json.loads(line) for line in shown.splitlines()]
    assert all(line["specversion"] == "1.0" and line["id"] and line["source"] for line in lines)
    assert [int(line["sequence"]) for line in lines] == list(range(len(lines)))
    assert len(lines) == day.trailer().count + 2


def test_some_thousand_lines_are_a_member_that_can_be_read_alone(
    day: Recording, tmp_path: Path
) -> None:
    records = list(day.events())
    path = tmp_path / "long.jsonl.gz"
    with Writer(path, day.header) as writer:
        for _ in range(2 * MEMBER // len(records) + 1):
            for record in records:
                writer.write(record)
        writer.end("")
    found = path.read_bytes()
    second = found.index(b"\x1f\x8b\x08\x00\x00\x00\x00\x00", 10)
    first = gzip.decompress(found[:second]).splitlines()
    assert len(first) == MEMBER
    assert int(json.loads(gzip.decompress(found[second:]).splitlines()[0])["sequence"]) == MEMBER
    assert sum(1 for _ in read(path).events()) == writer.count


def test_the_citys_choices_are_in_the_header(day: Recording) -> None:
    policy = Policy(load_catalogue(), channels=(MessageChannel.EMAIL, MessageChannel.SMS), often=7)
    choices = json.loads(json.dumps(choices_of(policy)))
    assert replace(day.header, choices=choices).policy == policy


def test_some_dossiers_alone_are_a_recording_of_their_own(day: Recording, tmp_path: Path) -> None:
    code = next(r.event.subject for r in day.events() if "-" in r.event.subject)
    path = tmp_path / "one.jsonl.gz"
    day.only(code).write(path, "")
    alone = read(path)
    assert alone.header.selection.dossiers == (code,)
    assert not alone.whole
    assert {r.event.subject for r in alone.events()} == {code, "clock"}


def test_a_set_of_rules_stands_once_in_the_header(day: Recording, tmp_path: Path) -> None:
    event = enactment(RULES, day.header.until)
    path = tmp_path / "rules.jsonl.gz"
    with Writer(path, replace(day.header, rules=(RULES,))) as writer:
        for partition in range(3):
            writer.write(Recorded(0, "dossier.events", partition, event))
        writer.end("")
    found = [record.event.data for record in read(path).events()]
    files = [dict(data.files) for data in found if isinstance(data, RulesEnacted)]
    assert files == [dict(RULES.files)] * 3
    assert all(not line["data"]["files"] for line in lines_of(path)[1:4])


@pytest.mark.parametrize(
    ("change", "line", "what"),
    [
        (lambda lines: lines.pop(), -1, "without a trailer"),
        (lambda lines: lines.pop(7), 8, "hole"),
        (lambda lines: lines.insert(5, lines.pop(6)), 6, "hole, or its order"),
        (lambda lines: lines[3]["data"].update(by="cb-x"), -1, "edited"),
        (lambda lines: lines[-1]["data"].update(count=3), -1, "had 3"),
        (lambda lines: lines.append(lines[3]), -1, "behind the trailer"),
        (lambda lines: lines[4].update(type="vn.motcua.Nothing.v1"), 5, "unknown-type"),
        (lambda lines: lines[4].update(type="vn.motcua.StopRequested.v9"), 5, "newer-version"),
        (lambda lines: lines[4].pop("id"), 5, "not a CloudEvent"),
        (lambda lines: lines.pop(0), 1, "no recording begins with"),
        (lambda lines: lines[0]["data"].update(format=2), 1, "format 2"),
        (lambda lines: lines[0]["data"].pop("clock"), 1, "header does not fit"),
        (
            lambda lines: lines[0]["data"]["rules"][0]["files"].update({"units.toml": ""}),
            1,
            "set 0 are not those",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_named_with_its_line(
    day: Recording, tmp_path: Path, change: Callable[[Lines], object], line: int, what: str
) -> None:
    lines = lines_of(day.path)
    change(lines)
    said = fault(put(tmp_path / "bad.jsonl.gz", lines))
    assert what in said
    place = line if line > 0 else len(lines) + (what == "without a trailer")
    assert f"line {place}:" in said
    assert said.rstrip(".").rpartition(". ")[2], "it names no remedy"


def test_an_enactment_of_a_set_that_the_header_lacks_is_named(
    day: Recording, tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl.gz"
    with Writer(path, day.header) as writer:
        writer.write(Recorded(0, "dossier.events", 0, enactment(RULES, day.header.until)))
        writer.end("")
    assert f"line 2: the header has no set of rules {RULES.sha256}" in fault(path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl.gz"
    path.write_bytes(b"")
    assert "line 1: the file is empty. Record anew." in fault(path)


def test_a_file_that_is_not_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl.gz"
    path.write_text("{}\n")
    assert "not gzip" in fault(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in fault(tmp_path / "nowhere.jsonl.gz")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_anywhere_is_named(
    day: Recording, tmp_path: Path, share: float
) -> None:
    path = tmp_path / "cut.jsonl.gz"
    whole = day.path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "ends within a line, or is damaged" in fault(path)
