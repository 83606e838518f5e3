"""The golden samples: what was once written to the log must be read for ever.

A sample is never written anew to make a test pass. When a type gets another version, its old
sample stays and another one is added beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import contracts
from contracts.events import intake, notify
from contracts.events.notify import Audience
from contracts.model import registered
from contracts.tooling.json_schemas import FOLDER, HEADERS_FILE, file_name
from contracts.wire import codec
from contracts.wire.mac import HEADER
from contracts.wire.upcasters import UPCASTERS, newest_type, upcast

SAMPLES = Path(contracts.__file__).parent / "samples"
TYPES = sorted({*registered(), *UPCASTERS})


def sample(type_name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / file_name(type_name)).read_text("utf-8"))
    return found


def validator(file: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def assert_holds(whole: Any, part: Any) -> None:
    """`whole` says all that `part` says; it may say more, since optional fields are added."""
    if isinstance(part, dict):
        assert isinstance(whole, dict)
        for key, value in part.items():
            assert key in whole
            assert_holds(whole[key], value)
    else:
        assert whole == part


def test_every_type_and_every_old_version_has_a_sample_and_no_sample_is_of_anything_else() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == {file_name(name) for name in TYPES}


@pytest.mark.parametrize("type_name", TYPES)
class TestTheSampleOf:
    def test_names_its_own_type(self, type_name: str) -> None:
        assert sample(type_name)["type"] == type_name

    def test_is_read_as_the_current_class(self, type_name: str) -> None:
        event = codec.from_json(sample(type_name))
        assert type(event.data) is registered()[newest_type(type_name)]

    def test_survives_kafka_unchanged(self, type_name: str) -> None:
        event = codec.from_json(sample(type_name))
        assert codec.decode(*codec.encode(event)) == event

    def test_fits_its_schema(self, type_name: str) -> None:
        validator(file_name(type_name)).validate(sample(type_name)["data"])

    def test_fits_its_schema_as_kafka_carries_it(self, type_name: str) -> None:
        event = codec.from_json(sample(type_name))
        record = codec.encode(event)
        validator(file_name(event.type)).validate(json.loads(record.value))

    def test_has_headers_that_their_schema_names_and_allows(self, type_name: str) -> None:
        record = codec.encode(codec.from_json(sample(type_name)))
        headers = {name: value.decode() for name, value in record.headers}
        described = validator(HEADERS_FILE)
        described.validate(headers)
        assert headers.keys() <= described.schema["properties"].keys()

    def test_is_told_by_its_owner_or_by_an_older_system(self, type_name: str) -> None:
        document = sample(type_name)
        if document.get("history"):
            assert document["source"].startswith("/legacy/")
        else:
            owner = registered()[newest_type(type_name)].OWNER
            assert document["source"] == f"/motcua/{owner}"


@pytest.mark.parametrize("type_name", sorted(registered()))
def test_a_sample_of_a_current_version_is_told_again_in_full(type_name: str) -> None:
    document = sample(type_name)
    assert_holds(codec.to_json(codec.from_json(document)), document)


def test_the_samples_use_every_header_there_is() -> None:
    described = json.loads((FOLDER / HEADERS_FILE).read_text(encoding="utf-8"))["properties"]
    used = {
        header
        for name in TYPES
        for header, _ in codec.encode(codec.from_json(sample(name))).headers
    }
    # No sample is signed: a key is a city's own.
    assert used | {HEADER} == described.keys()


def test_version_1_of_a_planned_message_called_whomever_it_is_for_a_citizen() -> None:
    document = sample("vn.motcua.MessagePlanned.v1")
    event = codec.from_json(document)
    assert isinstance(event.data, notify.MessagePlanned)
    assert event.data.recipient == document["data"]["citizen"]
    assert event.data.audience is Audience.CITIZEN


def test_version_1_of_a_reception_had_one_unit_that_received_and_returned() -> None:
    document = sample("vn.motcua.DossierReceived.v1")
    event = codec.from_json(document)
    old = document["data"]
    assert event.data == intake.DossierReceived(
        procedure=old["procedure"],
        channel=old["channel"],
        level=old["level"],
        receiving_unit="H29.15",
        returning_unit="H29.15",
        place=old["place"],
        citizen=old["citizen"],
        locale=old["locale"],
        documents=tuple(old["documents"]),
        fee=old["fee"],
        legacy_id=None,
        by=old["by"],
        promise=intake.Promise(),
    )
    assert old["unit"] == "H29.15"
    assert event.history
    assert event.id == document["id"]


def test_an_upcaster_leaves_the_body_it_is_given_alone() -> None:
    body = sample("vn.motcua.DossierReceived.v1")["data"]
    before = dict(body)
    name, newer = upcast("vn.motcua.DossierReceived.v1", body)
    assert name == "vn.motcua.DossierReceived.v3"
    assert newer != before
    assert body == before
