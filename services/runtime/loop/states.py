"""The states in memory, a cache in front of the database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Generic

from services.runtime import metrics
from services.runtime.core.decider import Decider, S
from services.runtime.core.stored import Stored
from services.runtime.loop.echoes import Echoes
from services.runtime.mongo.store import Store


class States(Generic[S]):
    """A cache of the states that were worked on last, and the echoes of their own facts.

    Both are true only as long as no other instance writes.
    """

    def __init__(self, decider: Decider[S], store: Store[S], most: int) -> None:
        self._service = decider.name
        self._store = store
        self._most = most
        self._cache: OrderedDict[str, Stored[S]] = OrderedDict()
        self.echoes = Echoes(decider)

    async def load(self, subjects: Set[str]) -> dict[str, Stored[S]]:
        """Return the subjects that exist, from memory or else in one query."""
        known = {s: self._cache[s] for s in subjects if s in self._cache}
        missing = [s for s in subjects if s not in known]
        if missing:
            known |= await self._store.load(missing)
        return known

    @contextmanager
    def changing(self, states: Mapping[str, Stored[S]]) -> Iterator[None]:
        """Drop the states from memory if changing or writing them fails, or is cancelled.

        In memory they are then ahead of the database, or behind it.
        """
        try:
            yield
        except BaseException:
            for subject in states:
                self._cache.pop(subject, None)
            raise

    def remember(self, states: Mapping[str, Stored[S]]) -> None:
        """Keep states that are written; drop the longest unused ones beyond the limit."""
        cache = self._cache
        for subject, stored in states.items():
            if stored.v:
                cache[subject] = stored
                cache.move_to_end(subject)
        while len(cache) > self._most:
            cache.popitem(last=False)
        metrics.CACHED.labels(self._service).set(len(cache))

    def renew(self, states: Mapping[str, Stored[S]]) -> None:
        """Keep those of the states that are already in memory.

        Many timers at once must not push out the dossiers that are being worked on.
        """
        self.remember({subject: states[subject] for subject in states.keys() & self._cache.keys()})

    def clear(self) -> None:
        """Forget everything: another instance, or code outside the engine, may write."""
        self._cache.clear()
        self.echoes.clear()
