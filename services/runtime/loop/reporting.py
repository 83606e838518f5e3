"""What an engine reports of its work: metrics, log lines, and news for those who wait."""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import structlog

from contracts.wire.envelope import Event
from contracts.wire.mac import Doubt
from services.runtime import metrics
from services.runtime.core.decided import Decided
from services.runtime.core.wanted import Wanted
from services.runtime.loop.retry import Defect
from services.runtime.settings import Settings

log = structlog.get_logger("motcua.engine")


class Phase(StrEnum):
    """The parts of a round whose duration is measured."""

    LOAD = "load"
    DECIDE = "decide"
    PUBLISH = "publish"
    PERSIST = "persist"
    COMMIT = "commit"


class Reporting:
    """Reports of one engine, called by its one writer."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.on_written: list[Callable[[Sequence[Event]], object]] = []
        """Callbacks for new events, called once they are published and the states are written."""
        self.on_forged: list[Callable[[str, str, str, str], object]] = []
        """Callbacks for a record that is not believed: its subject, place and type, and why."""
        self._service = service
        self._waiters: dict[str, asyncio.Event] = {}
        self._bad_in_a_row = 0
        self._bad_most = settings.dead_letters_in_a_row
        self._debug = settings.log_level.upper() == "DEBUG"
        for doubt in Doubt:
            # There from the start: who counts what was added sees the first one, too.
            metrics.FORGED.labels(service, doubt)
        self._phase = {phase: metrics.PHASE.labels(service, phase) for phase in Phase}

    @contextmanager
    def timed(self, phase: Phase) -> Iterator[None]:
        """Measure the duration of what is done inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._phase[phase].observe(time.perf_counter() - start)

    @contextmanager
    def waiting_for(self, request: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set once this instance has written the request's answer."""
        waiter = self._waiters.setdefault(request, asyncio.Event())
        try:
            yield waiter
        finally:
            self._waiters.pop(request, None)

    def answered(self, requests: Iterable[str]) -> None:
        """Say that the answers to these requests are written."""
        for request in requests:
            if (waiter := self._waiters.get(request)) is not None:
                waiter.set()

    def done(self, decided: Decided[Any], skipped: Tally[tuple[str, str]] | None = None) -> None:
        """Report what was decided and is written; `skipped` tallies the other records."""
        name = self._service
        outcomes = decided.outcomes if skipped is None else skipped + decided.outcomes
        for (type_name, outcome), count in outcomes.items():
            metrics.EVENTS.labels(name, type_name, outcome).inc(count)
        for type_name, count in Tally(event.type for event in decided.events).items():
            metrics.PUBLISHED.labels(name, type_name).inc(count)
        for tell in self.on_written:
            tell(decided.events)
        for fault, count in decided.faults.items():
            metrics.DEAD_LETTERS.labels(name, fault).inc(count)
        for subject, place, fault, detail in decided.set_aside:
            log.error("dead letter", dossier=subject, record=place, fault=fault, detail=detail)
        for subject, place, type_name in decided.differing:
            metrics.CONTENTS_DIFFER.labels(name, type_name).inc()
            log.error("an id with two contents", dossier=subject, record=place, type=type_name)
        for each in decided.forged:
            self.forged(*each)
        for outcome, count in decided.redriven.items():
            metrics.REDRIVEN.labels(name, outcome).inc(count)
        if self._debug:
            for event in decided.events:
                log.debug("decided", dossier=event.subject, event_id=event.id, type=event.type)

    def forged(self, subject: str, place: str, type_name: str, reason: str) -> None:
        """Report a record that was not believed. It is a matter of security."""
        metrics.FORGED.labels(self._service, reason).inc()
        log.critical("a forged record", dossier=subject, record=place, type=type_name, why=reason)
        for tell in self.on_forged:
            tell(subject, place, type_name, reason)

    def undecided(self, facts: Iterable[Wanted]) -> None:
        """Report facts of the service's own that it did not decide."""
        for item in facts:
            self.forged(item.subject or "", item.place, item.type_name, Doubt.UNDECIDED)

    def limit_bad(self, decided: Decided[Any], wanted: int) -> None:
        """Raise Defect after too many bad records in a row: the fault is ours then."""
        bad = sum(n for (_, outcome), n in decided.outcomes.items() if outcome == "dead")
        self._bad_in_a_row = self._bad_in_a_row + bad if bad == wanted else 0
        if bad and self._bad_in_a_row >= self._bad_most:
            raise Defect(
                f"{self._bad_in_a_row} bad records in a row, the last: {decided.last_error}"
            )
