"""A trail: per dossier, each of its records, and the hash of its states after it.

It does not depend on how dossiers interleave. As a file it is JSON lines in gzip: a line for each
dossier, in the order of their codes.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime import InMemory, state_hash

_HASH = 16
"""Hex digits that are kept of a hash."""


class Step(NamedTuple):
    """One record of a dossier."""

    n: int
    """From 1: its place among the dossier's records."""
    id: str
    type: str
    hash: str
    """Of the dossier's states after it."""


Trail = dict[str, list[Step]]


class _Line(msgspec.Struct):
    dossier: str
    steps: list[Step]


class TrailError(Exception):
    """A file is no trail. The text names the line and the remedy."""


class Steps:
    """Notes each dossier's steps."""

    def __init__(self) -> None:
        self.found: Trail = {}

    def note(self, event: Event, memory: InMemory) -> None:
        """Note a record, once it has reached all services."""
        hashes = sha256()
        known = False
        for key, states in memory.states.items():
            if memory.deciders[key].topic != DOSSIER_EVENTS:
                continue
            stored = states.get(event.subject)
            known = known or stored is not None
            hashes.update(b"" if stored is None else state_hash(stored.state).encode())
            hashes.update(b"\n")
        if known:
            steps = self.found.setdefault(event.subject, [])
            steps.append(Step(len(steps) + 1, event.id, event.type, hashes.hexdigest()[:_HASH]))


class TrailParting(NamedTuple):
    """The first place at which a dossier's two trails part."""

    dossier: str
    one: Step | None
    """None where the trail has ended, or never knew the dossier."""
    other: Step | None

    @property
    def alike(self) -> str:
        """Return what it has in common with others: in words."""
        one, other = self.one, self.other
        if one is None or other is None:
            there = one or other
            assert there is not None
            return f"{_name(there)} only in {'the second' if one is None else 'the first'}"
        if one.id != other.id:
            return f"{_name(one)} -> {_name(other)}"
        return f"{_name(one)}: other states"


def write_trail(path: Path, trail: Trail) -> None:
    """Write a trail. The same trail gives the same bytes."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as out:
        for dossier in sorted(trail):
            out.write(msgspec.json.encode(_Line(dossier, trail[dossier])) + b"\n")


def read_trail(path: Path) -> Trail:
    """Return the trail in a file. Raise TrailError."""
    found: Trail = {}
    number = 0
    try:
        with gzip.open(path, "rb") as file:
            for text in file:
                number += 1
                line = msgspec.json.decode(text, type=_Line)
                found[line.dossier] = line.steps
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
        raise TrailError(
            f"{path}: line {number + 1}: no trail: {error}. Name a file that `motcua replay "
            "--trail` wrote."
        ) from error
    return found


def trail_partings(one: Trail, other: Trail) -> Iterator[TrailParting]:
    """Yield the first parting of each dossier, in the order of their codes."""
    for dossier in sorted(one.keys() | other.keys()):
        mine, theirs = one.get(dossier, []), other.get(dossier, [])
        for n in range(max(len(mine), len(theirs))):
            here: Step | None = mine[n] if n < len(mine) else None
            there: Step | None = theirs[n] if n < len(theirs) else None
            if here != there:
                yield TrailParting(dossier, here, there)
                break


def grouped_trails(partings: list[TrailParting]) -> list[tuple[str, list[TrailParting]]]:
    """Return those that are alike together, the most frequent first."""
    found: dict[str, list[TrailParting]] = {}
    for one in partings:
        found.setdefault(one.alike, []).append(one)
    return sorted(found.items(), key=lambda item: -len(item[1]))


def _name(step: Step) -> str:
    return step.type.split(".")[-2]
