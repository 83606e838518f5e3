"""Plays records to deciders in memory, at their places, and brings time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts.events.clock import ClockTicked
from contracts.events.notify import MessageChannel, MessagePlanned
from contracts.events.rules import RulesEnacted
from contracts.events.world import WorldFact
from contracts.rules import RuleSet
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from motcua.replay.coverage import Coverage, Watched
from motcua.replay.expected import Expected, is_decided
from motcua.replay.header import Header
from motcua.replay.lines import Glance, Recorded
from motcua.replay.parting import Parting, parted, raised, same
from motcua.replay.recording import BROADCAST
from services.runtime import ClockKind, Decider, InMemory, World, partition_of

_INSTANT = timedelta(milliseconds=1)
_UNDER_WAY = timedelta(minutes=1)
"""A live city is recorded while it works: of its last minute not everything is said yet."""


class Player:
    """Deciders, and how far their time is.

    *Guided* by a recording, a fact reaches the other services where it stood on the log, and a wall
    clock's timers fire where what they said stands. What is decided otherwise is a parting; the
    dossier then goes its own way. *Unguided*, facts reach everyone at once, and a wall clock's
    timers fire before the first record that was entered after them.
    """

    def __init__(
        self,
        deciders: Sequence[Decider[Any]],
        header: Header,
        *,
        guided: bool,
        aliased: bool = False,
        rules: RuleSet | None = None,
        placed: Callable[[Recorded], None] | None = None,
    ) -> None:
        """`rules`: in force from the beginning, in place of all that were enacted. `placed` is told
        every record, decided ones too, where it has reached all services."""
        self.coverage = Coverage()
        world = header.world if rules is None else World((rules,))
        watched = [Watched(each, self.coverage) for each in deciders]
        self.memory = InMemory(watched, world, DOSSIER_EVENTS)
        self._rules_given = rules is not None
        self.elsewhere: list[tuple[int, Event]] = []
        """What was decided for units' mornings, if nobody here folds them, with its place."""
        self.played = 0
        """The number of records that reached a service."""
        self._expected = Expected(aliased=aliased) if guided else None
        self._aliased = aliased
        self._wall = header.clock is ClockKind.WALL
        self._until = header.until
        self._partitions = tuple(range(header.partitions))
        self._topics = {each.topic for each in deciders}
        self._placed = placed
        self._partings: dict[str, Parting] = {}
        self._broken: set[str] = set()
        """Subjects on whose records a decision raised: they wait, as on a dead letter."""
        self.renamed: dict[str, str] = {}
        """Under aliases: the ids of messages that leave the house, and the ids that facts had,
        where those that are decided now have others."""
        self._unfolded: set[str] = set()
        """Ids of recorded facts that no state remembers: refusals above all."""
        self._number = 0

    def play(self, recorded: Recorded) -> None:
        """Play the next record."""
        event, self._number = recorded.event, recorded.number
        data = event.data
        self._pass_to(recorded.number, event.known_since)
        if isinstance(data, ClockTicked):
            self._tell(recorded)
            if not self._wall:
                for said in self.memory.fire_due(event.time, recorded.lane):
                    self._decided(said)
        elif isinstance(data, WorldFact):
            self._tell(recorded)
            if not (self._rules_given and isinstance(data, RulesEnacted)):
                self.memory.enact(recorded.lane, data)
        elif not is_decided(event):
            self._settle([recorded])
        elif self._expected is not None:
            self._meet(self._expected, recorded)

    def pass_by(self, seen: Glance) -> None:
        """Let time pass to when a record was entered that is played elsewhere."""
        self._number = int(seen.sequence)
        if self._wall and self._expected is None:
            self._pass(seen.known_since)

    def _pass_to(self, number: int, time: datetime) -> None:
        self._number = number
        if self._wall and self._expected is None:
            self._pass(time)

    def hear(self, number: int, event: Event) -> None:
        """Take a fact that was decided elsewhere, at that place."""
        self._pass_to(number, event.known_since)
        self._decided([event])

    def end(self, until: datetime | None = None) -> None:
        """Let time pass to the end: nothing comes any more."""
        until = min(until or self._until, self._until)
        if self._wall:
            self._pass(until if self._expected is None else until - _UNDER_WAY)

    def partings(self) -> list[Parting]:
        """Return the first parting of each subject."""
        found = dict(self._partings)
        for one in () if self._expected is None else self._expected.partings():
            if self._wall and one.recorded is None and one.time > self._until - _UNDER_WAY:
                continue
            first = found.get(one.subject)
            if first is None or one.number < first.number:
                found[one.subject] = one
        return sorted(found.values(), key=lambda p: (p.number, p.subject))

    def _meet(self, expected: Expected, recorded: Recorded) -> None:
        event = recorded.event
        decided = expected.met(recorded)
        if decided is None and self._fire_for(event):
            decided = expected.met(recorded)
        if decided is not None:
            self._place(recorded, decided)
        elif not (
            self.memory.knows(event) or event.id in self._unfolded or event.id in self.renamed
        ):
            # A service that ended between saying and committing has said it twice.
            expected.early(recorded)

    def _place(self, recorded: Recorded, decided: Event) -> None:
        """Let what was decided reach everyone, where it was recorded."""
        if self._aliased:
            self._rename(recorded.event, decided)
        elif not same(recorded.event, decided):
            self._parted(parted(recorded, decided))
        if not self.memory.knows(decided):
            self._unfolded.add(recorded.event.id)
        self._settle([recorded._replace(event=decided)])

    def _fire_for(self, event: Event) -> bool:
        """Fire the timers that may have said what was recorded; return whether any did.

        So a wall clock's timers fire where they did then, and so do a stream's that were set by
        what other timers had said on the same tick.
        """
        fired = False
        name = event.source.rpartition("/")[2]
        for key, decider in self.memory.deciders.items():
            if decider.name != name:
                continue
            stored = self.memory.states[key].get(event.subject)
            if stored is not None and stored.due is not None and stored.due <= event.time:
                self._decided(self.memory.fire(key, event.subject, event.time + _INSTANT))
                fired = True
        return fired

    def _pass(self, time: datetime) -> None:
        """Fire, each at its time, what passes before that time."""
        while (passed := self.memory.due(time)) is not None:
            self._decided(self.memory.fire(passed.key, passed.subject, passed.at + _INSTANT))

    def _decided(self, events: Iterable[Event]) -> None:
        for event in events:
            self._settle(self._reaching(event))

    def _settle(self, records: Iterable[Recorded]) -> None:
        """Let records reach everyone, and what they cause too, where it has its place."""
        queue = deque(records)
        while queue:
            record = queue.popleft()
            caused: list[Event] = []
            if record.event.subject not in self._broken:
                try:
                    caused = self.memory.apply(record.lane, record.event)
                except Exception as error:  # noqa: BLE001  (a dossier that raises is told of)
                    self._broken.add(record.event.subject)
                    self._parted(raised(record, error))
            self._tell(record)
            for event in caused:
                queue.extend(self._reaching(event))

    def _reaching(self, event: Event) -> list[Recorded]:
        """Return the fact if it reaches everyone now; else note that it waits for its place."""
        self.coverage.decided(event)
        topic = event.data.TOPIC
        if topic == UNIT_ALERTS and topic not in self._topics:
            self.elsewhere.append((self._number, event))
            return []
        if self._expected is not None:
            early = self._expected.decided(self._number, event)
            if early is None:
                return []
            if self._aliased:
                self._rename(early.event, event)
            elif not same(early.event, event):
                self._parted(parted(early, event))
            return [early._replace(event=event)]
        lane = partition_of(event.subject.encode(), self._partitions)
        return [Recorded(self._number, topic, lane, event)]

    def _rename(self, recorded: Event, decided: Event) -> None:
        if recorded.id != decided.id:
            self.renamed[recorded.id] = decided.id
        was, now = recorded.data, decided.data
        if not (isinstance(was, MessagePlanned) and isinstance(now, MessagePlanned)):
            return
        if now.channel is not MessageChannel.LEDGER:
            self.renamed[was.message_id] = now.message_id

    def _tell(self, record: Recorded) -> None:
        if record.event.subject not in BROADCAST:
            self.played += 1
            self.coverage.played(record.event)
        if self._placed is not None:
            self._placed(record)

    def _parted(self, parting: Parting) -> None:
        first = self._partings.get(parting.subject)
        if first is None or parting.number < first.number:
            self._partings[parting.subject] = parting
