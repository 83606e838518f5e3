"""Cut a plan into slices, each of which the services can settle before the next is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.wire.envelope import Event


@dataclass(frozen=True)
class Slice:
    """Requests that are told together."""

    events: list[Event]
    until: datetime
    """The instant up to which everything is told after these."""


def slices(
    requests: Sequence[Event], most: int = 5_000, *, ends: datetime | None = None
) -> Iterator[Slice]:
    """Yield slices of at most `most` requests, none with two different ones about one dossier.

    So the outcome of a request is known before the next one about the same dossier is told, however
    the services' records interleave. A duplicate stays where it stands: it changes nothing. The
    last slice's `until` is `ends` or, without it, the time of the latest request. Raise ValueError
    if `most` is below 1.
    """
    if most < 1:
        raise ValueError(f"slices of {most} requests: at least one must fit")
    if not requests:
        return
    last = ends or max(event.time for event in requests)
    new = _is_new(requests)
    # A duplicate is older than what stands around it: it tells nothing new.
    untold = _next_new_times(requests, new, last)
    begin = 0
    dossiers: set[str] = set()
    for place, event in enumerate(requests):
        again = new[place] and event.subject in dossiers
        if again or place - begin == most:
            yield Slice(list(requests[begin:place]), untold[place])
            begin = place
            dossiers.clear()
        if new[place]:
            dossiers.add(event.subject)
    yield Slice(list(requests[begin:]), last)


def _is_new(requests: Sequence[Event]) -> list[bool]:
    """Return, for each request, whether it is the first with its id."""
    known: set[str] = set()
    new = []
    for event in requests:
        new.append(event.id not in known)
        known.add(event.id)
    return new


def _next_new_times(
    requests: Sequence[Event], new: Sequence[bool], last: datetime
) -> list[datetime]:
    """Return, for each place, the time of the first request from there on that is no duplicate."""
    times = [last] * len(requests)
    for place in reversed(range(len(requests))):
        if new[place]:
            last = requests[place].time
        times[place] = last
    return times
