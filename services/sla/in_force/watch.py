"""Keeps the rules and calendars of the files in force, and every open dossier judged by them.

Broken files leave the older rules in force. Nothing has to be restarted, and nothing has to happen
to a dossier: it is woken, and its timer announces what follows from the new rules, as of the time
from which they are in force.

While instances have different files, those whose rules were put in force last judge the open
dossiers of their partitions anew. The others leave a judgement by other rules as it is, until
something moves the dossier's times. So a dossier does not go back and forth between two judgements
with its partition. Once all have the same files, these judge what is left over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from contracts.catalogue import load_catalogue
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.runtime import BEGINNING, Engine, Running, patiently
from services.shared.toml_file import FileError
from services.sla import metrics
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Sla
from services.sla.figures.open_dossiers import judged_by_others, prepare
from services.sla.in_force.files import RuleFiles
from services.sla.in_force.register import RuleRegister
from services.sla.settings import SlaSettings

log = structlog.get_logger("motcua.rules")


class UnconfirmedRules(Rules):
    """Rules that are not known to be in force yet, or that others have replaced.

    A judgement by other rules stands until something moves the dossier's times. Announcing what
    follows from it is left to the instances that made it.
    """

    def outdated(self, state: Sla) -> bool:
        """Return False: nothing is judged anew."""
        return False

    def announcements(self, state: Sla, fact: Event) -> Sequence[EventData]:
        """Announce as usual, but nothing about a dossier that other rules have judged."""
        return () if super().outdated(state) else super().announcements(state, fact)


def unconfirmed(rules: Rules) -> UnconfirmedRules:
    """Return the same rules for a decider that must not judge anew by them."""
    return UnconfirmedRules(rules.catalogue, rules.calendars, rules.book)


class InForce:
    """Puts rules in force on one engine, and wakes the dossiers that were judged by others."""

    def __init__(
        self, engine: Engine[Sla], decider: SlaDecider, files: RuleFiles, register: RuleRegister
    ) -> None:
        """`decider`: the engine's decider, which judges by the rules that are put in force here."""
        self._decider = decider
        self._engine = engine
        self._files = files
        self._register = register
        self._prepared = False
        self._next: Rules | None = None
        """Rules that were read, to be put in force as soon as the time is known."""
        self._entered: Rules | None = None
        """The rules that this instance put in force last."""
        self._awake: set[int] = set()
        """Owned partitions in which all dossiers have been woken."""
        self._left = 0
        """The number of times partitions were given up: earlier findings are void afterwards."""
        # An owner in between may judge by other rules.
        engine.ownership.before_leaving.append(self._forget)

    async def look(self) -> None:
        """Look once: at the files, at what other instances put in force, at dossiers to wake.

        Raise FileError if the files cannot be used and there are no older rules to fall back on.
        """
        if not self._prepared:
            await prepare(self._engine.store.collection)
            self._prepared = True
        await self._read()
        await self._enter()
        if self._entered is not None:
            since = await self._register.since(self._entered)
            await self._follow(self._entered, since)
            if since is not None:
                await self._wake(self._entered, since)

    async def _read(self) -> None:
        try:
            read = await asyncio.to_thread(self._files.read_changed)
        except FileError as error:
            self._reject(error)
            return
        if read is not None:
            self._next = read
            metrics.RULE_FILES_IN_FORCE.set(1)

    async def _enter(self) -> None:
        now = self._now()
        if self._next is None or now is None:
            return
        try:
            await self._register.enter(self._next, now)
        except FileError as error:
            self._next = None
            self._reject(error)
            return
        self._entered, self._next = self._next, None

    def _now(self) -> datetime | None:
        """Return the time by the service's clock; None until a stream has told one."""
        engine = self._engine
        now = max(engine.clock.now(p) for p in range(engine.settings.partitions))
        return None if now == BEGINNING else now

    def _reject(self, error: FileError) -> None:
        if self._entered is None and self._next is None:
            raise error
        metrics.RULES_REJECTED.inc()
        metrics.RULE_FILES_IN_FORCE.set(0)
        log.error("the files are rejected; older rules stay in force", error=str(error))

    async def _follow(self, rules: Rules, since: datetime | None) -> None:
        """Have the decider judge by these rules; leniently if newer ones are in force elsewhere."""
        wanted = unconfirmed(rules) if since is None else replace(rules, since=since)
        if wanted == self._decider.rules:
            return
        async with self._engine.ownership.alone():
            self._decider.rules = wanted
            self._awake.clear()
        versions = {"rules": rules.book.version, "calendar": rules.calendars.version}
        metrics.RULES_IN_FORCE.clear()
        metrics.RULES_IN_FORCE.labels(**versions).set(since is not None)
        if since is None:
            log.warning("another instance has put other rules in force", **versions)
        else:
            log.info("rules are in force", since=since.isoformat(), **versions)

    async def _wake(self, rules: Rules, since: datetime) -> None:
        engine = self._engine
        waiting = sorted(engine.ownership.owned - self._awake)
        others = judged_by_others(rules) if waiting else {}
        at_once = engine.settings.timer_batch
        for partition in waiting:
            left = self._left
            found = await engine.store.asleep({"p": partition, **others}, since)
            for first in range(0, len(found), at_once):
                # In parts: records and timers have their turn in between.
                async with engine.ownership.alone():
                    if self._left != left:
                        return
                    await engine.store.wake(found[first : first + at_once], since)
            if self._left != left:
                return  # the next look starts anew, with the partitions owned then
            self._awake.add(partition)
            if found:
                log.info("dossiers are judged anew", partition=partition, dossiers=len(found))

    async def _forget(self) -> None:
        self._left += 1
        self._awake.clear()


async def keep_in_force(running: Running[SlaSettings]) -> None:
    """Keep the rules of the files in force until cancelled."""
    settings = running.settings
    files = RuleFiles(settings, load_catalogue())
    in_force = InForce(
        running.engine(SlaDecider),
        running.decider(SlaDecider),
        files,
        RuleRegister(running.database["rules"]),
    )
    while True:
        await patiently(in_force.look)
        await asyncio.sleep(settings.rules_poll)
