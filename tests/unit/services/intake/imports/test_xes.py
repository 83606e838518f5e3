"""The reader of XES."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from services.intake.imports.log import LogError, opened
from services.intake.imports.xes import read_xes
from tests.support.imports import LAND, land_mapping, report_of, traces_of, written

TRACE = '<trace><string key="concept:name" value="case {n}"/>{events}</trace>\n'
EVENT = (
    '<event><string key="concept:name" value="file"/>'
    '<date key="time:timestamp" value="2024-03-07T08:00:00+07:00"/></event>'
)


def log(*traces: str) -> str:
    return "<log>\n" + "".join(traces) + "</log>\n"


def trace(n: int, events: str = EVENT) -> str:
    return TRACE.format(n=n, events=events)


def test_traces_and_events_come_with_the_line_they_begin_on() -> None:
    first, second, *_ = traces_of(LAND, land_mapping())
    assert (first.line, [event.line for event in first.events]) == (7, [10, 15, 20, 25, 29])
    assert second.line == 35
    lines = LAND.read_text().splitlines()
    assert lines[first.line - 1].strip() == "<trace>"
    assert all(lines[event.line - 1].strip() == "<event>" for event in first.events)


def test_a_compressed_file_reads_like_a_plain_one_whatever_its_name(tmp_path: Path) -> None:
    packed = written(tmp_path, LAND.read_bytes(), "log.xes", packed=True)
    assert traces_of(packed, land_mapping()) == traces_of(LAND, land_mapping())


def test_an_attribute_within_another_is_found_under_both_keys() -> None:
    call = traces_of(LAND, land_mapping())[0].events[2].attributes
    assert call["topic"] == "which paper"
    assert call["topic/asked-by"] == "citizen"


def test_a_list_keeps_all_values_of_one_key(tmp_path: Path) -> None:
    event = (
        '<event><list key="papers"><values><string key="p" value="a"/>'
        '<string key="p" value="b"/></values></list></event>'
    )
    found = traces_of(written(tmp_path, log(trace(1, event))), land_mapping())
    assert found[0].events[0].attributes == {"papers/p": "a", "papers/p#2": "b"}


def test_defaults_and_attributes_of_the_log_are_no_events() -> None:
    assert [len(trace.events) for trace in traces_of(LAND, land_mapping())] == [5, 5, 1, 1]


def test_an_event_outside_of_every_trace_is_accounted_for() -> None:
    orphan = traces_of(LAND, land_mapping())[-1]
    assert orphan.attributes == {}
    assert [entry["line"] for entry in report_of(LAND, land_mapping()).broken] == [57, 64]


def test_broken_xml_names_file_and_line_and_keeps_the_traces_before(tmp_path: Path) -> None:
    path = written(tmp_path, log(trace(1), trace(2), "<trace><event></trace>\n"), "bad.xes")
    with opened(path) as file:
        traces = read_xes(file)
        found = [next(traces).attributes["concept:name"] for _ in range(2)]
        with pytest.raises(LogError, match=r"bad\.xes, line 4: broken XML"):
            next(traces)
    assert found == ["case 1", "case 2"]


def test_a_file_that_ends_too_early_keeps_the_traces_before(tmp_path: Path) -> None:
    path = written(tmp_path, log(trace(1), trace(2), trace(3))[:-60])
    report = report_of(path, land_mapping())
    assert report.traces == 2
    assert "line 4: broken XML" in (report.error or "")


def test_a_compressed_file_that_was_cut_keeps_the_traces_before(tmp_path: Path) -> None:
    many = "".join(trace(n) for n in range(5_000))
    whole = gzip.compress(log(many).encode())
    report = report_of(written(tmp_path, whole[: len(whole) // 2]), land_mapping())
    assert 1_000 < report.traces < 5_000
    assert "compressed file is broken here" in (report.error or "")


def test_an_entity_bomb_is_refused_at_its_document_type(tmp_path: Path) -> None:
    bomb = (
        '<?xml version="1.0"?>\n<!DOCTYPE log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>\n'
        '<log><trace><string key="concept:name" value="&b;"/></trace></log>'
    )
    with pytest.raises(LogError, match=r"line 2: a document type \(DOCTYPE\) is refused"):
        traces_of(written(tmp_path, bomb), land_mapping())


def test_an_external_entity_is_never_fetched(tmp_path: Path) -> None:
    secret = written(tmp_path, "secret", "secret")
    text = f'<!DOCTYPE log [<!ENTITY x SYSTEM "{secret.as_uri()}">]><log>&x;</log>'
    with pytest.raises(LogError, match="DOCTYPE"):
        traces_of(written(tmp_path, text), land_mapping())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<html/>", "the outermost element is 'html'"),
        ("", "line 1: broken XML: no element found"),
        ("<log><trace><string value='x'/></trace></log>", "has no key"),
        ("<log><trace><trace/></trace></log>", "'trace' cannot stand here"),
        (log(trace(1, "<list key='k'>" * 40 + "</list>" * 40)), "nested more than 32 deep"),
        ("<log><trace><string key='k' value='" + "x" * 3_000_000, "one tag is longer than"),
    ],
)
def test_what_is_not_xes_is_named(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(LogError, match=what):
        traces_of(written(tmp_path, text), land_mapping())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be opened: No such file"):
        traces_of(tmp_path / "none.xes", land_mapping())


class TestAFileThatIsMadeToFillMemory:
    def refused(self, path: Path, match: str) -> None:
        with opened(path) as file, pytest.raises(LogError, match=match):
            list(read_xes(file))

    def test_by_unpacking_to_a_thousand_times_its_size(self, tmp_path: Path) -> None:
        content = log(trace(1)) + " " * 64_000_000
        packed = written(tmp_path, content.encode(), packed=True)
        assert packed.stat().st_size < 100_000
        self.refused(packed, "unpacks to more than 200 times its size")

    def test_by_attributes_without_end(self, tmp_path: Path) -> None:
        many = "".join(f'<string key="k{n}" value="v"/>' for n in range(1100))
        self.refused(
            written(tmp_path, log(trace(1, f"<event>{many}</event>"))), "more than 1000 att"
        )
        same = '<string key="k" value="v"/>' * 1100
        self.refused(written(tmp_path, log(trace(1, same))), "more than 1000 attributes")

    def test_by_one_trace_with_all_of_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.intake.imports.xes.MAX_TRACE", 10_000)
        long = f'<event><string key="concept:name" value="{"x" * 900}"/></event>'
        small = log(*(trace(n, long * 9) for n in range(20)))
        with opened(written(tmp_path, small)) as file:
            assert len(list(read_xes(file))) == 20
        self.refused(written(tmp_path, log(trace(1, long * 12))), "more than 10000 characters")

    def test_by_the_whole_log(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("services.intake.imports.log.MAX_UNPACKED", 100_000)
        self.refused(written(tmp_path, log(*(trace(n) for n in range(1000)))), "import it in parts")
