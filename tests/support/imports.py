"""What the tests of the importer share: the sample files, and short ways to read and translate."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from contracts.catalogue import load_catalogue
from services.intake.imports.log import LoggedEvent, LoggedTrace, opened
from services.intake.imports.report import Report
from services.intake.imports.rules import CompiledMapping, load_mapping
from services.intake.imports.run import check, read
from services.intake.imports.translate import TranslatedTrace, translate
from services.shared.references import References
from tests.support.paths import ROOT, TEST_DATA

DATA = TEST_DATA / "imports"
LAND = DATA / "land.xes"
COUNTER = DATA / "counter.csv"
PERMITS_MAPPING = ROOT / "deploy" / "imports" / "permits.toml"


def mapping_of(path: Path) -> CompiledMapping:
    return load_mapping(path, load_catalogue(), References({1: "tests"}))


def land_mapping() -> CompiledMapping:
    return mapping_of(DATA / "land.toml")


def counter_mapping() -> CompiledMapping:
    return mapping_of(DATA / "counter.toml")


def permits_mapping() -> CompiledMapping:
    return mapping_of(PERMITS_MAPPING)


def written(folder: Path, text: str | bytes, name: str = "log", *, packed: bool = False) -> Path:
    path = folder / name
    raw = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(raw) if packed else raw)
    return path


def traces_of(path: Path, compiled: CompiledMapping) -> list[LoggedTrace]:
    with opened(path) as file:
        return list(read(file, compiled))


def report_of(path: Path, compiled: CompiledMapping, *, limit: int | None = None) -> Report:
    report = Report.of(path.name, compiled)
    now = datetime(2026, 11, 30, tzinfo=UTC)
    check(path, compiled, report, now=now, limit=limit, progress=lambda _read, _size: None)
    return report


def told(
    compiled: CompiledMapping, events: Iterable[tuple[str, str]], case: str = "travel permit 7"
) -> TranslatedTrace:
    """The trace of (time, activity) pairs, translated."""
    logged = [
        LoggedEvent(line, {"time:timestamp": time, "concept:name": activity})
        for line, (time, activity) in enumerate(events, start=10)
    ]
    return translate(compiled, LoggedTrace(9, {"concept:name": case}, logged))


def days(*activities: str) -> list[tuple[str, str]]:
    """The activities, one a day, at eight in the morning."""
    return [
        (f"2018-{1 + n // 28:02}-{1 + n % 28:02}T08:00:00+01:00", activity)
        for n, activity in enumerate(activities)
    ]


def names(told: TranslatedTrace) -> list[str]:
    return [type(fact.data).__name__ for fact in told.facts]
