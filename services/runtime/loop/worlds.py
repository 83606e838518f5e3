"""The worlds of the partitions in memory, and how far each partition's states are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from contracts.events.authority import AuthorityFact
from contracts.events.rules import RulesEnacted
from services.runtime import metrics
from services.runtime.core.grants import fact_keys
from services.runtime.core.world import World, first_world, widened
from services.runtime.mongo.partitions import Mark, Partitions


class Worlds:
    """Folds what is broadcast, partition by partition, and keeps it in the database."""

    def __init__(self, service: str, topic: str, partitions: Partitions) -> None:
        self._labels = service, topic
        self._partitions = partitions
        self._worlds: dict[int, World] = {}
        self._newest = first_world()

    @property
    def newest(self) -> World:
        """The world of the partition that knows most: for answers, never for decisions."""
        return self._newest

    async def prepare(self) -> None:
        """Load what is known, so that an instance without partitions can answer, too."""
        self._newest = await self._partitions.newest()

    async def of(self, partitions: Iterable[int]) -> Mapping[int, World]:
        """Return the worlds of all partitions in memory, these ones included."""
        if missing := set(partitions) - self._worlds.keys():
            found = await self._partitions.load(missing)
            for partition in missing:
                mark = found.get(partition)
                self._set(partition, mark.world if mark else first_world())
        return self._worlds

    async def marks(self, partitions: Iterable[int]) -> Mapping[int, Mark]:
        """Return what the database has of these partitions."""
        return await self._partitions.load(partitions)

    async def certain_next(self, partition: int) -> int:
        """Return up to where the partition's states are, whoever was the primary just before."""
        return await self._partitions.certain_next(partition)

    async def enact(self, partition: int, data: RulesEnacted) -> World:
        """Fold an enactment that stands in the partition; return its world after it.

        Raise TwoContents if other rules are known under its number.
        """
        worlds = await self.of([partition])
        world = widened(worlds[partition], data)
        await self._partitions.keep(world.number(data.number))
        self._set(partition, world)
        return world

    async def grant(self, partition: int, data: AuthorityFact) -> None:
        """Fold who may act for whom, as it stands in the partition."""
        worlds = await self.of([partition])
        before, after = worlds[partition], widened(worlds[partition], data)
        known, now = fact_keys(before.grants), fact_keys(after.grants)
        await self._partitions.keep_authority(partition, data, forgotten=known - now)
        self._set(partition, after)

    async def has_decided(self, data: AuthorityFact) -> bool:
        """Return whether this service has said this of authority, and nobody else."""
        return await self._partitions.has_decided(data)

    async def mark(self, ends: Mapping[int, int]) -> None:
        """Write that the partitions' states have folded all records before these offsets."""
        worlds = await self.of(ends)
        await self._partitions.write({p: Mark(end, worlds[p]) for p, end in ends.items()})

    def forget(self) -> None:
        """Forget the partitions: another instance may go on with them."""
        for partition in self._worlds:
            with suppress(KeyError):
                metrics.RULES_NUMBER.remove(*self._labels, str(partition))
        self._worlds.clear()

    def _set(self, partition: int, world: World) -> None:
        self._worlds[partition] = world
        metrics.RULES_NUMBER.labels(*self._labels, str(partition)).set(world.newest.number)
        if world.newest.number > self._newest.newest.number:
            self._newest = world
