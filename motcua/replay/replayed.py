"""Replays a recording, in one process or several, and holds what it came to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from contracts.rules import Files, RuleSet, digest, read_files, sample_rules
from motcua.replay.coverage import Coverage
from motcua.replay.figures import counted
from motcua.replay.lines import Recorded
from motcua.replay.order import Order
from motcua.replay.outcome import DossierOutcome, NetAlert, NetMessage
from motcua.replay.parting import Parting
from motcua.replay.recording import Recording, read
from motcua.replay.shard import (
    How,
    Part,
    dossier_states,
    mornings,
    some_dossiers,
    stored_by,
    whole_city,
)
from motcua.replay.trail import Trail
from services.runtime import Document
from services.sla.figures.tables import Dimension, scope

_PIECE = 4_000_000
"""Bytes of a recording's file whose dossiers' states are in memory at once: some 60 MB of them."""


@dataclass
class Replayed:
    """What a replay came to."""

    recording: Recording
    how: How
    hashes: dict[tuple[str, str], str]
    """The hash of each state, by service or collection, and subject."""
    outcomes: dict[str, DossierOutcome]
    found: list[Parting] = field(repr=False)
    """What `partings` returns."""
    coverage: Coverage
    trail: Trail
    log: list[Recorded]
    """All records, if they were to be kept: decided facts where they reached everyone."""
    played: int
    """The number of records, those decided now among them."""
    seconds: float = field(compare=False)

    @property
    def hash(self) -> str:
        """Of all states: the same for the same states, whatever the order and the processes."""
        return hash_of(self.hashes)

    @property
    def partings(self) -> list[Parting]:
        """The first of each dossier and of each morning, in the recording's order.

        Raise ValueError if nothing was compared: under other rules or in another order, other facts
        are to be expected. Compare `alerts()` and `messages()` of two replays then.
        """
        if not self.how.guided:
            raise ValueError(
                "a replay that is not guided is compared with nothing that was recorded"
            )
        return self.found

    def parting(self) -> Parting | None:
        """Return the first parting of all, or None. Raise ValueError as `partings` does."""
        return self.partings[0] if self.partings else None

    def alerts(self, *, net: bool = True) -> set[NetAlert]:
        """Return the alerts; `net`: only those that were not taken back."""
        found = {alert for one in self.outcomes.values() for alert in one.alerts}
        return {alert for alert in found if alert.stands} if net else found

    def messages(self, *, net: bool = True) -> list[NetMessage]:
        """Return the messages about dossiers that were to be sent, in order.

        `net`: without those that were taken back, and those that take back.
        """
        found = sorted(message for one in self.outcomes.values() for message in one.messages)
        return [message for message in found if message.stands] if net else found

    def figures(
        self, period: str, by: Sequence[str] = (Dimension.UNIT,), **only: Sequence[str]
    ) -> Document:
        """Return the on-time figures of a period, as `GET /figures` of sla shows them at the end.

        `period`: 2025-07, 2025-Q3 or 2025, Vietnam's calendar. `by`, `only`: what to divide by, and
        the values to restrict to: unit, field, procedure, channel, level. All is replayed once
        more, and counted by a MongoDB of this call's own: seconds for a day, minutes for a month.
        Raise ValueError for what is no period, dimension or field.
        """
        recording, how = self.recording, self.how
        pieces = _pieces(recording)
        known = (stored_by("sla", recording, how, n, pieces) for n in range(pieces))
        asked = scope([Dimension(each) for each in by], **only)
        end = recording.header.until
        return counted(known, period, asked, min(how.until or end, end))

    def dossier(self, code: str) -> dict[str, Any]:
        """Return a dossier's states by service: it is replayed once more, alone."""
        return dossier_states(self.recording, self.how, code)


def replay(
    source: Recording | Path | str,
    *,
    until: datetime | None = None,
    rules: Files | Path | str | None = None,
    guided: bool | None = None,
    order: Order | None = None,
    jobs: int = 1,
    trail: bool = False,
    keep: bool = False,
) -> Replayed:
    """Replay a recording: what was asked is decided anew.

    `until`: only what was entered before then. `rules`: a folder of rules, or its files by name,
    that are in force from the beginning, in place of the recorded ones. `guided`: whether facts
    come where they were recorded, and are compared with what was recorded; by default, unless there
    are other rules or another order. `order`: services come to the records in this one; the log is
    kept in memory. `jobs`: the number of processes; it changes nothing in the outcome.

    Raise RecordingError, RulesError for a folder that cannot be used, and ValueError for what does
    not go together.
    """
    if (keep or order) and jobs > 1:
        raise ValueError(f"{jobs} jobs: records are kept or reordered by a single process alone")
    if order and (rules is not None or guided or trail):
        raise ValueError("another order: without other rules, not guided, and without a trail")
    recording = source if isinstance(source, Recording) else read(source)
    files = read_files(Path(rules)) if isinstance(rules, Path | str) else rules
    chosen = None if files is None else RuleSet(1, sample_rules().since, digest(files), files)
    on_rails = guided if guided is not None else rules is None and order is None
    how = How(until=until, rules=chosen, guided=on_rails, trail=trail, keep=keep, order=order)
    began = time.monotonic()
    pieces = 1 if keep or order else max(jobs, ceil(recording.path.stat().st_size / _PIECE))
    parts = (
        [whole_city(recording, how)] if pieces == 1 else _by_pieces(recording, how, jobs, pieces)
    )
    return _joined(recording, how, parts, time.monotonic() - began)


def hash_of(hashes: dict[tuple[str, str], str]) -> str:
    """Return one hash for the hashes of all states."""
    found = sha256()
    for (key, subject), each in sorted(hashes.items()):
        found.update(f"{key} {subject} {each}\n".encode())
    return found.hexdigest()


def _pieces(recording: Recording) -> int:
    """Return in how many pieces its dossiers are replayed, so that their states fit in memory."""
    if recording.dossiers is not None:
        return 1
    return ceil(recording.path.stat().st_size / _PIECE)


def _by_pieces(recording: Recording, how: How, jobs: int, pieces: int) -> list[Part]:
    tasks = [partial(some_dossiers, recording, how, n, pieces) for n in range(pieces)]
    if jobs == 1:
        parts = [task() for task in tasks]
    else:
        # Forked from a server that has no connection, lock or thread of ours.
        with ProcessPoolExecutor(jobs, mp_context=get_context("forkserver")) as pool:
            parts = [one.result() for one in [pool.submit(task) for task in tasks]]
    if recording.whole:
        parts.append(mornings(recording, how, [alert for part in parts for alert in part.alerts]))
    return parts


def _joined(recording: Recording, how: How, parts: Sequence[Part], seconds: float) -> Replayed:
    coverage = Coverage()
    hashes = {}
    for part in parts:
        coverage.add(part.coverage)
        hashes.update(part.hashes)
        part.hashes.clear()  # of a month they take as much memory as a piece's states
    return Replayed(
        recording,
        how,
        hashes,
        {one.dossier: one for part in parts for one in part.outcomes},
        sorted((p for part in parts for p in part.partings), key=lambda p: (p.number, p.subject)),
        coverage,
        {code: steps for part in parts for code, steps in part.trail.items()},
        parts[0].log,
        sum(part.played for part in parts),
        seconds,
    )
