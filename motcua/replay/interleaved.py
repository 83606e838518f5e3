"""A city in memory whose services are each as far behind the log as an order has them.

They are the same deciders as everywhere, and have the promises of the log alone. Who reads when is
drawn, and who is killed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from contracts.wire.envelope import Event
from motcua.replay.order import CALM, Order
from services.runtime import Decider, Killed, Log, Reader, World, partition_of

_DANGER = 40
"""Batches after an enactment in which services are killed again and again."""


class Interleaved:
    """The logs of a city, and its services' readings of them."""

    def __init__(
        self,
        deciders: Sequence[Decider[Any]],
        world: World,
        order: Order = CALM,
        said: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """`world`: before anything is enacted. `said` is told all that services write."""
        self._partitions = tuple(range(order.partitions))
        self.logs: dict[str, list[Log]] = {
            decider.topic: [[] for _ in self._partitions] for decider in deciders
        }
        self.readers = [Reader(d, self.logs[d.topic], world) for d in deciders]
        self.draw = Random(order.seed)
        self._order = order
        self._said = said
        self._danger = 0

    def write(self, event: Event) -> None:
        """Put a record on its log, if a service reads that."""
        if (log := self.logs.get(event.data.TOPIC)) is not None:
            log[partition_of(event.subject.encode(), self._partitions)].append(event)

    def broadcast(self, topic: str, event: Event) -> None:
        """Put a record on every partition."""
        for log in self.logs.get(topic, ()):
            log.append(event)

    def endanger(self) -> None:
        """Have more services killed for a while."""
        self._danger = _DANGER

    def settle(self, batches: int | None = None) -> None:
        """Read until nothing is left, or so many batches. Raise what the readers raise."""
        order = list(self.readers)
        if self._order.behind:
            self.draw.shuffle(order)  # who is slow now
        while (batches is None or batches > 0) and (
            waiting := [(r, partitions) for r in order if (partitions := r.waiting())]
        ):
            batches = None if batches is None else batches - 1
            self._read(*self._next(waiting))

    def _next(self, waiting: Sequence[tuple[Reader, list[int]]]) -> tuple[Reader, int]:
        draw = self.draw
        if self._order.behind and draw.random() < 0.1:
            reader, partitions = draw.choice(waiting)
        else:
            reader, partitions = waiting[0]
        return reader, partitions[0] if len(partitions) == 1 else draw.choice(partitions)

    def _read(self, reader: Reader, partition: int) -> None:
        draw, order = self.draw, self._order
        killed = None
        if order.kills:
            kills = order.kills * 10 if self._danger else order.kills
            self._danger = max(0, self._danger - 1)
            killed = draw.choice(tuple(Killed)) if draw.random() < kills else None
        most = order.batch if order.batch == 1 else draw.randint(1, order.batch)
        for event in reader.batch(partition, most, killed):
            self._said(event)
            self.write(event)
        if not order.kills or draw.random() < 0.2:
            reader.commit()
