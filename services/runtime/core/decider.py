"""What a service gives the engine: pure functions over the state of one dossier."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from contracts.model import EventData
from contracts.wire.envelope import Event

S = TypeVar("S", bound=msgspec.Struct)


class Timer(msgspec.Struct, frozen=True):
    """What a state waits for. It fires once its time has passed (not at it)."""

    at: datetime
    kind: StrEnum
    """One of the decider's own kinds."""
    about: tuple[str, ...] = ()
    """Which of several of its kind."""
    number: int | None = None
    """Tells a second firing of the same moment from the first."""
    own_time: bool = False
    """Whether only the events of its own subject move it, and not the partition's clock."""
    clock_alone: bool = False
    """Whether only the partition's clock moves it: the subject gathers what happens to many, and
    that it heard of one thing does not say that it has heard of all before that."""

    @property
    def name(self) -> str:
        """With the subject and the time it makes the timer's id: each firing needs its own.

        The ids are on the log, so the name of a timer never changes.
        """
        name = ":".join((self.kind, *self.about))
        return name if self.number is None else f"{name}#{self.number}"


class Decider(Protocol[S]):
    """One service's decisions. Nothing here reads a clock, a network or a disk.

    States are immutable: each function returns a new one. The same state and the same event
    give the same answer, always; on that stands everything the engine promises.
    """

    name: str
    """The service's name. It names the consumer group, the database and the source."""
    topic: str
    """The topic that it folds."""
    collection: str
    """The collection that its states are kept in."""
    subject_pattern: str
    """What a subject looks like; a bad record under another key holds nobody up."""
    requests: frozenset[str]
    """The types of request that are this service's to decide."""
    facts: frozenset[str]
    """The types of fact that it folds: others' and its own."""
    state_type: type[S]

    def initial(self, subject: str) -> S:
        """The state of a subject of which nothing is known."""
        ...

    def decide(self, state: S, request: Event) -> Sequence[EventData]:
        """What a request comes to: facts, or one refusal."""
        ...

    def evolve(self, state: S, fact: Event) -> S:
        """The state after a fact, whoever decided it and whenever it arrives."""
        ...

    def react(self, state: S, fact: Event) -> Sequence[EventData]:
        """What follows, on this service's part, from a fact; the state knows it already."""
        ...

    def timer(self, state: S) -> Timer | None:
        """What the state waits for next."""
        ...

    def fire(self, state: S, timer: Timer) -> Sequence[EventData]:
        """What a timer's firing comes to. The facts must move the state to another timer."""
        ...


class NoRequests:
    """For a decider that nobody asks anything."""

    requests: frozenset[str] = frozenset()

    def decide(self, state: object, request: Event) -> Sequence[EventData]:
        raise AssertionError(f"{type(self).__name__} takes no requests")


class NoReactions:
    """For a decider that follows nothing up."""

    def react(self, state: object, fact: Event) -> Sequence[EventData]:
        return ()


class NoTimers:
    """For a decider that waits for nothing."""

    def timer(self, state: object) -> Timer | None:
        return None

    def fire(self, state: object, timer: Timer) -> Sequence[EventData]:
        raise AssertionError(f"{type(self).__name__} has no timers")
