"""Feed a simulated or recorded stream to a running city, and know when it has settled.

The services decide while they are fed. A service's decisions are on the log before it commits what
it read. So when every group has committed up to the end of the log, nothing is under way. Then the
clock may tick: every timer that fires on the tick fires over a settled past.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.values import rfc3339
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import (
    CITIZEN_CONTACTS,
    DOSSIER_EVENTS,
    NOTIFICATION_EVENTS,
    SERVICES,
    UNIT_ALERTS,
)
from services.runtime import AIOKAFKA, Clients, EventProducer, Offsets, group_of

_BATCH = 2_000
_HOUR = timedelta(hours=1)


class NotSettled(Exception):
    """The services do not come to rest. Says how far each group is behind."""


class Feed:
    """Writes events and ticks to Kafka and waits for the services to be done with them."""

    def __init__(
        self, bootstrap: str, *, sends_mail: bool = False, kafka: Clients = AIOKAFKA
    ) -> None:
        """`sends_mail`: notify delivers, so more groups have to settle."""
        self.producer = EventProducer(bootstrap, kafka)
        self._offsets = Offsets(bootstrap, kafka)
        self._groups = [(group_of(name, DOSSIER_EVENTS), DOSSIER_EVENTS) for name in SERVICES]
        self._groups.append((group_of("notify", UNIT_ALERTS), UNIT_ALERTS))
        self._desks_ticked: datetime | None = None
        self.ticked: datetime | None = None
        """The city's time: that of the newest tick."""
        if sends_mail:
            for topic in (NOTIFICATION_EVENTS, CITIZEN_CONTACTS):
                self._groups.append((group_of("notify", topic), topic))

    async def start(self) -> None:
        """Connect."""
        await self.producer.start()

    async def stop(self) -> None:
        """Close the connections."""
        await self.producer.stop()
        await self._offsets.stop()

    async def send(self, events: Sequence[Event]) -> None:
        """Write the events, in their order."""
        for at in range(0, len(events), _BATCH):
            await self.producer.publish(events[at : at + _BATCH])

    async def tick(self, time: datetime) -> None:
        """Tick every partition: all that happened before that time stands in it."""
        record = self.producer.record_of(tick(time))
        await self.producer.write_everywhere(DOSSIER_EVENTS, record)
        self.ticked = time

    async def tick_mornings(self) -> None:
        """Send the newest tick to the units' mornings, at most hourly; call it over a settled past.

        It comes later because that tick fires timers, which decide what a morning contains.
        """
        time, last = self.ticked, self._desks_ticked
        if time is None or (last is not None and time - last < _HOUR):
            return
        await self.producer.write_everywhere(UNIT_ALERTS, self.producer.record_of(tick(time)))
        self._desks_ticked = time

    async def behind(self) -> dict[str, int]:
        """Return how many records each group still has to commit; empty when all is settled."""
        # The committed offsets are read first: what is published meanwhile shows in the ends.
        done = await asyncio.gather(*(self._offsets.committed(g, t) for g, t in self._groups))
        ends = {topic: await self._offsets.ends(topic) for topic in {t for _, t in self._groups}}
        lag = {}
        for (group, topic), committed in zip(self._groups, done, strict=True):
            missing = sum(max(0, end - committed.get(p, 0)) for p, end in ends[topic].items())
            if missing:
                lag[group] = missing
        return lag

    async def settle(self, timeout: float = 120.0) -> None:
        """Wait until nothing is under way. Raise NotSettled after `timeout` seconds of
        standstill."""
        moved = time.monotonic()
        last: dict[str, int] = {}
        pause = 0.005
        while lag := await self.behind():
            if lag != last:
                last, moved = lag, time.monotonic()
            elif time.monotonic() - moved > timeout:
                raise NotSettled(f"nothing moved for {timeout:.0f} s; still to do: {lag}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    async def ends(self) -> dict[int, int]:
        """Return the end offsets of the dossiers' topic, by partition."""
        return await self._offsets.ends(DOSSIER_EVENTS)


def tick(time: datetime) -> Event:
    """Return the tick of that time: all that happened before it stands where it stands."""
    return Event(
        id=derive_id("tick", rfc3339(time)),
        source="/motcua/feed",
        subject=CLOCK_SUBJECT,
        time=time,
        data=ClockTicked(),
    )
