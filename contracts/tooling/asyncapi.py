"""The AsyncAPI 3.0 document: the topics, what is on them, and who writes it."""

from __future__ import annotations

from typing import Any

import contracts.events  # noqa: F401  (registers every event class)
from contracts.events.authority import AUTHORITY_SUBJECT, AuthorityFact
from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.events.rules import RULES_SUBJECT, RulesEnacted
from contracts.model import NAMESPACE, EventData, registered
from contracts.tooling.json_schemas import HEADERS_FILE, file_name
from contracts.version import VERSION
from contracts.wire.topics import CITY_AUDIT, SERVICES, TOPICS, Topic, dead_letters
from contracts.wire.upcasters import UPCASTERS, newest_type

Node = dict[str, Any]

_BINDING = "0.5.0"
_LISTS = frozenset({"cleanup.policy"})  # settings that are lists in AsyncAPI's Kafka binding
_WORDS = frozenset({"message.timestamp.type"})
_DEAD_LETTER = "DeadLetter"
_AUDIT_LINK = "AuditLink"


def document() -> Node:
    """Return the whole document. The same classes and topics always give the same document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "motcua",
            "version": VERSION,
            "description": (
                "What the services of a one-stop office tell each other about its dossiers. "
                "Events are CloudEvents 1.0 in Kafka's binary mode. A request says what someone "
                "asks, and only its owner acts on it; a fact says what its owner decided."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {"messages": _messages()},
    }


def _setting(name: str, value: str) -> int | str | list[str]:
    if name in _LISTS:
        return value.split(",")
    return value if name in _WORDS else int(value)


def _channel(topic: Topic) -> Node:
    binding: Node = {"topic": topic.name}
    if not topic.partitioned:  # otherwise the number is a setting of the city
        binding["partitions"] = 1
    binding["topicConfiguration"] = {
        name: _setting(name, value) for name, value in topic.config.items()
    }
    binding["bindingVersion"] = _BINDING
    return {
        "address": topic.name,
        "description": f"{topic.what} Keyed by {topic.key}.",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _names_on(topic.name)
        },
        "bindings": {"kafka": binding},
    }


_BROADCAST = frozenset(topic.name for topic in TOPICS if topic.broadcast)


def _types() -> dict[str, type[EventData]]:
    """Return every type that the log may hold, old versions included, with its reading class."""
    classes = registered()
    old = {name: classes[newest_type(name)] for name in UPCASTERS}
    return dict(sorted((classes | old).items()))


def _name(type_name: str) -> str:
    return type_name.removeprefix(f"{NAMESPACE}.")


def _names_on(topic: str, owner: str | None = None) -> list[str]:
    """Return the messages on a topic; with an owner, only those that it writes today."""
    if topic in map(dead_letters, SERVICES):
        return [_DEAD_LETTER]
    if topic == CITY_AUDIT:
        return [_AUDIT_LINK]
    return [
        _name(type_name)
        for type_name, cls in _types().items()
        if (topic == cls.TOPIC or (cls is RulesEnacted and topic in _BROADCAST))
        and (owner is None or (owner == cls.OWNER and type_name not in UPCASTERS))
    ]


def _messages() -> Node:
    keys = {topic.name: topic.key for topic in TOPICS}
    messages = {
        _name(type_name): _message(type_name, cls, keys[cls.TOPIC])
        for type_name, cls in _types().items()
    }
    messages[_DEAD_LETTER] = {
        "name": _DEAD_LETTER,
        "title": "Dead letter",
        "summary": "A record that could not be handled: as it came, with its fault beside it.",
        "payload": {"description": "Whatever the record had; it may not even be JSON."},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": _BINDING}},
    }
    messages[_AUDIT_LINK] = {
        "name": _AUDIT_LINK,
        "title": "Link of the audit",
        "summary": "Who read or changed what, or a security event, after the link before it.",
        "payload": {
            "type": "object",
            "required": ["v", "chain", "number", "time", "service", "kind", "previous", "hash"],
            "description": "A line of JSON. `hash` comes last, and is made of the bytes before it.",
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The chain: a process's UUID."},
                "bindingVersion": _BINDING,
            }
        },
    }
    return messages


def _message(type_name: str, cls: type[EventData], keyed_by: str) -> Node:
    key: Node = {"type": "string", "description": f"The {keyed_by}; equal to ce_subject."}
    if cls is ClockTicked:
        key = {"const": CLOCK_SUBJECT}
    if cls is RulesEnacted:
        key = {"const": RULES_SUBJECT}
    if issubclass(cls, AuthorityFact):
        key = {"const": AUTHORITY_SUBJECT}
    summary = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
    if type_name in UPCASTERS:
        summary = f"An older version, read as {_name(cls.TYPE)} and written no more. {summary}"
    return {
        "name": type_name,
        "title": cls.NAME,
        "summary": summary,
        "tags": [{"name": cls.KIND.value}, {"name": cls.OWNER}],
        "headers": {
            "allOf": [
                {"$ref": f"./schemas/{HEADERS_FILE}"},
                {"type": "object", "properties": {"ce_type": {"const": type_name}}},
            ]
        },
        "payload": {"$ref": f"./schemas/{file_name(type_name)}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }


def _operations() -> Node:
    operations: Node = {}
    for owner in sorted({cls.OWNER for cls in registered().values()}):
        for topic in TOPICS:
            names = _names_on(topic.name, owner) if _has_events(topic.name) else []
            if names:
                operations[f"{owner}.sends.{topic.name}"] = _operation(
                    "send", topic.name, names, f"What {owner} writes: its facts, its requests."
                )
    for service in SERVICES:
        topic_name = dead_letters(service)
        operations[f"{service}.sends.{topic_name}"] = _operation(
            "send", topic_name, [_DEAD_LETTER], f"{service} sets aside what it cannot handle."
        )
        operations[f"{service}.receives.{topic_name}"] = _operation(
            "receive", topic_name, [_DEAD_LETTER], f"{service} is given its dead letters again."
        )
        operations[f"{service}.sends.{CITY_AUDIT}"] = _operation(
            "send", CITY_AUDIT, [_AUDIT_LINK], f"{service} tells who asked it for what."
        )
        for topic in TOPICS:
            if _has_events(topic.name):
                operations[f"{service}.receives.{topic.name}"] = _operation(
                    "receive",
                    topic.name,
                    _names_on(topic.name),
                    "May use any of these; skips the others by the type in the header.",
                )
    return operations


def _has_events(topic: str) -> bool:
    return topic != CITY_AUDIT and topic not in map(dead_letters, SERVICES)


def _operation(action: str, topic: str, names: list[str], summary: str) -> Node:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in names],
    }
