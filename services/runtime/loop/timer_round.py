"""One round of a partition's timers, step by step.

    1 load      the states whose timers are due, at most a round's number
    2 decide    what each firing comes to: pure
    3 write     what will be said: its ids beside the states; into the states, with all it says,
                where nothing else would tell
    4 publish   the new events, then the dead letters, and wait for every ack
    5 persist   the states, with nothing left to say
    6 report    to metrics and to the log

Unlike a batch, a round of the wall clock's timers is not repeated over the same states: a fact that
was entered late may be folded first. And facts on another topic do not come back to show that they
were said. That is what step 3 is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic

from contracts.wire.codec import BadRecord, Fault
from contracts.wire.envelope import Event
from contracts.wire.topics import dead_letters
from services.runtime import metrics
from services.runtime.core.decided import Decided
from services.runtime.core.decider import S
from services.runtime.core.handle import fire_timers, set_due
from services.runtime.core.own_facts import decided_by
from services.runtime.core.stored import Stored, mark_of
from services.runtime.core.timer_letter import hold_timers, set_due_or_hold, trace_of
from services.runtime.core.world import World
from services.runtime.loop.clock import StreamClock
from services.runtime.loop.faults import Point
from services.runtime.loop.parts import Parts


class TimerRound(Generic[S]):
    """Takes timers from the database to the log and back to the database."""

    def __init__(self, parts: Parts[S]) -> None:
        self._parts = parts
        name = parts.decider.name
        self._dead_letters = dead_letters(name)
        # There from the start, though nothing is due yet.
        self._lateness = metrics.TIMER_LATENESS.labels(name)
        self._fired = metrics.TIMERS.labels(name)

    async def attempt(self, partition: int, before: datetime) -> int:
        """Fire timers that passed before that time, the longest due first; return how many.

        Raise what broker or database raise; then it can be repeated.
        """
        parts = self._parts
        passing = parts.faults.passing

        # 1. Load.
        due = await parts.store.due([partition], before, parts.settings.timer_batch)
        if not due:
            return 0
        world = (await parts.worlds.of([partition]))[partition]
        states = {stored.subject: stored for stored in due}
        decided: Decided[S] = Decided(dirty=states)
        now = parts.clock.now(partition)

        with parts.states.changing(states):
            # 2. Decide.
            for stored in due:
                assert stored.due is not None
                self._lateness.observe((now - stored.due).total_seconds())
                decided.events += stored.unsaid or self._fire(world, decided, stored, before)
            passing(Point.TIMERS_DECIDED)

            # 3. Write.
            if noted := self._come_back(decided.events):
                await parts.said.note(partition, noted)
                passing(Point.TIMERS_NOTED)
            if unsaid := [stored for stored in due if stored.unsaid]:
                await parts.store.persist(unsaid)
                passing(Point.TIMERS_WRITTEN)

            # 4. Publish.
            await parts.producer.publish(decided.events)
            for stored in unsaid:
                stored.unsaid = []
                # What waits for nothing but its saying is asked only now what it waits for next.
                set_due_or_hold(parts.decider, world, decided, stored, datetime.now(UTC))
            await parts.producer.write(self._dead_letters, decided.dead_letters)
            passing(Point.TIMERS_PUBLISHED)

            # 5. Persist.
            await parts.store.persist(decided.dirty.values())
            if noted:
                parts.said.written(partition, noted)
            passing(Point.TIMERS_PERSISTED)

        # 6. Report.
        parts.states.echoes.expect(decided.events)
        parts.states.renew(states)
        self._fired.inc(len(due))
        parts.reporting.done(decided)
        parts.reporting.limit_bad(decided, len(due))
        return len(due)

    def _come_back(self, events: Sequence[Event]) -> list[bytes]:
        """Return the `short_id` of what will come back over the log and, after a kill, may be in no
        state by then.

        A stream's tick fires the same timers again over the same states: nothing can be amiss.
        """
        if isinstance(self._parts.clock, StreamClock):
            return []
        decider, topic_of = self._parts.decider, self._parts.producer.topic_of
        own = decided_by(decider)
        return [
            mark_of(event)[0]
            for event in events
            if event.type in own and topic_of(event) == decider.topic
        ]

    def _fire(
        self, world: World, decided: Decided[S], stored: Stored[S], before: datetime
    ) -> list[Event]:
        """Return what the subject's timers say. One dossier must not stop the city: if that cannot
        be decided, or written, it is held by a dead letter."""
        decider = self._parts.decider
        # A dead letter has the wall time at which it was written, whichever clock runs.
        now = datetime.now(UTC)
        snapshot, due = stored.copy(), stored.due
        try:
            events = fire_timers(decider, world, stored, before)
            if self._is_written_first(events):
                stored.unsaid = events
            set_due(decider, world, stored)
            if self._parts.store.outgrown([stored]):
                raise BadRecord(Fault.STATE_TOO_LARGE, "with what its timers say")
        except Exception as error:  # noqa: BLE001  (whatever a timer raises is in the letter)
            stored.restore(snapshot)
            stored.due, stored.unsaid, stored.encoded = due, [], None
            fault = error.fault if isinstance(error, BadRecord) else Fault.TIMER_RAISED
            hold_timers(decider, decided, stored, before, now, fault, trace_of(error))
            return []
        return events

    def _is_written_first(self, events: Sequence[Event]) -> bool:
        """Return whether, after a kill, nothing else would tell the state what was said before.

        A tick is in the log, so its timers fire again over the same state; and facts on the folded
        topic come back over it.
        """
        parts = self._parts
        if isinstance(parts.clock, StreamClock):
            return False
        return any(parts.producer.topic_of(event) != parts.decider.topic for event in events)
