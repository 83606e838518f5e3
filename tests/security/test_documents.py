"""schemathesis over the four OpenAPI documents, in the name of each role: no answer is a defect,
and none is one that the document does not know."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from contracts.wire.claims import Claims, Role, claims
from contracts.wire.topics import SERVICES
from deploy.local.fakes.oidc.tokens import token
from deploy.local.stack.city import City
from services.shared.authority.table import TABLE
from tests.support.office import WARD_HEAD, WARD_OFFICER, WARD_UNIT, Office
from tests.support.paths import ROOT

pytestmark = pytest.mark.integration

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


USUAL = (("intake", "desk"), ("routing", "head"), ("sla", "head"), ("notify", "nobody"))
"""Who is tried in every run: whoever a service's routes admit most. `make test-long` tries all."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tries each role at each service in a long run."""
    if "who" in metafunc.fixturenames:
        pairs = product(SERVICES, WHO) if _is_long(metafunc.config) else USUAL
        metafunc.parametrize(("service", "who"), pairs)


def test_no_answer_is_a_defect_or_unknown_to_the_document(
    service: str,
    who: str,
    city: City,
    office: Office,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    pytestconfig: pytest.Config,
) -> None:
    code = office.hand_in(receiving_unit=WARD_UNIT)
    told = _run(service, who, city, code, tmp_path, 20 if _is_long(pytestconfig) else 2)
    assert told.returncode == 0, told.stdout[-8000:] + told.stderr[-2000:]
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["operations"]["tested"] == report["operations"]["selected"] > 10
    record_property("cases", report["test_cases"]["generated"])


def _run(
    service: str, who: str, city: City, code: str, folder: Path, examples: int
) -> subprocess.CompletedProcess[str]:
    config = folder / "schemathesis.toml"
    # All is asked of one dossier that there is; what is no code at all is tried as well.
    config.write_text(f'[parameters]\n"path.code" = "{code}"\n')
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        str(ROOT / "services" / service / "openapi.json"),
        *("--url", city.of(service).url, "--checks", ",".join(CHECKS)),
        *("--max-examples", str(examples), "--seed", "1", "--request-timeout", "30"),
        # A page's events have no end.
        *("--exclude-path-regex", "/events$", "--report-json-path", str(folder / "report.json")),
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
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _is_long(config: pytest.Config) -> bool:
    return bool(config.getoption("--hypothesis-profile") == "long")
