"""The generated schemas and the AsyncAPI document are in step with the classes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.events import intake
from contracts.events.rules import RulesEnacted
from contracts.model import EventData, registered
from contracts.tooling import generate
from contracts.tooling.asyncapi import document
from contracts.tooling.json_schemas import FOLDER, current_schemas, kept_files, schema_of
from contracts.wire.topics import SERVICES, TOPICS
from contracts.wire.upcasters import UPCASTERS, newest_type


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with every contract file as it is generated, and the kept schemas."""
    generate.write(tmp_path)
    for name in kept_files():
        (tmp_path / "schemas" / name).write_bytes((FOLDER / name).read_bytes())
    return tmp_path


def test_the_committed_files_are_in_step() -> None:
    assert generate.drift() == []


def test_generating_twice_gives_the_same_bytes() -> None:
    assert generate.generated_files() == generate.generated_files()


def test_writing_writes_only_what_differs(copy: Path) -> None:
    assert generate.write(copy) == []
    (copy / "asyncapi.json").write_text("{}")
    assert generate.write(copy) == ["asyncapi.json"]
    assert generate.drift(copy) == []


def test_a_file_that_is_out_of_step_is_named_with_the_remedy(copy: Path) -> None:
    (copy / "asyncapi.json").write_text("{}")
    assert generate.drift(copy) == [
        "asyncapi.json: out of step with its class: run `make contracts` and commit what it writes"
    ]


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "schemas/StepStarted.v1.json").unlink()
    assert "schemas/StepStarted.v1.json: missing" in generate.drift(copy)[0]


def test_a_committed_schema_that_its_class_breaks_asks_for_another_version(copy: Path) -> None:
    path = copy / "schemas/StepStarted.v1.json"
    schema = json.loads(path.read_text())
    schema["properties"]["room"] = {"type": "string"}
    path.write_text(json.dumps(schema))
    told = generate.drift(copy)
    assert "StepStarted.v1: body.room: removed: make it version 2 with an upcaster" in told


def test_a_schema_file_that_is_not_json_is_out_of_step(copy: Path) -> None:
    (copy / "schemas/StepStarted.v1.json").write_text("<<<<<<< ours")
    assert len(generate.drift(copy)) == 1


def test_the_schema_of_an_old_version_must_be_kept(copy: Path) -> None:
    (copy / "schemas/DossierReceived.v1.json").unlink()
    assert "DossierReceived.v1.json: missing: the log still holds" in generate.drift(copy)[0]


def test_a_schema_that_nothing_reads_asks_for_an_upcaster(copy: Path) -> None:
    (copy / "schemas/StepStarted.v0.json").write_text("{}")
    assert "name its step in contracts/wire/upcasters.py" in generate.drift(copy)[0]


def test_the_check_fails_and_names_each_file(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "drift", lambda: ["asyncapi.json: out of step"])
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err == "contracts/asyncapi.json: out of step\n"


def test_the_check_is_silent_when_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_schema_says_what_its_type_is() -> None:
    schema = schema_of(intake.SupplementDemanded)
    assert schema["$id"] == "urn:motcua:schema:vn.motcua.SupplementDemanded.v1"
    assert schema["title"] == "SupplementDemanded"
    assert "yêu cầu bổ sung" in schema["description"]
    assert (schema["x-kind"], schema["x-owner"], schema["x-topic"]) == (
        "fact",
        "intake",
        "dossier.events",
    )


def test_a_field_says_what_it_means() -> None:
    place = schema_of(intake.DossierRegistered)["properties"]["place"]
    assert "who is competent" in place["description"]


def test_a_point_in_time_is_a_date_time() -> None:
    until = schema_of(intake.SupplementDemanded)["properties"]["until"]
    assert until["anyOf"][0]["format"] == "date-time"


@pytest.mark.parametrize("file", sorted(current_schemas()))
def test_a_schema_is_valid_json_schema(file: str) -> None:
    Draft202012Validator.check_schema(current_schemas()[file])


DOCUMENT = document()


def test_every_topic_is_a_channel_with_its_key_and_settings() -> None:
    assert list(DOCUMENT["channels"]) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        assert f"Keyed by {topic.key}." in channel["description"]
        kafka = channel["bindings"]["kafka"]
        assert kafka["topicConfiguration"].keys() == topic.config.keys()
        assert ("partitions" in kafka) is not topic.partitioned
        assert channel["messages"]


def _topics(cls: type[EventData]) -> list[str]:
    """Where records of a type stand: an enactment, in every topic that hears of it."""
    return [t.name for t in TOPICS if t.broadcast] if cls is RulesEnacted else [cls.TOPIC]


def test_every_type_and_old_version_is_a_message_on_its_topic() -> None:
    for type_name in {*registered(), *UPCASTERS}:
        name = type_name.removeprefix("vn.motcua.")
        assert DOCUMENT["components"]["messages"][name]["name"] == type_name
        found = [t for t, c in DOCUMENT["channels"].items() if name in c["messages"]]
        assert found == _topics(_class(type_name))


def test_a_type_is_sent_by_its_owner_alone_and_an_old_version_by_nobody() -> None:
    for type_name in {*registered(), *UPCASTERS}:
        cls = _class(type_name)
        wanted = [] if type_name in UPCASTERS else [cls.OWNER] * len(_topics(cls))
        assert _services("send", type_name) == wanted


def test_a_service_may_receive_every_type() -> None:
    for type_name in {*registered(), *UPCASTERS}:
        channels = len(_topics(_class(type_name)))
        assert Counter(_services("receive", type_name)) == dict.fromkeys(SERVICES, channels)


def test_every_reference_in_the_document_leads_somewhere() -> None:
    for reference in _references(DOCUMENT):
        if reference.startswith("#/"):
            node: Any = DOCUMENT
            for key in reference[2:].split("/"):
                node = node[key]
        else:
            assert (FOLDER.parent / reference).is_file()


def _class(type_name: str) -> Any:
    return registered()[newest_type(type_name)]


def _services(action: str, type_name: str) -> list[str]:
    suffix = "/messages/" + type_name.removeprefix("vn.motcua.")
    return [
        name.split(".")[0]
        for name, operation in DOCUMENT["operations"].items()
        if operation["action"] == action
        and any(message["$ref"].endswith(suffix) for message in operation["messages"])
    ]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [r for value in node.values() for r in _references(value)]
    if isinstance(node, list):
        return [r for value in node for r in _references(value)]
    return []
