"""Figures as they are asked for: over HTTP and in the terminal, as JSON, CSV and tables."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import datetime
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from contracts.catalogue import load_catalogue
from contracts.events import intake
from deploy.local.stack.endpoints import Endpoints
from motcua.cli import build
from services.runtime.kafka.producer import EventProducer
from services.runtime.settings import Settings
from services.sla.figures.counting import MEASURES
from services.sla.figures.rates import RATES, SHOWN
from tests.support.event import event
from tests.support.office import CENTRE, OFFICER, OTHER_WARD, PROBLEM, WARD_UNIT, Office, filing
from tests.support.signed_in import AUDITOR, claims_in_test

pytestmark = pytest.mark.integration

MONTH = "2024-03"
RECEIVED = "2024-03-04T02:00:00Z"
FROZEN_MONTH = "2024-05"
"""Of these two months, only these tests enter anything, late: each of another ward."""
OTHER_PLACE = "26737"
"""It is that ward's."""
NUMBERS = [*MEASURES, *(rate.name for rate in SHOWN)]


@pytest.fixture(scope="module")
def late_ones(office: Office, settings: Settings) -> list[str]:
    """Three dossiers of that month, of three working days each, that lie open ever since."""
    return handed_in(office, settings, RECEIVED)


def handed_in(office: Office, settings: Settings, at: str, **changes: Any) -> list[str]:
    """Three dossiers that were received when nobody noted yet when something is entered."""
    time = datetime.fromisoformat(at)
    codes = [f"{CENTRE}-{time:%y%m%d}-{number:04}" for number in (1, 2, 3)]
    data = intake.ReceptionRequested(filing=intake.FilingForm(**filing(**changes)))

    async def put() -> None:
        producer = EventProducer(settings.kafka)
        try:
            actor = claims_in_test(OFFICER).vouch_for(OFFICER)
            asked = [replace(event(data, time, code), actor=actor) for code in codes]
            await producer.publish(asked)
        finally:
            await producer.stop()

    asyncio.run(put())
    for code in codes:
        office.agrees(code, "in_process", "sla")
    return sorted(codes)


def of_the_ward(office: Office, path: str, unit: str = WARD_UNIT, **more: Any) -> httpx.Response:
    """What sla says of a ward."""
    answer = office.get("sla", path, unit=unit, **more)
    assert answer.status_code == 200, answer.text
    return answer


def lines_of(answer: httpx.Response | str) -> list[dict[str, str]]:
    """A CSV file's lines, by the names in its header."""
    text = answer if isinstance(answer, str) else answer.content.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def as_text(row: dict[str, Any]) -> dict[str, str]:
    return {name: "" if row[name] is None else str(row[name]) for name in NUMBERS}


def test_json_and_csv_say_the_same_numbers(office: Office, late_ones: list[str]) -> None:
    asked: dict[str, Any] = {
        "period": MONTH,
        "by": ["unit", "field", "procedure", "channel", "level"],
    }
    answer = of_the_ward(office, "/figures", **asked)
    shown = answer.json()
    (row,) = shown["rows"]
    assert (row["unit"], row["field"], row["channel"]) == (WARD_UNIT, "civil-status", "counter")
    assert row["unit_name"].startswith("Ủy ban nhân dân phường")
    assert {name: row[name] for name in NUMBERS} == {name: shown["total"][name] for name in NUMBERS}
    assert {name: n for name, n in shown["total"].items() if n} == {
        "received": 3,
        "open": 3,
        "open_late": 3,
        "late_without_letter": 3,
        "on_time_decision_766": "0.00",
        "on_time_of_all_to_process": "0.00",
        "on_time_decision_766_by_entry": "0.00",
        "on_time_of_all_to_process_by_entry": "0.00",
        "taken_back_share": "0.00",
    }
    assert shown["total"]["on_time_of_resolved"] is None
    assert (shown["since"], shown["until"], shown["as_of"]) == (
        "2024-02-29T17:00:00+00:00",
        "2024-03-31T17:00:00+00:00",
        "2024-03-31T17:00:00+00:00",
    )
    for asked_for, accept in (({"format": "csv"}, "application/json"), ({}, "text/csv")):
        url = answer.url.copy_merge_params(asked_for)
        signed = office.signed_in.header(AUDITOR)
        file = httpx.get(url, headers={"Accept": accept, **signed})
        assert file.headers["content-type"] == "text/csv; charset=utf-8"
        assert f'filename="figures-{MONTH}.csv"' in file.headers["content-disposition"]
        line, total = lines_of(file)
        assert {name: line[name] for name in NUMBERS} == as_text(row)
        assert {name: total[name] for name in NUMBERS} == as_text(shown["total"])
        assert (line["unit_name"], total["unit"]) == (row["unit_name"], "total")


def test_a_named_period_is_its_begin_and_end(office: Office, late_ones: list[str]) -> None:
    span = {"since": "2024-03-01T00:00:00+07:00", "until": "2024-04-01T00:00:00+07:00"}
    named, spelled = (
        of_the_ward(office, "/figures", **asked).json() for asked in ({"period": MONTH}, span)
    )
    assert named.pop("period") == MONTH
    assert spelled.pop("period") is None
    assert named == spelled
    quarter = of_the_ward(office, "/figures", period="2024-Q1").json()
    assert quarter["total"] == named["total"]


def test_a_number_is_opened_page_by_page(office: Office, late_ones: list[str]) -> None:
    asked: dict[str, Any] = {"period": MONTH, "measure": "open_late"}
    whole = of_the_ward(office, "/figures/dossiers", **asked).json()
    assert [item["code"] for item in whole["items"]] == late_ones
    assert whole["next"] is None
    assert whole["items"][0]["counts"] == ["received", "open", "open_late", "late_without_letter"]
    assert whole["items"][0]["late_since"] == "2024-03-07T02:00:00+00:00"

    found: list[dict[str, Any]] = []
    path: str | None = (
        f"/figures/dossiers?period={MONTH}&measure=open_late&unit={WARD_UNIT}&limit=2"
    )
    while path is not None:
        page = office.get("sla", path).json()
        found += page["items"]
        path = page["next"]
    assert found == whole["items"]

    file = of_the_ward(office, "/figures/dossiers", **asked, format="csv", limit=2)
    assert [line["code"] for line in lines_of(file)] == late_ones[:2]
    assert f"after={late_ones[1]}" in file.headers["link"]
    assert 'rel="next"' in file.headers["link"]


def test_the_backlog_of_a_moment_is_shown_by_age(office: Office, late_ones: list[str]) -> None:
    at = "2024-03-11T02:00:00Z"  # five working days after, and two after they were due
    shown = of_the_ward(office, "/backlog", at=at).json()
    assert {name: n for name, n in shown["total"].items() if n} == {
        "open": 3,
        "age_2_5": 3,
        "overdue_2_5": 3,
    }
    line, total = lines_of(of_the_ward(office, "/backlog", at=at, format="csv"))
    assert (line["age_2_5"], total["overdue_2_5"], line["in_time"]) == ("3", "3", "0")
    asked: dict[str, Any] = {"at": at, "measure": "overdue_2_5", "limit": 2}
    page = of_the_ward(office, "/backlog/dossiers", **asked).json()
    rest = office.get("sla", page["next"]).json()
    assert [item["code"] for item in page["items"] + rest["items"]] == late_ones
    # The next page is of the same moment, also if that was now.
    now = of_the_ward(office, "/backlog/dossiers", measure="open", limit=1).json()
    assert "at=" in now["next"]


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/figures", {}, "period"),
        ("/figures", {"period": "2024-13"}, "period"),
        ("/figures", {"period": MONTH, "since": RECEIVED}, "period"),
        ("/figures", {"until": RECEIVED}, "since"),
        ("/figures", {"period": "2099"}, "period"),
        ("/figures", {"since": "2099-01-01T00:00:00Z", "until": "2099-02-01T00:00:00Z"}, "since"),
        ("/figures", {"period": MONTH, "by": "place"}, "by.0"),
        ("/figures", {"period": MONTH, "field": "lnad"}, "field"),
        ("/figures", {"period": MONTH, "unit": "=cmd"}, "unit.0"),
        ("/figures", {"period": MONTH, "format": "xml"}, "format"),
        ("/figures/dossiers", {"period": MONTH, "measure": "late"}, "measure"),
        ("/figures/dossiers", {"period": MONTH}, "measure"),
        ("/backlog", {"at": "2099-01-01T00:00:00Z"}, "at"),
        ("/backlog", {"at": "1999-01-01T00:00:00Z"}, "at"),
        ("/backlog/dossiers", {"measure": "received"}, "measure"),
        ("/snapshots/2024-13", {}, "period"),
        ("/snapshots/2024-13/changes", {}, "period"),
    ],
)
def test_figures_that_cannot_be_are_refused_by_the_name_of_what_is_wrong(
    office: Office, path: str, params: dict[str, Any], field: str
) -> None:
    answer = office.get("sla", path, **params)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_a_month_is_frozen_by_command_and_what_is_entered_later_is_told_apart(
    office: Office, endpoints: Endpoints, settings: Settings
) -> None:
    codes = handed_in(office, settings, "2024-05-06T02:00:00Z", place=OTHER_PLACE)
    frozen = f"/snapshots/{FROZEN_MONTH}"
    missing = office.get("sla", frozen)
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:motcua:problem:not-frozen")

    report = Report(endpoints)
    assert "is frozen" in report("freeze", FROZEN_MONTH, "--kafka", endpoints.kafka)
    assert "was frozen before" in report("freeze", FROZEN_MONTH, "--kafka", endpoints.kafka)

    def of_it(path: str, **more: Any) -> Any:
        return of_the_ward(office, path, unit=OTHER_WARD, **more).json()

    live, shown = of_it("/figures", period=FROZEN_MONTH), of_it(frozen)
    assert (shown["rows"], shown["total"]) == (live["rows"], live["total"])
    assert shown["total"]["late_without_letter"] == 3
    items = office.get("sla", "/snapshots").json()["items"]
    (item,) = (each for each in items if each["period"] == FROZEN_MONTH)
    city = office.get("sla", "/figures", period=FROZEN_MONTH).json()["total"]
    assert {name: item[name] for name in NUMBERS} == city

    approval = {"request": "WithdrawalRequested", "at": "2024-05-07T02:00:00Z", "reason": "outage"}
    head = load_catalogue().units[OTHER_WARD].head
    office.does("routing", codes[0], "late-entries", {**approval, "by": head})
    office.does(
        "intake", codes[0], "withdrawal", {"reason": "not needed"}, at="2024-05-07T02:00:00Z"
    )
    office.agrees(codes[0], "withdrawn", "sla")

    assert of_it(frozen) == shown
    behind = of_it(f"{frozen}/dossiers", measure="open")["items"]
    assert [item["code"] for item in behind] == codes
    changed = of_it(f"{frozen}/changes")["total"]
    assert {name: by for name, by in changed.items() if by} == {
        "resolved": 1,
        "withdrawn": 1,
        "open": -1,
        "open_late": -1,
        "late_without_letter": -1,
        # Nobody had told of it when the dossier was due.
        "taken_back": 1,
        "resolved_taken_back": 1,
        "taken_back_unrepeated": 1,
        "entered_late": 1,
        "entered_late_10_up": 1,
    }
    (line, _) = lines_of(of_the_ward(office, f"{frozen}/changes", unit=OTHER_WARD, format="csv"))
    assert (line["unit"], line["resolved"], line["open_late"]) == (OTHER_WARD, "1", "-1")
    lost = of_it(f"{frozen}/changes/dossiers", measure="open")["items"]
    assert lost == [{"code": codes[0], "change": -1}]
    assert "-1" in report("changes", FROZEN_MONTH, "--unit", OTHER_WARD)
    assert FROZEN_MONTH in report("snapshots")
    asked = "--snapshot", "--unit", OTHER_WARD, "--format", "json"
    assert json.loads(report(FROZEN_MONTH, *asked)) == shown


class Report:
    """``motcua report`` on the city's database."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._runner = CliRunner(env={"COLUMNS": "160", "MOTCUA_MONGO": endpoints.mongo})

    def __call__(self, *arguments: str) -> str:
        result = self._runner.invoke(build(), ["report", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, *arguments: str) -> str:
        """What it says to what cannot be."""
        result = self._runner.invoke(build(), ["report", *arguments])
        assert result.exit_code == 2, result.output
        return " ".join(result.output.replace("│", " ").split())


def test_the_terminal_says_what_the_service_says(
    office: Office, late_ones: list[str], endpoints: Endpoints
) -> None:
    report = Report(endpoints)
    asked = "--by", "unit", "--by", "field", "--unit", WARD_UNIT
    served = of_the_ward(office, "/figures", period=MONTH, by=["unit", "field"])
    assert json.loads(report(MONTH, *asked, "--format", "json")) == served.json()
    file = of_the_ward(office, "/figures", period=MONTH, by=["unit", "field"], format="csv")
    assert report(MONTH, *asked, "--format", "csv").encode() == file.content.replace(b"\r\n", b"\n")

    table = report(MONTH, *asked)
    for rate in RATES:
        assert f"{rate.vi} / {rate.en}" in table
    assert "kỳ trước chuyển qua 0 + tiếp nhận 3 = " in table
    assert "✓" in table
    listed = report("dossiers", "late_without_letter", MONTH, "--unit", WARD_UNIT)
    assert late_ones[-1] in listed
    at = "2024-03-11T09:00+07:00"
    assert "overdue" in report("backlog", "--at", at, "--unit", WARD_UNIT)
    assert late_ones[-1] in report(
        "backlog", "--at", at, "--unit", WARD_UNIT, "--dossiers", "overdue_2_5"
    )
    # This month, if no period is named.
    assert json.loads(report("--format", "json"))["period"]


def test_the_terminal_names_what_cannot_be(endpoints: Endpoints, office: Office) -> None:
    report = Report(endpoints)
    assert "motcua report --help" in report.refused("bcklog")
    assert "2025-Q3" in report.refused("2024-13")
    assert "civil-status" in report.refused(MONTH, "--field", "lnad")
    assert "not begun" in report.refused("2099")
    assert "not over" in report.refused("freeze", "2099")
    assert "late_without_letter" in report.refused("dossiers", "late", MONTH)
    assert "offset" in report.refused(MONTH, "--at", "yesterday")
    assert "motcua report snapshots" in report.refused("2019-01", "--snapshot")


def test_a_report_from_a_database_that_is_away_says_so() -> None:
    runner = CliRunner(env={"MOTCUA_MONGO": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=10"})
    result = runner.invoke(build(), ["report", MONTH])
    assert result.exit_code == 1
    assert "the database does not answer" in result.output
