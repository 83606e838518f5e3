"""Holds what is decided now against what was recorded, subject by subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.wire.envelope import Event
from contracts.wire.topics import SERVICES
from motcua.replay.lines import Recorded
from motcua.replay.parting import Parting, added, parted

_OWN = frozenset(f"/motcua/{name}" for name in SERVICES)


def is_decided(event: Event) -> bool:
    """Return whether a service decided it; all else was asked, or came from outside.

    What an import tells and what a sender or a gateway reports have sources of their own.
    """
    return event.source in _OWN


class Expected:
    """What was decided and has not been met on the recording yet, and the other way round."""

    __slots__ = ("_aliased", "_decided", "_recorded")

    def __init__(self, *, aliased: bool = False) -> None:
        """`aliased`: ids that follow from names of persons are other ones than were recorded."""
        self._aliased = aliased
        self._decided: dict[str, list[tuple[int, Event]]] = {}
        self._recorded: dict[str, list[Recorded]] = {}

    def decided(self, number: int, event: Event) -> Recorded | None:
        """Return what was recorded of the fact before it was decided, or None: then it waits."""
        early = self._recorded.get(event.subject)
        if early is not None:
            at = self._found(event, [one.event for one in early])
            if at is not None:
                return early.pop(at)
        self._decided.setdefault(event.subject, []).append((number, event))
        return None

    def met(self, recorded: Recorded) -> Event | None:
        """Return the waiting fact that was recorded there, or None."""
        waiting = self._decided.get(recorded.event.subject)
        if waiting is None:
            return None
        at = self._found(recorded.event, [one for _, one in waiting])
        if at is None:
            return None
        _, found = waiting.pop(at)
        if not waiting:
            del self._decided[recorded.event.subject]
        return found

    def early(self, recorded: Recorded) -> None:
        """Keep what was recorded and is not decided yet."""
        self._recorded.setdefault(recorded.event.subject, []).append(recorded)

    def partings(self) -> Iterator[Parting]:
        """Yield what is left over: of one kind, what was decided instead of what was recorded."""
        for subject, missing in self._recorded.items():
            waiting = self._decided.get(subject, [])
            for recorded in missing:
                instead = next((w for w in waiting if _kind(w[1]) == _kind(recorded.event)), None)
                if instead is not None:
                    waiting.remove(instead)
                yield parted(recorded, None if instead is None else instead[1])
        yield from (added(n, event) for left in self._decided.values() for n, event in left)

    def _found(self, event: Event, among: Sequence[Event]) -> int | None:
        """Return which of them is the event's other side: the one with its id.

        Under aliases a message's id is another one, and an id may be another officer's, as officers
        are told in the order of their names. There what is told to whom counts first.
        """
        same_id = [at for at, one in enumerate(among) if one.id == event.id]
        if not self._aliased:
            return same_id[0] if same_id else None
        told = _told(event)
        alike = [at for at, one in enumerate(among) if _told(one) == told]
        return next((at for at in same_id if at in alike), alike[0] if alike else None)


def _told(event: Event) -> tuple[object, ...]:
    data = event.data
    about = (getattr(data, name, None) for name in ("template", "channel", "recipient", "alert_id"))
    return (event.source, event.type, event.time, *about)


def _kind(event: Event) -> tuple[str, str]:
    return event.source, event.type
