"""Records a simulated day: drawn from a seed, decided in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from contracts.catalogue import load_catalogue
from contracts.rules import sample_rules
from contracts.version import VERSION
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from motcua.feed import tick
from motcua.replay.header import Header, choices_of
from motcua.replay.lines import Recorded
from motcua.replay.recorder import Recorder
from motcua.simulate import SimulatedDay, slices
from services.notify.dossier.policy import Policy
from services.runtime import ClockKind


def record_simulated(path: Path, day: SimulatedDay, policy: Policy | None = None) -> None:
    """Write a simulated day as a recording: of one partition, under the product's sample rules."""
    header = header_of(day.ends, policy or Policy(load_catalogue()))
    with Recorder(path, header, guided=False) as recorder:
        for record in fed(day):
            recorder.take(record)
        recorder.end()


def header_of(until: datetime, policy: Policy) -> Header:
    """Return the header of a stream of one partition, under the product's sample rules."""
    return Header(
        release=VERSION,
        clock=ClockKind.STREAM,
        until=until,
        partitions=1,
        rules=(sample_rules(),),
        choices=choices_of(policy),
    )


def fed(day: SimulatedDay) -> Iterator[Recorded]:
    """Yield what is asked in a day, and the ticks between."""
    number = 0
    for piece in slices(day.requests, ends=day.ends):
        for event in piece.events:
            number += 1
            yield Recorded(number, event.data.TOPIC, 0, event)
        # The desks' comes later because the dossiers' decides what a morning contains.
        for topic in (DOSSIER_EVENTS, UNIT_ALERTS):
            number += 1
            yield Recorded(number, topic, 0, tick(piece.until))
