"""Sending, going on after an interruption, the report and the command."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from contracts.events.intake import HistoryCorrected
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event
from services.intake.imports import run
from services.intake.imports.bookmarks import Bookmark
from services.intake.imports.cli import import_log
from services.intake.imports.log import LogError
from services.intake.imports.report import Report
from services.intake.imports.rules import CompiledMapping
from services.intake.imports.told_before import Told
from tests.support.imports import (
    DATA,
    LAND,
    PERMITS_MAPPING,
    land_mapping,
    mapping_of,
    report_of,
    written,
)

TRACE = """<trace><string key="concept:name" value="case {n}"/><event>
<string key="concept:name" value="file"/><date key="time:timestamp"
 value="2024-03-07T08:00:00Z"/></event></trace>
"""
MANY = "<log>" + "".join(TRACE.format(n=n) for n in range(1, 301)) + "</log>"


NOW = datetime(2026, 11, 30, 2, tzinfo=UTC)


class Log:
    """Takes events as Kafka would, until it is told to fail."""

    def __init__(self, good_batches: int = 1_000) -> None:
        self.batches: list[list[Event]] = []
        self.left = good_batches

    async def publish(self, events: Sequence[Event]) -> None:
        if self.left == 0:
            raise ConnectionError("the broker is away")
        self.left -= 1
        self.batches.append(list(events))

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    @property
    def ids(self) -> list[str]:
        return [event.id for batch in self.batches for event in batch]


class Memory:
    """A ledger that forgets when the test ends."""

    def __init__(self) -> None:
        self.entry = Bookmark()
        self.began: datetime | None = None

    async def begun(self) -> Bookmark:
        return self.entry

    async def entered(self, now: datetime) -> datetime:
        self.began = min(self.began or now, now)
        return self.began

    async def note(self, entry: Bookmark) -> None:
        self.entry = entry


class ToldBefore:
    """What was told before, as long as the test lasts."""

    def __init__(self) -> None:
        self.cases: dict[str, Told] = {}

    async def of(self, cases: Iterable[str]) -> Mapping[str, Told]:
        return {case: self.cases[case] for case in cases if case in self.cases}

    async def begin(self, ids: Mapping[str, Iterable[str]]) -> None:
        for case, begun in ids.items():
            known = self.cases[case]
            self.cases[case] = known._replace(begun=tuple({*known.begun, *begun}))

    async def note(self, new: Mapping[str, Told]) -> None:
        for case, told in new.items():
            known = self.cases.get(case, told)
            self.cases[case] = known._replace(contents={**known.contents, **told.contents})

    async def replace(self, corrected: Mapping[str, Told]) -> None:
        self.cases.update(corrected)


async def send(
    path: Path,
    log: Log,
    ledger: Memory,
    limit: int | None = None,
    *,
    told: ToldBefore | None = None,
    compiled: CompiledMapping | None = None,
    now: datetime = NOW,
    correct: bool = False,
) -> Report:
    compiled = compiled or land_mapping()
    report = Report.of(path.name, compiled, corrects=correct)
    await run.send(
        path,
        compiled,
        report,
        publisher=log,
        bookmarks=ledger,
        told_before=told or ToldBefore(),
        now=now,
        limit=limit,
        progress=lambda _read, _size: None,
        correct=correct,
    )
    return report


async def test_facts_are_sent_in_batches_that_divide_no_trace(tmp_path: Path) -> None:
    log, ledger = Log(), Memory()
    report = await send(written(tmp_path, MANY), log, ledger)
    assert [len(batch) for batch in log.batches] == [500, 500, 200]
    assert ledger.entry == Bookmark(traces=300, broken=0, finished=True)
    assert report.sent == 1_200


async def test_after_a_failure_a_second_run_sends_only_the_rest(tmp_path: Path) -> None:
    path, ledger, first, second = written(tmp_path, MANY), Memory(), Log(1), Log()
    with pytest.raises(ConnectionError):
        await send(path, first, ledger)
    assert ledger.entry == Bookmark(traces=125, broken=0, finished=False)
    report = await send(path, second, ledger)
    assert report.already_sent == 125
    whole = Log()
    await send(path, whole, Memory())
    assert first.ids + second.ids == whole.ids


async def test_a_batch_that_was_sent_but_not_noted_comes_again_with_the_same_ids(
    tmp_path: Path,
) -> None:
    path, first, second = written(tmp_path, MANY), Log(1), Log()
    with pytest.raises(ConnectionError):
        await send(path, first, Memory())
    await send(path, second, Memory())
    assert second.ids[:500] == first.ids


async def test_a_limit_ends_a_run_and_the_next_goes_on_from_there(tmp_path: Path) -> None:
    path, ledger, log = written(tmp_path, MANY), Memory(), Log()
    await send(path, log, ledger, limit=10)
    assert (ledger.entry, len(log.ids)) == (Bookmark(10, 0, False), 40)
    await send(path, log, ledger)
    assert (ledger.entry.finished, len(set(log.ids)), len(log.ids)) == (True, 1_200, 1_200)


async def test_a_file_that_breaks_half_way_keeps_what_was_read_and_mending_adds_nothing_twice(
    tmp_path: Path,
) -> None:
    broken, mended, ledger = Log(), Log(), Memory()
    report = await send(written(tmp_path, MANY[:-500]), broken, ledger)
    assert (report.good, ledger.entry.finished) == (False, False)
    assert report.traces == 297
    await send(written(tmp_path, MANY, "mended"), mended, Memory())
    assert mended.ids[: len(broken.ids)] == broken.ids


TWO = """<log><trace><string key="concept:name" value="case 1"/><event>
<string key="concept:name" value="file"/><date key="time:timestamp"
 value="2024-03-07T08:00:00Z"/></event><event><string key="concept:name" value="call"/>
<date key="time:timestamp" value="2024-03-08T08:00:00Z"/></event></trace></log>
"""


async def test_a_fact_that_says_something_else_than_before_is_counted_and_not_sent(
    tmp_path: Path,
) -> None:
    told, first, again = ToldBefore(), Log(), Log()
    report = await send(written(tmp_path, TWO), first, Memory(), told=told)
    assert (report.differing, report.gone, report.good) == ({}, {}, True)
    mended = written(tmp_path, TWO.replace("call", "letter"), "mended")
    report = await send(mended, again, Memory(), told=told)
    assert (report.differing, report.gone) == ({"facts": 1, "cases": 1}, {})
    assert again.ids == [*first.ids[:3], first.ids[4]]
    assert not report.good
    (fact,) = report.as_json()["told_before"]["differing_facts"]
    assert (fact["line"], fact["case"], fact["fact"]) == (1, "case 1", "RemarkRecorded")
    # What was told first stands, however often something else comes.
    report = await send(mended, Log(), Memory(), told=told)
    assert report.differing["facts"] == 1
    report = await send(written(tmp_path, TWO), Log(), Memory(), told=told)
    assert report.good


async def test_what_is_told_was_entered_by_the_older_system_when_the_import_was_begun(
    tmp_path: Path,
) -> None:
    log, ledger = Log(), Memory()
    await send(written(tmp_path, TWO), log, ledger, limit=0)
    await send(written(tmp_path, TWO), log, ledger, now=NOW + timedelta(hours=5))
    source = log.events[0].source
    assert {(e.recorded, e.actor) for e in log.events} == {
        (NOW, Actor(AuthType.SERVICE_ACCOUNT, source))
    }
    assert source.startswith("/import/")


GROWN = TWO.replace(
    "</trace>",
    """<event><string key="concept:name" value="call"/>
<date key="time:timestamp" value="2024-03-09T08:00:00Z"/></event></trace>""",
)


async def test_what_comes_again_was_entered_when_it_was_first_told(tmp_path: Path) -> None:
    told, first, again, third = ToldBefore(), Log(), Log(), Log()
    later = NOW + timedelta(days=7)
    await send(written(tmp_path, TWO), first, Memory(), told=told)
    await send(written(tmp_path, GROWN, "grown"), again, Memory(), told=told, now=later)
    await send(
        written(tmp_path, GROWN + " ", "as it was"),
        third,
        Memory(),
        told=told,
        now=later + timedelta(days=7),
    )
    content = {event.id: event for log in (first, again) for event in log.events}
    assert [content[event.id] for event in (*first.events, *again.events, *third.events)] == [
        *first.events,
        *again.events,
        *third.events,
    ]
    assert [e.recorded for e in again.events[-2:]] == [later, later]  # the call, and the close


async def test_what_an_older_release_told_comes_again_as_it_stands_on_the_log(
    tmp_path: Path,
) -> None:
    told, again = ToldBefore(), Log()
    await send(written(tmp_path, TWO), Log(), Memory(), told=told)
    for case, known in told.cases.items():
        bare = {key: value.partition("@")[0] for key, value in known.contents.items()}
        told.cases[case] = known._replace(contents=bare)
    await send(written(tmp_path, TWO), again, Memory(), told=told)
    assert {(event.recorded, event.actor) for event in again.events} == {(None, None)}


async def test_what_lies_in_the_future_of_the_import_is_left_out_and_named(tmp_path: Path) -> None:
    log = Log()
    early = datetime(2024, 3, 7, 12, tzinfo=UTC)
    report = await send(written(tmp_path, TWO), log, Memory(), now=early)
    assert {event.time.day for event in log.events} == {7}
    assert report.events_skipped == 1
    assert "lies in the future" in json.dumps(report.as_json())
    assert not report.good


async def test_a_log_cannot_tell_of_what_is_still_to_come(tmp_path: Path) -> None:
    compiled = land_mapping()
    source = compiled.source.model_copy(update={"as_of": NOW + timedelta(seconds=1)})
    log = Log()
    with pytest.raises(LogError, match=r"source\.as_of, .* lies in the future"):
        await send(written(tmp_path, TWO), log, Memory(), compiled=replace(compiled, source=source))
    assert log.batches == []


def test_a_time_before_the_calendars_begin_is_none(tmp_path: Path) -> None:
    old = written(tmp_path, TWO.replace("2024-03-08", "1999-12-31"))
    report = report_of(old, land_mapping())
    assert "not of this age" in json.dumps(report.as_json())
    assert not report.good


async def test_a_run_that_goes_on_says_what_differs_in_all_of_the_file(tmp_path: Path) -> None:
    told, ledger = ToldBefore(), Memory()
    await send(written(tmp_path, TWO), Log(), Memory(), told=told)
    mended = written(tmp_path, TWO.replace("call", "letter"), "mended")
    await send(mended, Log(), ledger, limit=1, told=told)
    assert ledger.entry == Bookmark(1, 0, finished=False, left_out=1)
    report = await send(mended, Log(), ledger, told=told)
    assert (report.sent, report.differing["facts"]) == (0, 1)
    assert ledger.entry == Bookmark(1, 0, finished=True, left_out=1)


async def test_facts_that_are_told_no_more_are_counted(tmp_path: Path) -> None:
    told = ToldBefore()
    await send(written(tmp_path, TWO), Log(), Memory(), told=told)
    shorter = TWO[: TWO.index("<event><string")] + "</trace></log>"
    report = await send(written(tmp_path, shorter, "shorter"), Log(), Memory(), told=told)
    assert (report.differing, report.gone) == ({}, {"facts": 1, "cases": 1})
    assert report.good


async def test_a_case_that_differs_is_corrected_and_others_are_not_sent_again(
    tmp_path: Path,
) -> None:
    told, first, again = ToldBefore(), Log(), Log()
    other = TWO.replace("<log>", "").replace("case 1", "case 2")
    both = TWO.replace("</log>", "") + other
    await send(written(tmp_path, both), first, Memory(), told=told)
    mended = written(
        tmp_path, TWO.replace("call", "letter").replace("</log>", "") + other, "mended"
    )
    report = await send(mended, again, Memory(), told=told, correct=True)
    (batch,) = again.batches
    assert [e.data.NAME for e in batch] == [
        "HistoryCorrected",
        *(e.data.NAME for e in first.batches[0][:5]),
    ]
    assert {e.subject for e in batch} == {first.batches[0][0].subject}
    assert report.good
    assert report.differing == {"facts": 1, "cases": 1}
    # Once more, and as an ordinary import: all is as it was told.
    report = await send(mended, silent := Log(), Memory(), told=told, correct=True)
    assert (report.good, report.differing, silent.ids) == (True, {}, [])
    report = await send(mended, known := Log(), Memory(), told=told)
    assert report.good
    assert set(known.ids) <= {*first.ids, *again.ids}
    report = await send(written(tmp_path, both), Log(), Memory(), told=told)
    assert report.differing == {"facts": 1, "cases": 1}


async def test_a_correction_that_was_not_acknowledged_is_taken_back_by_the_next(
    tmp_path: Path,
) -> None:
    told, first, second = ToldBefore(), Log(), Log()
    await send(written(tmp_path, TWO), first, Memory(), told=told)
    mended = written(tmp_path, TWO.replace("call", "letter"), "mended")
    with pytest.raises(ConnectionError):
        await send(mended, Log(0), Memory(), told=told, correct=True)
    begun = told.cases["case 1"].begun
    # Nobody knows whether it is on the log: an ordinary import says so and sends nothing.
    report = await send(written(tmp_path, TWO), silent := Log(), Memory(), told=told)
    assert (report.good, report.unfinished["cases"], silent.ids) == (False, 1, [])
    report = await send(written(tmp_path, TWO), second, Memory(), told=told, correct=True)
    correction = second.batches[0][0].data
    assert isinstance(correction, HistoryCorrected)
    assert {*begun, *(i[:13] for i in first.ids[:4])} - {*correction.replaced} == set()
    assert told.cases["case 1"].begun == ()
    assert report.good


async def test_a_case_that_cannot_be_corrected_is_named(tmp_path: Path) -> None:
    told, log = ToldBefore(), Log()
    await send(written(tmp_path, TWO), Log(), Memory(), told=told)
    earlier = written(tmp_path, TWO.replace("2024-03-07", "2024-03-06"), "earlier")
    report = await send(earlier, log, Memory(), told=told, correct=True)
    assert log.ids == []
    assert not report.good
    console = Console(width=200, record=True)
    report.show(console, brief=True)
    assert "line 1: case 1: its first event has another day now" in console.export_text()


async def test_what_was_not_acknowledged_does_not_count_as_told(tmp_path: Path) -> None:
    told = ToldBefore()
    with pytest.raises(ConnectionError):
        await send(written(tmp_path, TWO), Log(0), Memory(), told=told)
    assert told.cases == {}


async def test_another_standard_time_in_the_catalogue_is_no_difference(tmp_path: Path) -> None:
    told = ToldBefore()
    compiled = land_mapping()
    await send(written(tmp_path, TWO), Log(), Memory(), told=told, compiled=compiled)
    catalogue = replace(compiled.catalogue, version="another")
    later = replace(compiled, catalogue=catalogue)
    report = await send(written(tmp_path, TWO), Log(), Memory(), told=told, compiled=later)
    assert report.good


def test_the_report_says_at_its_end_what_differs() -> None:
    report = report_of(LAND, land_mapping())
    report.differing.update({"facts": 3, "cases": 2})
    report.gone.update({"facts": 1, "cases": 1})
    console = Console(width=200, record=True)
    report.show(console, brief=True)
    assert console.export_text().endswith(
        "Differ from what was told before: 3 facts of 2 cases. They were not changed.\n"
        "Were told before and are told no more: 1 fact of 1 case. They stand.\n"
        "`--correct` tells these cases anew.\n"
    )


def test_the_report_accounts_for_every_event(tmp_path: Path) -> None:
    report = report_of(LAND, land_mapping())
    assert report.events == report.events_taken + report.events_skipped == 12
    report.save(tmp_path / "r.json")
    saved = json.loads((tmp_path / "r.json").read_text())
    assert saved["events"] == {"read": 12, "taken": 7, "skipped": 5, "skipped_on_purpose": 1}
    assert saved["traces"] == {"read": 4, "taken": 2, "broken": 2, "sent_before": 0}
    assert saved["final_states"] == {"processed": 1, "withdrawn": 1}
    assert saved["activities"]["telephone call"] == {"RemarkRecorded": 1}


SLIPS = """<log><trace><string key="concept:name" value="case {n}"/>
<string key="ward" value="{ward}"/><event>
<string key="concept:name" value="file"/><date key="time:timestamp"
 value="2024-03-07T08:00:00Z"/></event><event>
<string key="concept:name" value="{activity}"/><date key="time:timestamp" value="{time}"/>
</event></trace></log>
"""
GOOD = {"n": 1, "ward": "26740", "activity": "approve", "time": "2024-03-08T08:00:00Z"}


def test_a_rule_that_fits_no_event_is_named(tmp_path: Path) -> None:
    report = report_of(written(tmp_path, SLIPS.format(**GOOD)), land_mapping())
    assert report.unfitting == {
        "rules[2]": "ask *",
        "rules[3]": "papers came",
        "rules[5]": "take back",
        "rules[6]": "backup ran",
    }
    assert report.good
    assert report.as_json()["rules_that_fitted_no_event"] == report.unfitting


def test_a_fact_that_the_state_could_not_take_is_counted(tmp_path: Path) -> None:
    text = SLIPS.format(**GOOD).replace("approve", "take back").replace("</event></trace>", "")
    log = text.replace("</log>", "") + SLIPS[SLIPS.index("</event><event>") :].format(
        **{**GOOD, "activity": "ask again", "time": "2024-03-09T08:00:00Z"}
    )
    report = report_of(written(tmp_path, log), land_mapping())
    assert report.untold == {"rules[2] SupplementDemanded": 1}
    assert report.good


def test_a_text_that_no_table_has_is_named_with_its_first_line(tmp_path: Path) -> None:
    one = SLIPS.format(**{**GOOD, "ward": "99999"}).replace("</log>", "")
    two = SLIPS.format(**{**GOOD, "ward": "99999", "n": 2}).replace("<log>", "")
    report = report_of(written(tmp_path, one + two), land_mapping())
    assert report.as_json()["texts_that_no_table_has"] == [
        {"value": "ward", "text": "99999", "times": 2, "line": 2}
    ]
    assert not report.good
    mapping = (DATA / "land.toml").read_text().replace('= "26743" }', '= "26743", "*" = "00000" }')
    anything = mapping_of(written(tmp_path, mapping, "m.toml"))
    assert report_of(written(tmp_path, one + two), anything).good


def test_a_text_that_no_table_has_is_named_even_if_it_breaks_its_trace(tmp_path: Path) -> None:
    mapping = (DATA / "land.toml").read_text().replace('default = "00000"\n', "")
    report = report_of(
        written(tmp_path, SLIPS.format(**{**GOOD, "ward": "99999"})),
        mapping_of(written(tmp_path, mapping, "m.toml")),
    )
    assert report.traces_taken == 0
    assert report.unlisted == {("ward", "99999"): [1, 2]}


# ---- The command ----

app = typer.Typer()
app.command()(import_log)


def command(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_a_dry_run_needs_neither_kafka_nor_mongodb(tmp_path: Path) -> None:
    path = written(tmp_path, MANY)
    code, shown = command(path, "--mapping", DATA / "land.toml", "--dry-run")
    assert code == 0
    assert "300 traces read: 300 taken, 0 broken." in " ".join(shown.split())


def test_broken_traces_are_shown_and_end_the_command_with_one(tmp_path: Path) -> None:
    code, shown = command(
        LAND, "--mapping", DATA / "land.toml", "--dry-run", "--report", tmp_path / "r.json"
    )
    assert code == 1
    assert "line 57: case fourteen" in shown
    assert (tmp_path / "r.json").exists()


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({}, 0, "Rules that fitted no event"),
        ({"activity": "backup ran"}, 0, "rules[6]: the machine's own: once"),
        ({"time": "soon"}, 1, "case 1: the time 'soon' is not ISO 8601"),
        ({"ward": "99999"}, 1, "values.ward.table has no '99999': once, first in line 2"),
    ],
)
def test_whatever_is_left_out_is_named_and_ends_the_command_with_one(
    tmp_path: Path, changed: dict[str, str], code: int, said: str
) -> None:
    path = written(tmp_path, SLIPS.format(**{**GOOD, **changed}))
    ended, shown = command(path, "--mapping", DATA / "land.toml", "--dry-run")
    assert (ended, said in shown) == (code, True), shown


def test_a_wrong_mapping_ends_the_command_with_two(tmp_path: Path) -> None:
    code, shown = command(LAND, "--mapping", written(tmp_path, "[source]"), "--dry-run")
    assert code == 2
    assert "source" in shown


def test_a_limit_takes_only_the_first_traces(tmp_path: Path) -> None:
    path = written(tmp_path, MANY)
    code, shown = command(path, "--mapping", DATA / "land.toml", "--dry-run", "--limit", "3")
    assert code == 0
    assert "3 traces read" in shown


# ---- The real log ----


@pytest.mark.permits
@pytest.mark.skipif("MOTCUA_PERMITS" not in os.environ, reason="MOTCUA_PERMITS names no log")
def test_the_whole_permit_log_comes_through() -> None:
    code, shown = command(os.environ["MOTCUA_PERMITS"], "--mapping", PERMITS_MAPPING, "--dry-run")
    assert code == 0
    text = " ".join(shown.split())
    assert "1,478 traces read: 1,478 taken, 0 broken." in text
    assert "26,028 events read: 26,028 taken, 0 skipped." in text
