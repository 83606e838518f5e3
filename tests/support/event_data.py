"""Event data of every type, made from its JSON Schema, with chosen names in every place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from contracts.events.notify import CHANGE_SUBJECT, UNIT_DAY
from contracts.model import EventData, registered
from contracts.personal import Personal, rewritten
from tests.support.rule_sets import enacted, rule_set
from tests.support.times import vietnam

_TOGETHER = {
    "Budget": {"amount": 3, "unit": "working-days", "reading": "eight-hours"},
    "Promise": {"due": "2024-03-11T09:00:00.000Z", "basis": "b", "catalogue": "c"},
}
"""Fields that have to fit together, which no schema says."""
_UNITS = '[[units]]\ncode = "H29.1"\nhead = "cb-1"\nofficers = ["cb-2"]\n'
_FITTING = {
    UNIT_DAY: "H29.15@2024-03-08",
    CHANGE_SUBJECT: "contact-4f0d9a0e-6f1b-5c57-9a55-0d6a3c0a9b11",
    r"^[0-9a-f]{32}$": "0" * 32,
    r"^[0-9a-f]{64}$": "0" * 64,
    r"^[A-Z][A-Za-z]{0,60}Requested$": "StopRequested",
}
"""What fits a pattern that has no example."""


@cache
def full(cls: type[EventData]) -> EventData:
    """Data of that type in which every field has a value."""
    if cls.NAME == "RulesEnacted":
        return enacted(rule_set({"units.toml": _UNITS}, 1, vietnam("2024-01-01 00:00")))
    schema = cls.model_json_schema()
    return cls.model_validate(_value(schema, schema.get("$defs", {})))


def naming(data: EventData, name: Callable[[Personal], str]) -> EventData:
    """The data with those names in every place that names or describes a person; files of rules
    stay."""
    return rewritten(data, lambda kind, text: text if kind is Personal.RULES else name(kind))


def names_in(data: EventData) -> list[tuple[Personal, str]]:
    """The texts of the data that name or describe a person, in order."""
    found: list[tuple[Personal, str]] = []

    def note(kind: Personal, text: str) -> str:
        found.append((kind, text))
        return text

    rewritten(data, note)
    return found


@st.composite
def any_data(draw: st.DrawFn, names: st.SearchStrategy[str]) -> EventData:
    """Data of any type, any of the fields left out that may be, with those names."""
    cls = draw(st.sampled_from(sorted(registered().values(), key=lambda cls: cls.TYPE)))
    told = full(cls).model_dump(exclude_unset=True)
    for field in cls.model_fields:
        if not cls.model_fields[field].is_required() and draw(st.booleans()):
            del told[field]
    return naming(cls.model_validate(told), lambda kind: draw(names))


def _value(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _TOGETHER.get(name) or _value(defs[name], defs)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], defs)
    if "examples" in schema:
        return schema["examples"][0]
    match schema["type"]:
        case "object" if "additionalProperties" in schema:
            return {"reason": _value(schema["additionalProperties"], defs)}
        case "object":
            return {name: _value(one, defs) for name, one in schema.get("properties", {}).items()}
        case "array":
            return [_value(schema["items"], defs)] * 2
        case "string":
            pattern = schema.get("pattern")
            return _FITTING[pattern] if pattern else "a" * schema.get("minLength", 1)
        case "integer":
            return max(1, schema.get("minimum", 1))
        case "number":
            return 0.5
        case "boolean":
            return True
        case other:
            raise AssertionError(f"no value of the type {other}")
