"""What the rounds and the timers of one engine share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from services.runtime.core.decider import Decider, S
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import Clock
from services.runtime.loop.faults import Faults
from services.runtime.loop.ownership import Ownership
from services.runtime.loop.reporting import Reporting
from services.runtime.loop.retry import Retry
from services.runtime.loop.states import States
from services.runtime.loop.worlds import Worlds
from services.runtime.mongo.said import Said
from services.runtime.mongo.store import Store
from services.runtime.record_keys import RecordKeys
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """Parts that the engine makes once."""

    decider: Decider[S]
    store: Store[S]
    producer: EventProducer
    clock: Clock
    settings: Settings
    faults: Faults
    states: States[S]
    worlds: Worlds
    ownership: Ownership
    retry: Retry
    reporting: Reporting
    said: Said
    keys: RecordKeys | None
    """What records are checked with; None: they are believed as they are."""
