"""What is on the log is read by a client that is not ours, and is as the contracts say."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from contracts.tooling.json_schemas import FOLDER, HEADERS_FILE
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.stack.endpoints import Endpoints
from tests.support.office import Office
from tests.support.tools import Tool

pytestmark = pytest.mark.integration


def _schema(name: str) -> Draft202012Validator:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text), format_checker=FormatChecker())


def test_kcat_reads_every_record_of_a_dossier_as_cloud_events(
    office: Office, endpoints: Endpoints
) -> None:
    kcat = Tool.KCAT.needed()
    code = office.hand_in()
    office.agrees(code, "in_process")
    command = [kcat, "-b", endpoints.kafka, "-C", "-t", DOSSIER_EVENTS, "-e", "-q", "-J"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    records: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    types = set()
    for record in records:
        if record["key"] != code:
            continue
        names, values = record["headers"][::2], record["headers"][1::2]
        headers = dict(zip(names, values, strict=True))
        _schema(HEADERS_FILE).validate(headers)
        assert headers["ce_subject"] == code
        kind = headers["ce_type"].removeprefix("vn.motcua.")
        _schema(f"{kind}.json").validate(json.loads(record["payload"]))
        types.add(kind)
    assert {"ReceptionRequested.v3", "DossierReceived.v3", "DossierRouted.v1"} <= types
