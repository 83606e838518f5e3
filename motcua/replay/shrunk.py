"""Makes a recording with which something fails as small as it gets: dossiers, requests, order."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from contracts.events.clock import ClockTicked
from motcua.replay.delta import NotFailing, minimal
from motcua.replay.expected import is_decided
from motcua.replay.lines import Recorded
from motcua.replay.parting import Parting
from motcua.replay.pile import pile
from motcua.replay.recorder import Recorder
from motcua.replay.recording import Recording, Writer, read
from motcua.replay.replayed import replay

Fails = Callable[[Path], bool]
"""Whether the recording in a file still fails."""
Told = Callable[[str, int, int], None]
"""Is told what is left out now, of how many, and how many are tried."""


@dataclass
class Shrunk:
    """What is left, and of how much."""

    dossiers: tuple[int, int]
    records: tuple[int, int] = (0, 0)
    """Those that were asked, came from outside or are broadcast; only of what is left."""
    decided_anew: bool = False
    """Whether the facts are this release's; otherwise they are those that were recorded."""


class _Fact(NamedTuple):
    """What tells a parting from others of its dossier."""

    subject: str
    alike: str


def shrink(
    source: Path, out: Path, folder: Path, fails: Fails, told: Told, *, dossiers_alone: bool = False
) -> Shrunk:
    """Write into `out` the smallest recording that was found with which it still fails.

    `folder`: where what is tried is written. `dossiers_alone`: leave each dossier's records as they
    are. Raise RecordingError, and NotFailing if it does not fail without units' mornings.
    """
    candidate = folder / "candidate.jsonl.gz"
    piled = pile(source, folder)
    total = len(piled.dossiers)

    def with_dossiers(codes: Sequence[str]) -> bool:
        told("dossiers", total, len(codes))
        piled.write(candidate, codes)
        return fails(candidate)

    left = minimal(list(piled.dossiers), with_dossiers)
    piled.write(out, left)
    piled.text.close()
    done = Shrunk((len(left), total))
    if not dossiers_alone:
        done.decided_anew, done.records = _Records(out, candidate, fails, told).shrink()
    return done


class _Records:
    """The records of a few dossiers. What is asked is left out, and what follows from it too.

    If this release decides all as it was recorded, what is left is decided anew: it fits together
    whatever was left out. If not, the parting may be what is looked for: then the recorded facts
    stay, and nothing may be left out by which something else parts.
    """

    def __init__(self, out: Path, candidate: Path, fails: Fails, told: Told) -> None:
        self._out = out
        self._candidate = candidate
        self._fails = fails
        self._told = told
        recording = read(out)
        self._header = recording.header
        self._records = list(recording.events())
        partings = replay(recording).partings
        self._parted = _facts(partings)
        self._anew = not partings
        self._last = max((one.number for one in partings), default=0)
        self._total = 0

    def shrink(self) -> tuple[bool, tuple[int, int]]:
        """Return whether facts were decided anew, and how many of how many records are left."""
        fed = [one for one in self._records if not is_decided(one.event)]
        self._total = len(fed)
        if self._anew and not self._with(fed, "the order"):
            self._anew = False  # it lies in when the facts came, which deciding anew takes away
        if not self._anew:
            fed = self._until_it_parts(fed)
        fed = self._without(
            fed, "requests", lambda one: not isinstance(one.event.data, ClockTicked)
        )
        fed = self._without(fed, "ticks", lambda one: isinstance(one.event.data, ClockTicked))
        if self._anew:
            by_time = sorted(fed, key=lambda one: one.event.time)
            fed = by_time if by_time != fed and self._with(by_time, "the order") else fed
        if self._with(fed, "the order"):
            shutil.copyfile(self._candidate, self._out)
        return self._anew, (len(fed), self._total)

    def _until_it_parts(self, fed: list[Recorded]) -> list[Recorded]:
        whole = self._records
        self._records = [one for one in whole if one.number <= self._last]
        cut = [one for one in fed if one.number <= self._last]
        if cut != fed and self._with(cut, "what comes later"):
            return cut
        self._records = whole
        return fed

    def _without(
        self, fed: list[Recorded], what: str, mine: Callable[[Recorded], bool]
    ) -> list[Recorded]:
        """Return the records without those of mine that are not needed."""
        rest = [one for one in fed if not mine(one)]

        def fails(some: Sequence[Recorded]) -> bool:
            return self._with(sorted([*rest, *some], key=lambda one: one.number), what)

        if fails([]):
            return rest
        try:
            found = minimal([one for one in fed if mine(one)], fails)
        except NotFailing:
            return fed
        return sorted([*rest, *found], key=lambda one: one.number)

    def _with(self, fed: Sequence[Recorded], what: str) -> bool:
        self._told(what, self._total, len(fed))
        if self._anew:
            with Recorder(self._candidate, self._header, guided=False) as recorder:
                for record in fed:
                    recorder.take(record)
                recorder.end()
        else:
            with Writer(self._candidate, self._header) as writer:
                for record in self._following(fed):
                    writer.write(record)
                writer.end("")
            if (
                not _facts(replay(Recording(self._candidate, self._header)).partings)
                <= self._parted
            ):
                return False
        return self._fails(self._candidate)

    def _following(self, fed: Sequence[Recorded]) -> Iterator[Recorded]:
        """Yield these, and the recorded facts that follow from them, or from time alone."""
        kept = {one.number for one in fed}
        gone: set[str] = set()
        for record in self._records:
            event = record.event
            if record.number in kept:
                yield record
            elif not is_decided(event) or event.cause in gone:
                gone.add(event.id)
            else:
                yield record


def _facts(partings: Sequence[Parting]) -> set[_Fact]:
    return {_Fact(one.subject, one.alike) for one in partings}
