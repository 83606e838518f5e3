"""Holds what is decided now against what was recorded, subject by subject."""

from __future__ import annotations

from collections.abc import Iterator

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
            for at, one in enumerate(early):
                if self._alike(one.event, event):
                    del early[at]
                    return one
        self._decided.setdefault(event.subject, []).append((number, event))
        return None

    def met(self, recorded: Recorded) -> Event | None:
        """Return the waiting fact that was recorded there, or None."""
        waiting = self._decided.get(recorded.event.subject)
        if waiting is None:
            return None
        for at, (_, one) in enumerate(waiting):
            if self._alike(recorded.event, one):
                del waiting[at]
                if not waiting:
                    del self._decided[recorded.event.subject]
                return one
        return None

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

    def _alike(self, recorded: Event, decided: Event) -> bool:
        if self._aliased:
            return _kind(recorded) == _kind(decided)
        return recorded.id == decided.id


def _kind(event: Event) -> tuple[str, str]:
    return event.source, event.type
