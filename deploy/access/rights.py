"""What each user may do: read from `rights.toml`, which `python -m motcua.access` writes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

RIGHTS = Path(__file__).with_name("rights.toml")


class Resource(StrEnum):
    """What a user may do something with, in the words of Kafka's `kafka-acls.sh`."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTION = "transactional-id"


class Operation(StrEnum):
    """What a user may do, in Kafka's words."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"


@dataclass(frozen=True, order=True)
class Allowed:
    """One thing that a user may do."""

    resource: Resource
    name: str
    operation: Operation


@dataclass(frozen=True)
class Rights:
    """What one user may do."""

    user: str
    reads: tuple[str, ...] = ()
    """Topics."""
    writes: tuple[str, ...] = ()
    """Topics."""
    creates: tuple[str, ...] = ()
    """Topics."""
    looks: tuple[str, ...] = ()
    """Topics whose partitions, ends and settings it may ask for."""
    groups: tuple[str, ...] = ()
    """Consumer groups that it is a member of."""
    watches: tuple[str, ...] = ()
    """Consumer groups of which it may ask how far they are."""
    transactions: tuple[str, ...] = ()
    """The ids of the transactions that it may write in."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """Its role in each database, in MongoDB's words."""

    def allowed(self) -> list[Allowed]:
        """Return the same, as Kafka is told it."""
        return sorted(set(self._allowed()))

    def _allowed(self) -> Iterator[Allowed]:
        topic, group, transaction = Resource.TOPIC, Resource.GROUP, Resource.TRANSACTION
        for names, resource, operations in (
            (self.reads, topic, (Operation.READ,)),
            (self.writes, topic, (Operation.WRITE,)),
            (self.creates, topic, (Operation.CREATE,)),
            (self.looks, topic, (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)),
            (self.groups, group, (Operation.READ,)),
            (self.watches, group, (Operation.DESCRIBE,)),
            (self.transactions, transaction, (Operation.WRITE, Operation.DESCRIBE)),
        ):
            for name in names:
                yield from (Allowed(resource, name, operation) for operation in operations)


def load_rights(path: Path = RIGHTS) -> tuple[Rights, ...]:
    """Return every user's rights."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(msgspec.convert({"user": user, **told}, Rights) for user, told in found.items())
