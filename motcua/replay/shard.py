"""Replays some of a recording's dossiers: those of one process, or the units' mornings."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Self
from zlib import crc32

from contracts.events.clock import ClockTicked
from contracts.events.notify import MessageChannel, MessagePlanned
from contracts.rules import RuleSet
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from motcua.deciders import all_deciders, city_deciders
from motcua.replay.coverage import Coverage, Watched
from motcua.replay.expected import is_decided
from motcua.replay.lines import Glance, Recorded, line_of, recorded_of, whole, written
from motcua.replay.order import Order
from motcua.replay.ordered import Ordered
from motcua.replay.outcome import DossierOutcome, outcome_of
from motcua.replay.parting import Parting
from motcua.replay.player import Player
from motcua.replay.recording import Recording
from motcua.replay.trail import Steps, Trail
from services.notify.deciders import DeliveryDecider, DeskDecider
from services.notify.dossier.policy import Policy
from services.runtime import ClockKind, Decider, Stored, World, key_of, state_hash


@dataclass(frozen=True, kw_only=True)
class How:
    """How a recording is replayed."""

    until: datetime | None = None
    """Only what was entered before then."""
    rules: RuleSet | None = None
    """In force from the beginning, in place of the recorded ones."""
    guided: bool = True
    """Whether facts come where they were recorded, and are compared with what was recorded."""
    trail: bool = False
    """Whether each dossier's states are hashed after each of its records."""
    keep: bool = False
    """Whether all records are kept, those decided now among them."""
    order: Order | None = None
    """Services come to the records in this one, instead of the recorded one: not guided."""


class OnDesk(NamedTuple):
    """What was put on a unit's desk. By this order desks hear of it."""

    number: int
    """Of the record that it came from."""
    known_since: datetime
    cause: str
    line: bytes
    """The event, as a recording has it: as objects, a month's take four times the memory."""

    @classmethod
    def of(cls, number: int, event: Event) -> Self:
        """Return what was put there at that record's place."""
        line = written(line_of(Recorded(number, event.data.TOPIC, 0, event)))
        return cls(number, event.known_since, event.cause or "", line)

    @property
    def event(self) -> Event:
        """The event itself."""
        return recorded_of(whole(self.line), self.number, {}).event


@dataclass
class Part:
    """What some of the dossiers came to, or the mornings."""

    hashes: dict[tuple[str, str], str] = field(default_factory=dict)
    """The hash of each state, by service or collection, and subject."""
    outcomes: list[DossierOutcome] = field(default_factory=list)
    partings: list[Parting] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    trail: Trail = field(default_factory=dict)
    log: list[Recorded] = field(default_factory=list)
    alerts: list[OnDesk] = field(default_factory=list)
    """What was put on units' desks, if they are replayed by themselves."""
    played: int = 0


Known = tuple[list[Stored[Any]], World]
"""A service's states, and the world by which it decides."""


def is_morning(subject: str) -> bool:
    """Return whether a subject is a unit's morning, and no dossier."""
    return "@" in subject


def whole_city(recording: Recording, how: How) -> Part:
    """Replay everything in this process."""
    if how.order is not None:
        return _in_order(recording, how, how.order)
    run = _Run(recording, how, _deciders(recording))
    for record in _until(recording.events(run.selected), how, recording):
        run.player.play(record)
    return run.ended()


def _in_order(recording: Recording, how: How, order: Order) -> Part:
    gathered = _Gathered(how)
    coverage = gathered.part.coverage
    watched = [Watched(each, coverage) for each in _deciders(recording)]
    told: set[str] = set()

    def heard(event: Event) -> None:
        if event.id in told:
            return
        told.add(event.id)
        gathered.part.played += 1
        coverage.played(event)
        if is_decided(event):
            coverage.decided(event)
        gathered.note(Recorded(0, event.data.TOPIC, 0, event))

    city = Ordered(watched, recording.header, order, heard)
    mine = recording.events(lambda subject: recording.whole or not is_morning(subject))
    city.play(_until(mine, how, recording))
    gathered.end(city.states())
    return gathered.part


def _deciders(recording: Recording) -> list[Decider[Any]]:
    policy = recording.header.policy
    chosen = all_deciders(policy) if recording.whole else city_deciders(policy)
    return [*chosen, *deliveries(policy)]


def dossier_states(recording: Recording, how: How, code: str) -> dict[str, Any]:
    """Return one dossier's states by service; it is replayed alone."""
    return _alone(recording, how, code, None)


def states_at(recording: Recording, how: How, code: str, number: int) -> dict[str, Any]:
    """Return the same as they are after the record at that place."""
    return _alone(recording, how, code, number)


def _alone(recording: Recording, how: How, code: str, last: int | None) -> dict[str, Any]:
    alone = recording.only(code)
    run = _Run(alone, how, city_deciders(recording.header.policy))
    for record in _until(alone.events(run.selected), how, alone):
        if last is None or record.number <= last:
            run.player.play(record)
    if last is None:
        run.player.end(how.until)
    known = run.player.memory.states.items()
    return {key: states[code].state for key, states in known if code in states}


def some_dossiers(recording: Recording, how: How, number: int, of: int) -> Part:
    """Replay one of `of` parts of the dossiers; units' mornings are left to `mornings`."""
    run = _some(recording, how, number, of)
    part = run.ended()
    part.alerts = [OnDesk.of(*alert) for alert in run.player.elsewhere]
    return part


def stored_by(service: str, recording: Recording, how: How, number: int, of: int) -> Known:
    """Replay the same; return the service's states of them, and what was broadcast by then."""
    run = _some(recording, how, number, of)
    run.ended()
    memory = run.player.memory
    return list(memory.states[service].values()), memory.world((DOSSIER_EVENTS, 0))


def _some(recording: Recording, how: How, number: int, of: int) -> _Run:
    policy = recording.header.policy
    run = _Run(recording, how, [*city_deciders(policy), *deliveries(policy)])
    records = recording.events(partial(_is_in, number, of), run.player.pass_by)
    for record in _until(records, how, recording):
        run.player.play(record)
    return run


def mornings(recording: Recording, how: How, alerts: Sequence[OnDesk]) -> Part:
    """Replay the units' mornings, which gather what was put on the desks at these places."""
    policy = recording.header.policy
    run = _Run(recording, how, [DeskDecider(policy), *deliveries(policy)])
    player = run.player
    ahead = deque(sorted(alerts))

    def hear(number: int, time: datetime) -> None:
        while ahead and ahead[0][:2] < (number, time):
            alert = ahead.popleft()
            player.hear(alert.number, alert.event)

    def passed(seen: Glance) -> None:
        hear(int(seen.sequence), seen.known_since)
        player.pass_by(seen)

    for record in _until(recording.events(is_morning, passed), how, recording):
        hear(record.number, record.event.known_since)
        player.play(record)
    for alert in ahead:
        player.hear(alert.number, alert.event)
    return run.ended()


class _Gathered:
    """What a replay comes to, as it is gathered."""

    def __init__(self, how: How) -> None:
        self.part = Part()
        self._keep = how.keep
        self._taken_back: set[str] = set()

    def note(self, record: Recorded) -> None:
        """Note a record that was played, or decided."""
        data = record.event.data
        if isinstance(data, MessagePlanned) and data.takes_back is not None:
            self._taken_back.add(data.takes_back)
        if self._keep:
            self.part.log.append(record)

    def end(self, states: Iterable[tuple[Decider[Any], str, Any]]) -> None:
        """Take the states at the end, with their deciders and subjects."""
        by_dossier: dict[str, dict[str, Any]] = {}
        for decider, subject, state in states:
            key = key_of(decider, DOSSIER_EVENTS)
            self.part.hashes[key, subject] = state_hash(state)
            if decider.topic == DOSSIER_EVENTS:
                by_dossier.setdefault(subject, {})[key] = state
        self.part.outcomes = [
            outcome_of(subject, known, self._taken_back) for subject, known in by_dossier.items()
        ]


class _Run:
    """A player, and what is gathered of its work."""

    def __init__(self, recording: Recording, how: How, deciders: Sequence[Decider[Any]]) -> None:
        self._how = how
        self._whole = recording.whole
        self._gathered = _Gathered(how)
        self._steps = Steps()
        self.player = Player(
            deciders, recording.header, guided=how.guided, rules=how.rules, placed=self._placed
        )

    def selected(self, subject: str) -> bool:
        """Return whether the subject's records are played."""
        return self._whole or not is_morning(subject)

    def ended(self) -> Part:
        """Return what it came to, once time has passed to the end."""
        part, memory = self._gathered.part, self.player.memory
        self.player.end(self._how.until)
        self._gathered.end(
            (memory.deciders[key], subject, stored.state)
            for key, states in memory.states.items()
            for subject, stored in states.items()
        )
        part.partings = self.player.partings() if self._how.guided else []
        part.coverage = self.player.coverage
        part.trail = self._steps.found
        part.played = self.player.played
        return part

    def _placed(self, record: Recorded) -> None:
        self._gathered.note(record)
        if self._how.trail and record.topic == DOSSIER_EVENTS:
            self._steps.note(record.event, self.player.memory)


def deliveries(policy: Policy) -> list[Decider[Any]]:
    """Return the decider of deliveries, if messages leave the house."""
    # What is only written down has nobody to deliver it, and no engine for it.
    return [] if policy.channels == (MessageChannel.LEDGER,) else [DeliveryDecider()]


def _is_in(number: int, of: int, subject: str) -> bool:
    return not is_morning(subject) and crc32(subject.encode()) % of == number


def _until(records: Iterator[Recorded], how: How, recording: Recording) -> Iterator[Recorded]:
    """Yield what was entered before the end; in a stream, what stands before a later tick."""
    until, wall = how.until, recording.header.clock is ClockKind.WALL
    over = False
    for record in records:
        if until is not None and not over:
            event = record.event
            if not wall:
                ticked = isinstance(event.data, ClockTicked) and record.topic != UNIT_ALERTS
                over = ticked and event.time > until
            elif event.known_since >= until:
                continue
        # Read on all the same: that the file is whole is known at its end.
        if not over:
            yield record
