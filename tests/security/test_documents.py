"""schemathesis over the five OpenAPI documents, in the name of each role: no answer is a defect,
and none is one that the document does not know.

Each operation is asked what it allows and what it does not; then one is asked after another, with
what an answer told, along the links of the document.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.wire.claims import Claims, Role, claims
from contracts.wire.topics import PAGE
from deploy.local.fakes.oidc.tokens import token
from deploy.local.stack.city import PROCESSES, City
from motcua.cli import build
from motcua.openapi import path_of
from services.shared.authority.table import TABLE
from services.shared.lookup_key import lookup_key
from tests.support.office import (
    CENTRE,
    MARITAL_STATUS,
    WARD_HEAD,
    WARD_OFFICER,
    WARD_PLACE,
    WARD_UNIT,
    Office,
)
from tests.support.paths import ROOT
from tests.support.properties import is_long

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
)
WHO: dict[str, Claims | None] = {
    "nobody": None,
    "officer": claims([Role.OFFICER], WARD_UNIT),
    "head": claims([Role.HEAD], WARD_UNIT),
    "desk": claims([Role.DESK], WARD_UNIT),
    "auditor": claims([Role.AUDITOR]),
    "operator": claims([Role.OPERATOR]),
    "machine": claims([Role.MACHINE], requests=[r.name for r in TABLE if Role.MACHINE in r.cells]),
}

USUAL = (
    ("intake", "desk"),
    ("routing", "head"),
    ("sla", "head"),
    ("notify", "auditor"),
    (PAGE, "nobody"),
)
"""Who is tried in every run: whoever a service's routes admit most. `make test-long` tries all."""
AT_LIMITS = USUAL[-1:]
"""The same, where a thousand cases are asked: what lies open to all."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tries each role at each service in a long run."""
    if "who" in metafunc.fixturenames:
        usual = AT_LIMITS if "limit" in metafunc.function.__name__ else USUAL
        pairs = product(PROCESSES, WHO) if is_long() else usual
        metafunc.parametrize(("service", "who"), pairs)


@pytest.mark.usefixtures("frozen")
def test_no_answer_is_a_defect_or_unknown_to_the_document(
    service: str,
    who: str,
    city: City,
    code: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    fuzzed, followed = (20, 30) if is_long() else (2, 2)
    report = _asked(service, who, city, code, fuzzed, followed, tmp_path)
    led_on = _led_on(tmp_path)
    record_property("cases", report["test_cases"]["generated"])
    record_property("along links", led_on)
    # notify is read alone: what it answers leads to nothing further.
    assert led_on > 0 or (service, who) not in USUAL or service == "notify"


def test_no_answer_to_what_lies_at_a_limit_is_either(
    service: str,
    who: str,
    city: City,
    code: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    report = _at_limits(service, who, city, code, tmp_path)
    record_property("cases", report["test_cases"]["generated"])


@pytest.fixture
def code(office: Office) -> str:
    """A dossier that a ward received and handles."""
    found = office.hand_in(receiving_unit=WARD_UNIT)
    office.agrees(found, "in_process")
    return found


@pytest.fixture(scope="module")
def frozen(city: City) -> None:
    """The figures of a month are frozen, in which nothing was entered."""
    endpoints = city.endpoints
    runner = CliRunner(env={"MOTCUA_MONGO": endpoints.mongo})
    done = runner.invoke(build(), ["report", "freeze", "2023-05", "--kafka", endpoints.kafka])
    assert done.exit_code == 0, done.output


def _at_limits(service: str, who: str, city: City, code: str, folder: Path) -> Any:
    """Asks each operation for what its schema allows just so, and just no more: all of one dossier;
    what is no code at all is tried as well."""
    known = {"path.code": code, "query.key": lookup_key("tests", code)}
    return _run(service, who, city, "coverage", {"parameters": known}, folder)


def _asked(
    service: str, who: str, city: City, code: str, fuzzed: int, followed: int, folder: Path
) -> Any:
    """Asks each operation so many times, and so often from one answer to another. What an answer
    has told comes before what is known here."""
    now = datetime.now(UTC)
    words: dict[str, list[object]] = {
        "path.code": [code],
        "query.key": [lookup_key("tests", code)],
        "query.agency": [WARD_UNIT],
        "query.unit": [WARD_UNIT],
        "query.at": [now.isoformat()],
        "query.measure": ["received", "open"],
        "query.period": [str(now.year)],
        "body.unit": [WARD_UNIT, CENTRE],
        "body.to_unit": [CENTRE],
        "body.step": ["receive-check", "decide"],
        "body.lead": [WARD_OFFICER],
        "body.to": [WARD_OFFICER],
        "body.since": [now.isoformat()],
        "body.until": [(now + timedelta(days=9)).isoformat()],
        "body.due": [(now + timedelta(days=20)).isoformat()],
        "body.key": [lookup_key("tests", code)],
        "body.score": ["5"],
        "body.reason": ["Thiếu ảnh"],
        "body.documents[*]": ["Ảnh"],
        "body.reference": ["BK-1"],
        "body.question": ["Có đúng không?"],
        "body.answer": ["Đúng"],
        "body.amount": [1000],
        "body.filing.procedure": [MARITAL_STATUS],
        "body.filing.place": [WARD_PLACE],
        "body.filing.receiving_unit": [WARD_UNIT],
        "body.filing.returning_unit": [WARD_UNIT],
        "body.filing.citizen": ["citizen-1"],
        "body.filing.documents[*]": ["Tờ khai"],
        "body.filing.fee": [0, 15_000],
    }
    known = {
        "phases.fuzzing.generation": {"max-examples": fuzzed},
        "phases.stateful.generation": {"max-examples": followed},
        # Each operation begins twice at most: then answers lead on.
        "phases.stateful": {"max-steps": 50},
        "dictionaries": {name: {"values": values} for name, values in words.items()},
        "parameters": {name: {"dictionary": name, "probability": 0.9} for name in words},
    }
    return _run(service, who, city, "examples,fuzzing,stateful", known, folder)


def _run(
    service: str,
    who: str,
    city: City,
    phases: str,
    known: Mapping[str, Any],
    folder: Path,
) -> Any:
    """What schemathesis reports of the phases. `known`: what its settings say of this city."""
    config = folder / "schemathesis.toml"
    config.write_text(_toml(known), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        str(ROOT / "services" / path_of(service)),
        *("--url", city.of(service).url, "--checks", ",".join(CHECKS), "--phases", phases),
        *("--seed", "1", "--request-timeout", "30"),
        # A page's events have no end.
        *("--exclude-path-regex", "/events$", "--report-json-path", str(folder / "report.json")),
        *("--report-ndjson-path", str(folder / "cases.ndjson")),
        *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
    ]
    held = WHO[who]
    if held is not None:
        bearer = token(
            city.endpoints.oidc,
            held.roles,
            {"head": WARD_HEAD}.get(who, WARD_OFFICER),
            unit=held.unit,
            requests=held.requests,
        )
        command += ["--header", f"Authorization:Bearer {bearer}"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout[-8000:] + told.stderr[-2000:]
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["operations"]["tested"] == report["operations"]["selected"] > 5
    return report


def _led_on(folder: Path) -> int:
    """How many cases were asked with what an answer had told, along a link of the document."""
    ended = (json.loads(line) for line in (folder / "cases.ndjson").open(encoding="utf-8"))
    return sum(
        bool(case.get("is_transition_applied")) and not case["transition"]["is_inferred"]
        for each in ended
        if "ScenarioFinished" in each
        for case in each["ScenarioFinished"]["recorder"].get("cases", {}).values()
    )


def _toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML writes texts and lists as JSON does."""
    lines = []
    for name, table in tables.items():
        lines.append(f"[{name}]")
        lines += (f"{json.dumps(key)} = {_value(value)}" for key, value in table.items())
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(each)}' for key, each in value.items())} }}"
    return json.dumps(value)
