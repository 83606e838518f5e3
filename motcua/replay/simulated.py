"""Records a simulated day: drawn from a seed, decided in this process."""

from __future__ import annotations

from pathlib import Path

from contracts.catalogue import load_catalogue
from contracts.rules import sample_rules
from contracts.version import VERSION
from motcua.replay.header import Header, choices_of
from motcua.replay.lines import Recorded
from motcua.replay.recorder import Recorder, ticks
from motcua.simulate import SimulatedDay, slices
from services.notify.dossier.policy import Policy
from services.runtime import ClockKind


def record_simulated(path: Path, day: SimulatedDay, policy: Policy | None = None) -> None:
    """Write a simulated day as a recording: of one partition, under the product's sample rules."""
    header = Header(
        release=VERSION,
        clock=ClockKind.STREAM,
        until=day.ends,
        partitions=1,
        rules=(sample_rules(),),
        choices=choices_of(policy or Policy(load_catalogue())),
    )
    with Recorder(path, header, guided=False) as recorder:
        number = 0
        for piece in slices(day.requests, ends=day.ends):
            for event in piece.events:
                number += 1
                recorder.take(Recorded(number, event.data.TOPIC, 0, event))
            for tick in ticks(piece.until):
                number += 1
                recorder.take(tick._replace(number=number))
        recorder.end()
