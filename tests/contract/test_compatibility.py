"""What may change within a version, and what needs another one."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.tooling import compatibility
from contracts.tooling.compatibility import breaking_changes, committed_schemas
from contracts.tooling.json_schemas import HEADERS_FILE, current_schemas, generated_schemas
from contracts.tooling.schema_changes import narrowings

Schema = dict[str, Any]
Change = Callable[[Schema], Any]

OLD: Schema = {
    "type": "object",
    "title": "Example",
    "x-kind": "fact",
    "x-owner": "intake",
    "x-topic": "dossier.events",
    "$defs": {
        "Channel": {"type": "string", "enum": ["counter", "online"]},
        "Budget": {
            "type": "object",
            "properties": {"amount": {"type": "integer", "minimum": 1}},
            "required": ["amount"],
        },
    },
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 64},
        "unit": {"type": "string", "pattern": "^H"},
        "channel": {"$ref": "#/$defs/Channel"},
        "budget": {"$ref": "#/$defs/Budget"},
        "ratio": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
        "documents": {
            "type": "array",
            "items": {"type": "string", "maxLength": 200},
            "default": [],
        },
        "until": {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
            "default": None,
        },
        "locale": {"enum": ["vi", "en"], "default": "vi"},
        "alert": {"const": "soon"},
        "details": {"type": "object", "additionalProperties": {"type": "string"}},
        "anything": {},
    },
    "required": ["name", "unit", "channel"],
}


def field(name: str, **keywords: Any) -> Change:
    return lambda schema: schema["properties"][name].update(keywords)


def without(name: str, keyword: str) -> Change:
    return lambda schema: schema["properties"][name].pop(keyword)


def instead(name: str, node: Schema) -> Change:
    return lambda schema: schema["properties"].update({name: node})


def definition(name: str, **keywords: Any) -> Change:
    return lambda schema: schema["$defs"][name].update(keywords)


def needs(*names: str) -> Change:
    return lambda schema: schema.update(required=list(names))


def changed(change: Change) -> Schema:
    schema = copy.deepcopy(OLD)
    change(schema)
    return schema


BREAKING: dict[str, tuple[Change, str]] = {
    "a field is removed": (lambda s: s["properties"].pop("count"), "body.count: removed"),
    "a field that was optional is required": (
        needs("name", "unit", "channel", "count"),
        "body.count: is now required",
    ),
    "a new field is required": (
        lambda s: (s["properties"].update(by={}), s["required"].append("by")),
        "body.by: is new and required",
    ),
    "a type is another one": (
        field("name", type="integer"),
        "body.name: type string is no longer allowed",
    ),
    "a number must be whole": (
        field("ratio", type="integer"),
        "body.ratio: type number is no longer allowed",
    ),
    "what was anything has a type": (
        instead("anything", {"type": "string"}),
        "body.anything: type anything is no longer allowed",
    ),
    "null is no longer allowed": (
        instead("until", {"type": "string", "format": "date-time", "default": None}),
        "body.until: type null is no longer allowed",
    ),
    "one of the alternatives is narrower": (
        lambda s: s["properties"]["until"]["anyOf"][0].update(maxLength=24),
        "body.until: maxLength is now 24",
    ),
    "a value of an enumeration is gone": (
        definition("Channel", enum=["counter"]),
        "body.channel: the values ['online'] are no longer allowed",
    ),
    "a constant is another one": (
        field("alert", const="late"),
        "body.alert: the values ['soon'] are no longer allowed",
    ),
    "free text becomes an enumeration": (
        field("name", enum=["a"]),
        "body.name: limited to ['a']",
    ),
    "a pattern is another one": (field("unit", pattern="^H29"), "body.unit: pattern is now '^H29'"),
    "a pattern is new": (field("name", pattern="^A"), "body.name: pattern is now '^A'"),
    "a format is new": (field("name", format="uri"), "body.name: format is now 'uri'"),
    "a text must be longer": (field("name", minLength=2), "body.name: minLength is now 2"),
    "a text must be shorter": (field("name", maxLength=63), "body.name: maxLength is now 63"),
    "a number must be higher": (field("count", minimum=1), "body.count: the lower bound is now 1"),
    "a bound is itself excluded": (
        field("count", exclusiveMinimum=0),
        "body.count: the lower bound is now 0",
    ),
    "a number must be lower": (field("count", maximum=8), "body.count: the upper bound is now 8"),
    "an upper bound is itself excluded": (
        field("ratio", exclusiveMaximum=1),
        "body.ratio: the upper bound is now 1",
    ),
    "a list must have something in it": (
        field("documents", minItems=1),
        "body.documents: minItems is now 1",
    ),
    "a list must not repeat itself": (
        field("documents", uniqueItems=True),
        "body.documents: uniqueItems is now True",
    ),
    "the items of a list are narrower": (
        lambda s: s["properties"]["documents"]["items"].update(maxLength=100),
        "body.documents[]: maxLength is now 100",
    ),
    "the values of a map are narrower": (
        lambda s: s["properties"]["details"]["additionalProperties"].update(maxLength=9),
        "body.details.*: maxLength is now 9",
    ),
    "fields that are not named are forbidden": (
        lambda s: s.update(additionalProperties=False),
        "body.*: no longer allowed",
    ),
    "a shared definition is narrower": (
        lambda s: s["$defs"]["Budget"]["properties"]["amount"].update(minimum=2),
        "body.budget.amount: the lower bound is now 2",
    ),
    "an absent field means something else": (
        field("locale", default="en"),
        "body.locale: what its absence means changed",
    ),
    "a fact becomes a request": (
        lambda s: s.update({"x-kind": "request"}),
        "body: x-kind is now 'request', was 'fact'",
    ),
    "it moves to another topic": (
        lambda s: s.update({"x-topic": "notification.events"}),
        "body: x-topic is now 'notification.events', was 'dossier.events'",
    ),
    "another service owns it": (
        lambda s: s.update({"x-owner": "routing"}),
        "body: x-owner is now 'routing', was 'intake'",
    ),
    "a keyword that no rule knows": (
        field("name", contentEncoding="base64"),
        "body.name: contentEncoding changed, which no rule here can judge",
    ),
}

ALLOWED: dict[str, Change] = {
    "nothing at all": lambda s: None,
    "a new optional field": lambda s: s["properties"].update(note={"type": "string"}),
    "a required field becomes optional": needs("name"),
    "a field may be null as well": instead(
        "count", {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "null"}]}
    ),
    "another alternative": lambda s: s["properties"]["until"]["anyOf"].append({"type": "integer"}),
    "a whole number may be any number": field("count", type="number"),
    "a type is no longer told": without("name", "type"),
    "another value of an enumeration": definition("Channel", enum=["postal", "online", "counter"]),
    "a constant becomes an enumeration": instead("alert", {"enum": ["soon", "late"]}),
    "an enumeration becomes free": instead("locale", {"type": "string", "default": "vi"}),
    "a pattern is dropped": without("unit", "pattern"),
    "a text may be shorter": field("name", minLength=0),
    "a text may be longer": field("name", maxLength=65),
    "a number may be lower": field("count", minimum=-1),
    "a number may be higher": without("count", "maximum"),
    "an excluded bound is included": instead("ratio", {"type": "number", "minimum": 0}),
    "the items of a list are wider": lambda s: s["properties"]["documents"].pop("items"),
    "the values of a map are wider": without("details", "additionalProperties"),
    "a definition is written out in place": instead(
        "channel", {"type": "string", "enum": ["counter", "online"]}
    ),
    "words": lambda s: s.update(title="Other", description="Other", examples=[1]),
}


@pytest.mark.parametrize("what", BREAKING)
def test_it_breaks_what_was_written_when(what: str) -> None:
    change, told = BREAKING[what]
    assert narrowings(OLD, changed(change)) == [told]


@pytest.mark.parametrize("what", ALLOWED)
def test_it_breaks_nothing_when_the_change_is(what: str) -> None:
    assert narrowings(OLD, changed(ALLOWED[what])) == []


def test_a_type_within_itself_is_compared_to_its_end() -> None:
    def tree(longest: int) -> Schema:
        node = {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": longest},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
        }
        return {"$defs": {"Node": node}, "$ref": "#/$defs/Node"}

    assert narrowings(tree(9), tree(9)) == []
    assert narrowings(tree(9), tree(8)) == ["body.name: maxLength is now 8"]


def test_a_breaking_change_is_told_with_its_remedy() -> None:
    new = changed(lambda s: s["properties"].pop("count"))
    assert breaking_changes({"Example.v3.json": OLD}, {"Example.v3.json": new}) == [
        "Example.v3: body.count: removed: make it version 4 with an upcaster"
    ]


def test_a_new_type_breaks_nothing() -> None:
    assert breaking_changes({}, {"Example.v1.json": OLD}) == []


def test_a_new_version_beside_the_old_one_breaks_nothing() -> None:
    new = changed(lambda s: s["properties"].pop("count"))
    assert (
        breaking_changes({"Example.v1.json": OLD}, {"Example.v1.json": OLD, "Example.v2.json": new})
        == []
    )


@pytest.mark.parametrize("left", [{}, {"Example.v2.json": OLD}], ids=["type", "older version"])
def test_a_type_or_an_older_version_that_is_gone_is_told(left: dict[str, Schema]) -> None:
    [told] = breaking_changes({"Example.v1.json": OLD}, left)
    assert told.startswith("Example.v1: its schema is gone, but the log still holds it")


def test_the_headers_have_no_next_version() -> None:
    new = changed(lambda s: s["properties"].pop("count"))
    [told] = breaking_changes({HEADERS_FILE: OLD}, {HEADERS_FILE: new})
    assert "take the change back" in told


def test_the_working_tree_is_compatible_with_itself() -> None:
    assert breaking_changes(current_schemas(), current_schemas()) == []


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository whose only commit has the schema of one type that is gone today."""
    folder = tmp_path / "contracts/schemas"
    folder.mkdir(parents=True)
    (folder / "Example.v1.json").write_text('{"title": "Example"}')
    (folder / "README.md").write_text("not a schema")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "One")):
        subprocess.run(("git", *arguments), cwd=tmp_path, check=True)
    return tmp_path


def test_the_schemas_of_a_revision_are_read_from_git(repository: Path) -> None:
    assert committed_schemas("HEAD", repository) == {"Example.v1.json": {"title": "Example"}}


def test_a_revision_that_git_does_not_know_is_an_error(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        compatibility, "committed_schemas", lambda revision: committed_schemas(revision, repository)
    )
    assert compatibility.main(["--against", "no-such-revision"]) == 2
    assert "no-such-revision" in capsys.readouterr().err


def test_the_command_fails_when_a_committed_schema_is_broken(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        compatibility, "committed_schemas", lambda revision: committed_schemas(revision, repository)
    )
    assert compatibility.main([]) == 1
    assert "Example.v1: its schema is gone" in capsys.readouterr().err


def test_the_command_succeeds_when_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "committed_schemas", lambda revision: generated_schemas())
    assert compatibility.main(["--against", "HEAD~1"]) == 0
