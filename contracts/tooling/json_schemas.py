"""The JSON Schemas of what travels: one per event type and version, one for the headers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

import contracts.events  # noqa: F401  (registers every event class)
from contracts.model import NAMESPACE, EventData, registered
from contracts.wire.actor import AuthType
from contracts.wire.upcasters import UPCASTERS

Schema = dict[str, Any]

FOLDER = Path(__file__).parents[1] / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEADERS_FILE = "CloudEventHeaders.json"

_VERSIONED = re.compile(r"(?P<name>[A-Za-z]+)\.v(?P<version>\d+)\.json\Z")


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def file_name(type_name: str) -> str:
    """Return the file of a type's schema and golden sample, e.g. ``DossierReceived.v2.json``."""
    return type_name.removeprefix(f"{NAMESPACE}.") + ".json"


def name_and_version(file: str) -> tuple[str, int] | None:
    """Return the type's name and version that a file is about; None for any other file."""
    match = _VERSIONED.match(file)
    return (match["name"], int(match["version"])) if match else None


def schema_of(cls: type[EventData]) -> Schema:
    """Return the schema of a type's body as it is written to the log.

    A field with a default is not required: it may be missing from what an older writer wrote.
    Fields that the schema does not name are allowed, and ignored on read.
    """
    generated = cls.model_json_schema(schema_generator=_WithoutTitles, mode="serialization")
    generated.pop("title")
    return {
        "$schema": DIALECT,
        "$id": f"urn:motcua:schema:{cls.TYPE}",
        "title": cls.NAME,
        "description": generated.pop("description"),
        "x-kind": cls.KIND.value,
        "x-owner": cls.OWNER,
        "x-topic": cls.TOPIC,
        **generated,
    }


def header_schema() -> Schema:
    """Return the schema of a record's headers: CloudEvents 1.0 in Kafka's binary mode."""
    text = {"type": "string", "minLength": 1}
    return {
        "$schema": DIALECT,
        "$id": "urn:motcua:schema:headers",
        "title": "CloudEventHeaders",
        "description": "The headers of every record, as UTF-8 text (CloudEvents 1.0, binary mode).",
        "type": "object",
        "properties": {
            "content-type": {"const": "application/json"},
            "ce_specversion": {"const": "1.0"},
            "ce_id": {
                **text,
                "description": "Unique with its source; the same event always has the same id.",
            },
            "ce_source": {
                **text,
                "description": "Who says so: a service, or the older system that was imported.",
                "examples": ["/motcua/intake"],
            },
            "ce_type": {
                "type": "string",
                "pattern": rf"^{re.escape(NAMESPACE)}\.[A-Za-z]+\.v[1-9][0-9]*$",
                "description": "The event's type with its version.",
            },
            "ce_subject": {**text, "description": "What it is about; equal to the record's key."},
            "ce_time": {
                "type": "string",
                "format": "date-time",
                "description": "When it happened: written in UTC to the millisecond.",
            },
            "ce_causationid": {**text, "description": "The id of the event that this one answers."},
            "ce_history": {
                "const": "true",
                "description": "There if the event tells of a past that was imported.",
            },
            "ce_fingerprint": {
                **text,
                "description": "What an HTTP caller asked, hashed: one key cannot ask two things.",
            },
            "ce_recordedtime": {
                "type": "string",
                "format": "date-time",
                "description": "When it was entered (CloudEvents extension): UTC, to the ms.",
            },
            "ce_mac": {
                **text,
                "description": "Who signed it, the generation of the key, and the keyed BLAKE2b of "
                "key, body and the headers before this one; where a city has set keys.",
                "pattern": r"^[a-z]+\.\d+\.[0-9a-f]{32}$",
            },
            "ce_authtype": {
                **text,
                "description": "The kind of whoever asked (CloudEvents' auth context).",
                "examples": [kind.value for kind in AuthType],
            },
            "ce_authid": {
                **text,
                "description": "Who asked, as far as it was vouched for: an identifier, no name.",
            },
            "ce_authclaims": {
                **text,
                "description": "What else was vouched for, as JSON; never a credential.",
            },
        },
        "required": [
            "content-type",
            "ce_specversion",
            "ce_id",
            "ce_source",
            "ce_type",
            "ce_subject",
            "ce_time",
        ],
    }


def generated_schemas() -> dict[str, Schema]:
    """Return every schema that is generated from a class, by file name."""
    schemas = {file_name(cls.TYPE): schema_of(cls) for cls in registered().values()}
    schemas[HEADERS_FILE] = header_schema()
    return dict(sorted(schemas.items()))


def kept_files() -> frozenset[str]:
    """Return the schema files of versions that nobody writes any more but the log still holds.

    No class generates them: these files are kept by hand, and never change.
    """
    return frozenset(file_name(old) for old in UPCASTERS)


def current_schemas(folder: Path = FOLDER) -> dict[str, Schema]:
    """Return every schema of the working tree: those generated from classes and those kept."""
    kept = {
        file: json.loads((folder / file).read_text(encoding="utf-8"))
        for file in sorted(kept_files())
        if (folder / file).exists()
    }
    return {**generated_schemas(), **kept}
