"""Where a replay parts from what was recorded: the first place of each dossier."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from contracts.wire.envelope import Event
from motcua.replay.lines import Recorded

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PartingKind(StrEnum):
    """What is not the same."""

    CHANGED = "changed"
    """The same was decided with another content."""
    MISSING = "missing"
    """It was recorded, and is not decided now."""
    ADDED = "added"
    """It is decided now, and was not recorded."""
    RAISED = "raised"
    """A decision raises now."""


class Difference(NamedTuple):
    """A field that differs; a value that is not there is None."""

    field: str
    recorded: Any
    decided: Any

    @property
    def is_id(self) -> bool:
        """Whether it is the id of an event or of a message that is another one now."""
        return all(_ID.fullmatch(str(one)) for one in (self.recorded, self.decided))

    @property
    def told(self) -> str:
        """In words. Dates say by how much they moved, so that those who part alike are alike."""
        was, now = _instant(self.recorded), _instant(self.decided)
        if was is not None and now is not None:
            return f"{self.field} {_moved(now - was)}"
        return f"{self.field} {self.recorded} -> {self.decided}"


class Parting(msgspec.Struct, frozen=True):
    """The first place at which a dossier parts."""

    subject: str
    """The dossier, or a unit's morning."""
    number: int
    """The place in the recording: of what was recorded, or of what it was decided on."""
    kind: PartingKind
    name: str
    """The name of the fact."""
    time: datetime
    """When it happened."""
    recorded: dict[str, Any] | None
    decided: dict[str, Any] | None
    error: str = ""

    @property
    def differences(self) -> list[Difference]:
        """Return the fields of the fact that differ; ids alone if nothing else does.

        An id is made of the rest: it differs from dossier to dossier, though they part alike.
        """
        found = differences(self.recorded or {}, self.decided or {}) if self._both else []
        return [each for each in found if not each.is_id] or found

    @property
    def alike(self) -> str:
        """Return what it has in common with others: in words."""
        match self.kind:
            case PartingKind.CHANGED:
                return f"{self.name}: {', '.join(each.told for each in self.differences)}"
            case PartingKind.MISSING:
                return f"{self.name} was recorded, and is not decided"
            case PartingKind.ADDED:
                return f"{self.name} is decided, and was not recorded"
            case PartingKind.RAISED:
                return f"{self.name}: {self.error}"

    @property
    def _both(self) -> bool:
        return self.recorded is not None and self.decided is not None


def content(event: Event) -> dict[str, Any]:
    """Return all that an event says, flat: its data, and when it happened."""
    found = {"time": event.time.isoformat(), "id": event.id}
    _flatten(event.data.model_dump(mode="json", exclude_none=True), "", found)
    return found


def same(one: Event, other: Event) -> bool:
    """Return whether two events say the same."""
    return (
        one.id == other.id
        and one.time == other.time
        and one.data == other.data
        and one.history == other.history
    )


def parted(recorded: Recorded, decided: Event | None) -> Parting:
    """Return the parting of a recorded fact that is decided otherwise, or not at all."""
    event = recorded.event
    return Parting(
        event.subject,
        recorded.number,
        PartingKind.MISSING if decided is None else PartingKind.CHANGED,
        event.data.NAME,
        event.time,
        content(event),
        None if decided is None else content(decided),
    )


def added(number: int, event: Event) -> Parting:
    """Return the parting of a fact that was decided at that place, and not recorded."""
    name = event.data.NAME
    return Parting(event.subject, number, PartingKind.ADDED, name, event.time, None, content(event))


def raised(recorded: Recorded, error: Exception) -> Parting:
    """Return the parting of a record on which a decision raised."""
    event = recorded.event
    kind, said = PartingKind.RAISED, f"{type(error).__name__}: {error}"
    name = event.data.NAME
    return Parting(event.subject, recorded.number, kind, name, event.time, None, None, said)


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two flat contents, in order of the fields."""
    return [
        Difference(name, was.get(name), now.get(name))
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    ]


def grouped(partings: Sequence[Parting]) -> list[tuple[str, list[Parting]]]:
    """Return the partings that are alike together, the most frequent first; each in its order."""
    found: dict[str, list[Parting]] = {}
    for one in sorted(partings, key=lambda p: (p.number, p.subject)):
        found.setdefault(one.alike, []).append(one)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[1][0].number))


def flat(state: msgspec.Struct) -> dict[str, Any]:
    """Return a state as a flat content."""
    found: dict[str, Any] = {}
    _flatten(msgspec.to_builtins(state, builtin_types=(datetime,)), "", found)
    return found


def _flatten(value: Any, path: str, found: dict[str, Any]) -> None:
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            _flatten(each, f"{path}.{name}" if path else str(name), found)
    elif isinstance(value, list | tuple) and value:
        for index, each in enumerate(value):
            _flatten(each, f"{path}[{index}]", found)
    elif value not in ({}, [], (), None):
        found[path] = value


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) < len("2024-01-01T00:00Z"):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _moved(by: timedelta) -> str:
    sign, rest = ("+", by) if by >= timedelta(0) else ("-", -by)
    days, seconds = rest.days, rest.seconds
    parts = [f"{days} d"] if days else []
    if seconds or not days:
        hours, left = divmod(seconds, 3600)
        parts.append(f"{hours}:{left // 60:02}:{left % 60:02}")
    return sign + " ".join(parts)
