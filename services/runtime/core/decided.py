"""What a batch of records, or a round of timers, came to."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Generic

from contracts.wire.codec import Record
from contracts.wire.envelope import Event
from services.runtime.core.decider import S
from services.runtime.core.stored import Stored
from services.runtime.core.wanted import Wanted


@dataclass(slots=True)
class Decided(Generic[S]):
    """What a batch came to. None of it is written yet."""

    events: list[Event] = field(default_factory=list)
    dirty: dict[str, Stored[S]] = field(default_factory=dict)
    dead_letters: list[Record] = field(default_factory=list)
    outcomes: Tally[tuple[str, str]] = field(default_factory=Tally)
    """The number of records, by type and outcome."""
    faults: Tally[str] = field(default_factory=Tally)
    redriven: Tally[str] = field(default_factory=Tally)
    requests: list[str] = field(default_factory=list)
    """Ids of the answered requests, for those who wait for an answer."""
    last_error: str = ""
    differing: list[tuple[str, str, str]] = field(default_factory=list)
    """Events that came back with another content: subject, place of the record and type."""
    undecided: list[Wanted] = field(default_factory=list)
    """Facts of the service's own that its states do not know: folded, but perhaps not its own."""
    forged: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Of each record that is not believed: subject, place, type and reason."""
    set_aside: list[tuple[str, str, str, str]] = field(default_factory=list)
    """For each dead letter: subject, place of the record, fault and detail."""
