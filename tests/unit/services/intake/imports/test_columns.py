"""Times that stand with a case, and not in events of their own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from contracts.events.intake import DossierReceived
from contracts.events.routing import DossierProcessed
from services.intake.imports.log import LogError
from services.intake.imports.mapping import MappingError
from services.intake.imports.rules import CompiledMapping
from services.intake.imports.translate import TranslatedTrace, translate
from services.shared.lifecycle import PublicStatus
from tests.support.imports import DATA, LAND, mapping_of, names, report_of, traces_of, written

COUNTER = (DATA / "counter.toml").read_text()
COLUMNS = """
[[source.columns]]
activity = "file"
time = "startdate"

[[source.columns]]
activity = "approve"
time = "enddate"
time_format = "%d/%m/%Y"
last = true
"""
ALONE = COUNTER.replace('time = "when"\nactivity = "what"\n', "")
OWN_DATE = '[promise]\ndue = "{case:deadline}"\ntime_format = "%d/%m/%Y"'
HEADER = "case_id;startdate;enddate;deadline;result\n"
EVENTS = "case_id;when;what;startdate;enddate;ward\n"


def mapping(folder: Path, text: str, columns: str = COLUMNS) -> CompiledMapping:
    text = text.replace("\n[filing]", f"{columns}\n[filing]")
    text = text.replace("[promise]\nstandard = true", OWN_DATE if "when" not in text else "")
    return mapping_of(written(folder, text, "m.toml"))


def translated(folder: Path, compiled: CompiledMapping, text: str) -> list[TranslatedTrace]:
    return [translate(compiled, trace) for trace in traces_of(written(folder, text), compiled)]


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


def test_an_export_with_one_row_a_case_and_no_activity_works(tmp_path: Path) -> None:
    rows = "A-1;05/03/2024 08:00;12/03/2024;11/03/2024;\nA-2;06/03/2024 08:00;;20/03/2024;\n"
    done, waits = translated(tmp_path, mapping(tmp_path, ALONE), HEADER + rows)
    assert names(done) == ["DossierReceived", "DossierProcessed", "HistoryClosed"]
    received, processed, _ = done.facts
    assert (received.time, processed.time) == (
        local("2024-03-05T08:00:00"),
        local("2024-03-12T23:59:59"),
    )
    assert isinstance(received.data, DossierReceived)
    assert received.data.promise is not None
    assert received.data.promise.due == local("2024-03-11T23:59:59")
    assert (done.code, [taken.line for taken in done.taken]) == ("H29.15-240305-0001", [2, 2])
    assert waits.status is PublicStatus.RECEIVED


def test_rules_see_the_columns_of_the_only_row(tmp_path: Path) -> None:
    text = ALONE.replace('occurrence = "last"', 'where = { result = "no*" }')
    text = text.replace('"granted"', '"denied"').replace('"cb-0"', '"{event:result}"')
    rows = "A-1;05/03/2024 08:00;12/03/2024;;not-yet\n"
    (told,) = translated(tmp_path, mapping(tmp_path, text), HEADER + rows)
    processed = told.facts[1].data
    assert isinstance(processed, DossierProcessed)
    assert (processed.outcome, processed.by) == ("denied", "not-yet")


def test_columns_stand_beside_events(tmp_path: Path) -> None:
    rows = (
        "A-1;06/03/2024 09:00;call;;12/03/2024;26740\n"
        "A-1;05/03/2024 08:00;letter;05/03/2024 08:00;12/03/2024;\n"
    )
    text = COUNTER.replace('"00000"', '"{case:ward}"')
    (told,) = translated(tmp_path, mapping(tmp_path, text), EVENTS + rows)
    assert [taken.activity for taken in told.taken] == ["file", "letter", "call", "approve"]
    assert told.code == "H29.15-240305-0001"
    received = told.facts[0].data
    assert isinstance(received, DossierReceived)
    assert received.place == "26740"


def test_a_condition_may_name_an_attribute_of_the_case(tmp_path: Path) -> None:
    text = COUNTER.replace('occurrence = "last"', 'where = { "case:ward" = "267*" }')
    rows = "A-1;06/03/2024 09:00;call;05/03/2024 08:00;12/03/2024;{ward}\n"
    for ward, status in (("26740", PublicStatus.PROCESSED), ("1", PublicStatus.RECEIVED)):
        log = EVENTS + rows.format(ward=ward)
        (told,) = translated(tmp_path, mapping(tmp_path, text), log)
        assert told.status is status


def test_an_event_of_a_column_has_the_same_id_wherever_it_stands(tmp_path: Path) -> None:
    swapped = "\n[[source.columns]]".join(
        ("", *reversed(COLUMNS.split("\n[[source.columns]]")[1:]))
    )
    rows = "A-1;06/03/2024 09:00;call;05/03/2024 08:00;12/03/2024;\n"
    more = "A-1;05/03/2024 23:00;letter;;;\n"
    ids: list[set[str]] = []
    for columns, text in ((COLUMNS, rows), (swapped, more + rows)):
        (told,) = translated(tmp_path, mapping(tmp_path, COUNTER, columns), EVENTS + text)
        of_columns = (DossierReceived, DossierProcessed)
        ids.append({fact.id for fact in told.facts if isinstance(fact.data, of_columns)})
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2


def test_a_column_that_differs_within_a_case_breaks_its_trace(tmp_path: Path) -> None:
    rows = (
        "A-1;06/03/2024 09:00;call;05/03/2024 08:00;;\n"
        "A-1;06/03/2024 09:00;call;05/03/2024 08:01;;\n"
    )
    (told,) = translated(tmp_path, mapping(tmp_path, COUNTER), EVENTS + rows)
    assert told.broken == (
        "the column 'startdate' differs within the case: '05/03/2024 08:00' in line 2,"
        " '05/03/2024 08:01' in line 3"
    )


def test_a_column_that_is_no_time_breaks_its_trace_with_line_and_remedy(tmp_path: Path) -> None:
    rows = "A-1;05/03/2024 08:00;soon;;\n"
    (told,) = translated(tmp_path, mapping(tmp_path, ALONE), HEADER + rows)
    assert told.broken == (
        "line 2, 'enddate': the time 'soon' is not %d/%m/%Y: mend it, or say how it is written"
        " in source.columns[2].time_format and source.time_zone"
    )


def test_a_case_that_fills_no_column_is_broken_and_a_bad_row_is_named(tmp_path: Path) -> None:
    report = report_of(
        written(tmp_path, f"{HEADER}A-1;;;;\nA-2;05/03/2024 08:00;;;\nA-2;x\n"),
        mapping(tmp_path, ALONE),
    )
    assert [entry["reason"] for entry in report.broken] == [
        "none of its events has both a time and an activity, and none of source.columns is filled"
    ]
    assert [(entry["line"], entry["reason"]) for entry in report.skipped] == [
        (4, "2 fields, the header has 5")
    ]


def test_an_attribute_of_a_trace_in_xes_makes_an_event(tmp_path: Path) -> None:
    column = '\n[[source.columns]]\nactivity = "file"\ntime = "came"\n'
    compiled = mapping(tmp_path, (DATA / "land.toml").read_text(), column)
    trace = (
        '<log><trace><string key="concept:name" value="case 1"/><string key="ward" value="26740"/>'
        '<date key="came" value="2024-03-07T08:00:00+07:00"/></trace></log>'
    )
    (told,) = translated(tmp_path, compiled, trace)
    assert names(told)[:2] == ["DossierReceived", "DossierRouted"]
    assert told.facts[0].time == local("2024-03-07T08:00:00")
    again = report_of(LAND, compiled)
    assert again.traces_taken == 2


@pytest.mark.parametrize("missing", ["startdate", "deadline"])
def test_a_column_that_the_file_does_not_have_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(LogError, match=f"line 1: the column '{missing}' is missing"):
        translated(tmp_path, mapping(tmp_path, ALONE), HEADER.replace(missing, "x"))


@pytest.mark.parametrize(
    ("text", "columns", "what"),
    [
        (ALONE, "", "source: Value error, name time and activity, or [[source.columns]], or both"),
        (
            COUNTER.replace('time = "when"\n', ""),
            COLUMNS,
            "name both time and activity, or neither",
        ),
        (ALONE, COLUMNS.replace("enddate", "startdate"), "'startdate' is named twice"),
        (ALONE, COLUMNS + 'when = "x"', "source.columns[2].when: Extra inputs"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, text: str, columns: str, what: str) -> None:
    with pytest.raises(MappingError) as caught:
        mapping(tmp_path, text, columns)
    assert what in str(caught.value)
