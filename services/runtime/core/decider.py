"""What a service gives the engine: pure functions over the state of one dossier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import msgspec

from contracts.model import EventData
from contracts.wire.envelope import Event
from services.runtime.core.world import World

S = TypeVar("S", bound=msgspec.Struct)


class Timer(msgspec.Struct, frozen=True):
    """What a state waits for. It fires once its time has passed (not at it)."""

    at: datetime
    kind: StrEnum
    """One of the decider's own kinds."""
    about: tuple[str, ...] = ()
    """Tells one of several timers of the same kind from the others."""
    number: int | None = None
    """Tells a second firing at the same moment from the first."""
    own_time: bool = False
    """Whether only events of its own subject move it, and not the partition's clock."""
    clock_alone: bool = False
    """Whether only the partition's clock moves it. Such a subject gathers what happens to many
    others: hearing of one event does not mean having heard of all earlier ones."""

    @property
    def name(self) -> str:
        """The timer's name. With subject and time it makes an id of its own for each firing.

        The ids are on the log, so the name of a timer never changes.
        """
        name = ":".join((self.kind, *self.about))
        return name if self.number is None else f"{name}#{self.number}"


class Decider(Protocol[S]):
    """One service's decisions. Nothing here reads a clock, a network or a disk.

    States are immutable: each function returns a new one. The same world, state and event always
    give the same answer; everything the engine promises depends on that. The world is the one at
    the event's place in the log.
    """

    name: str
    """The service's name, which also names the consumer group, the database and the source."""
    topic: str
    """The topic that it folds."""
    collection: str
    """The collection that its states are kept in."""
    subject_pattern: str
    """The pattern of a subject. A bad record whose key does not match holds no subject."""
    requests: frozenset[str]
    """The types of request that this service decides."""
    facts: frozenset[str]
    """The types of fact that it folds: its own and those of others."""
    state_type: type[S]

    waking: Mapping[str, Any] | None
    """Finds the subjects whose timers a change of the world may move, by conditions on ``state.…``
    in MongoDB's terms; an index is kept for it. None if there are none."""

    def initial(self, subject: str) -> S:
        """Return the state of a subject about which nothing is known."""
        ...

    def decide(self, world: World, state: S, request: Event) -> Sequence[EventData]:
        """Return what a request comes to: facts, or one refusal."""
        ...

    def evolve(self, world: World, state: S, fact: Event) -> S:
        """Return the state after a fact, by whichever service and whenever it arrives."""
        ...

    def react(self, world: World, state: S, fact: Event) -> Sequence[EventData]:
        """Return what follows from a fact on this service's part; the state has folded it."""
        ...

    def timer(self, world: World, state: S) -> Timer | None:
        """Return what the state waits for next, or None."""
        ...

    def fire(self, world: World, state: S, timer: Timer) -> Sequence[EventData]:
        """Return what a timer's firing comes to. The facts must move the state to another timer."""
        ...

    def woken(self, world: World) -> datetime | None:
        """Return the earliest time at which a timer of the `waking` subjects may be due because of
        the newest set of rules; None if it moves none."""
        ...


class NoRequests:
    """For a decider that takes no requests."""

    requests: frozenset[str] = frozenset()

    def decide(self, world: World, state: object, request: Event) -> Sequence[EventData]:
        raise AssertionError(f"{type(self).__name__} takes no requests")


class NoReactions:
    """For a decider that reacts to nothing."""

    def react(self, world: World, state: object, fact: Event) -> Sequence[EventData]:
        return ()


class NoTimers:
    """For a decider that waits for nothing."""

    waking: Mapping[str, Any] | None = None

    def woken(self, world: World) -> datetime | None:
        return None

    def timer(self, world: World, state: object) -> Timer | None:
        return None

    def fire(self, world: World, state: object, timer: Timer) -> Sequence[EventData]:
        raise AssertionError(f"{type(self).__name__} has no timers")
