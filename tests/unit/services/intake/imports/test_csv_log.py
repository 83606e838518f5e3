"""The reader of CSV."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from services.intake.imports.log import LogError
from services.intake.imports.rules import CompiledMapping
from tests.support.imports import COUNTER, counter_mapping, report_of, traces_of, written

HEADER = "case_id;when;what;note\n"


def together() -> CompiledMapping:
    compiled = counter_mapping()
    return replace(compiled, source=compiled.source.model_copy(update={"rows": "together"}))


def test_rows_of_a_case_are_found_wherever_they_stand() -> None:
    traces = traces_of(COUNTER, counter_mapping())
    assert [[event.line for event in trace.events] for trace in traces] == [[2, 5], [4, 6, 7, 8]]


def test_a_line_break_within_quotes_is_text_and_still_counted_as_a_line() -> None:
    first = traces_of(COUNTER, counter_mapping())[0].events[0]
    assert first.attributes["note"] == "two\nlines"


def test_the_mark_that_spreadsheets_write_first_is_not_part_of_a_column() -> None:
    assert "case_id" in traces_of(COUNTER, counter_mapping())[0].events[0].attributes


def test_a_compressed_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    packed = written(tmp_path, COUNTER.read_bytes(), packed=True)
    assert traces_of(packed, counter_mapping()) == traces_of(COUNTER, counter_mapping())


def test_a_date_that_is_none_and_a_row_that_is_too_short_are_skipped_by_line() -> None:
    report = report_of(COUNTER, counter_mapping())
    reasons = {entry["line"]: entry["reason"] for entry in report.skipped}
    assert reasons == {
        6: "the time '31/02/2024 09:00' is not %d/%m/%Y %H:%M",
        7: "3 fields, the header has 4",
    }
    assert report.states == {"processed": 2}


def test_a_row_without_a_case_is_a_broken_trace_of_its_own(tmp_path: Path) -> None:
    rows = ";05/03/2024 08:00;file;\n;05/03/2024 08:00;file;\nA-1;05/03/2024 08:00;file;\n"
    for compiled in (counter_mapping(), together()):
        report = report_of(written(tmp_path, HEADER + rows), compiled)
        assert [entry["line"] for entry in report.broken] == [2, 3]
        assert report.traces_taken == 1


def test_cases_that_stand_together_are_yielded_one_after_another(tmp_path: Path) -> None:
    rows = "A-1;05/03/2024 08:00;file;\nA-1;06/03/2024 08:00;approve;\nA-2;06/03/2024 08:00;file;"
    traces = traces_of(written(tmp_path, HEADER + rows), together())
    assert [[event.line for event in trace.events] for trace in traces] == [[2, 3], [4]]


def test_a_case_that_comes_back_is_named_when_rows_should_stand_together() -> None:
    report = report_of(COUNTER, together())
    assert report.broken[0]["reason"] == "case 'A-1' stands in the file twice, at lines 2 and 5"


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"", "line 1: the file is empty"),
        (b"case;when;what\n", "line 1: the column 'case_id' is missing; there are 'case', 'when'"),
        (b"case_id;when;what;what\n", "the column 'what' is twice"),
        (HEADER.encode() + b"A-1;\xff;file;\n", "line 2: not utf-8: byte 5 of the line"),
        (HEADER.encode() + b'A-1;"never closed;file;\nmore\n', "line 2: broken CSV"),
        (HEADER.encode() + b"x" * 2_000_000, "line 2: longer than"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, raw: bytes, what: str) -> None:
    with pytest.raises(LogError, match=what):
        traces_of(written(tmp_path, raw), counter_mapping())


def test_a_file_that_breaks_half_way_yields_nothing_while_cases_may_be_incomplete(
    tmp_path: Path,
) -> None:
    raw = HEADER.encode() + b"A-1;05/03/2024 08:00;file;\nA-2;\xff;file;\n"
    report = report_of(written(tmp_path, raw), counter_mapping())
    assert (report.traces, report.good) == (0, False)


@pytest.mark.parametrize("compiled", [counter_mapping(), together()], ids=["anywhere", "together"])
class TestAFileThatIsMadeToFillMemory:
    def test_by_unpacking_to_a_thousand_times_its_size(
        self, tmp_path: Path, compiled: CompiledMapping
    ) -> None:
        rows = ("A-1;05/03/2024 08:00;file;" + "x" * 900 + "\n") * 40_000
        packed = written(tmp_path, HEADER + rows, packed=True)
        with pytest.raises(LogError, match="unpacks to more than 200 times its size"):
            traces_of(packed, compiled)

    def test_by_columns_without_end(self, tmp_path: Path, compiled: CompiledMapping) -> None:
        header = HEADER.strip() + "".join(f";c{n}" for n in range(1000)) + "\n"
        with pytest.raises(LogError, match="more than 1000 columns"):
            traces_of(written(tmp_path, header), compiled)

    def test_by_one_case_with_all_of_it(
        self, tmp_path: Path, compiled: CompiledMapping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.intake.imports.csv_log.MAX_TRACE", 10_000)
        row = "A-{n};05/03/2024 08:00;file;" + "x" * 900 + "\n"
        many = HEADER + "".join(row.format(n=n // 9) for n in range(90))
        assert len(traces_of(written(tmp_path, many), compiled)) == 10
        with pytest.raises(LogError, match="a case has more than 10000 characters"):
            traces_of(written(tmp_path, HEADER + row.format(n=1) * 12), compiled)
