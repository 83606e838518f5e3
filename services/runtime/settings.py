"""What a service is told by its environment. Every setting is ``MOTCUA_`` and its name.

A variable that is empty is one that is not set: so a deployment can name all of them.
"""

from __future__ import annotations

import os
from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_SECRET = "development-only"
"""Does for a trial: everyone knows it."""


class ClockKind(StrEnum):
    """Which clock fires timers."""

    WALL = "wall"
    """A live city."""
    STREAM = "stream"
    """A recorded or simulated one: its time is the highest tick seen in each partition."""


class Settings(BaseSettings):
    """What every service needs."""

    model_config = SettingsConfigDict(env_prefix="MOTCUA_", env_ignore_empty=True, extra="ignore")

    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, comma-separated."""
    mongo: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    clock: ClockKind = ClockKind.WALL
    partitions: int = Field(default=12, ge=1, le=1000)
    """How many partitions the topics are created with. It is never changed afterwards."""
    replication: int = Field(default=1, ge=1)
    """How many brokers hold each partition; 3 in production."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """Where HTTP is served; 0 takes a free port and logs it."""
    answer_timeout: float = Field(default=5.0, gt=0)
    """Seconds that an HTTP request waits for its answer before it says 202."""
    max_body: int = Field(default=262_144, ge=1024)
    """The largest HTTP body that is read, in bytes."""
    body_timeout: float = Field(default=10.0, gt=0)
    """Seconds within which an HTTP body has to be there whole."""
    requests_at_once: int = Field(default=2_000, ge=1)
    """HTTP requests that one instance answers at the same time; one more is told to come later.
    Status pages that stay open are not among them, nor is whoever asks how the service is."""

    batch_records: int = Field(default=4000, ge=1)
    """How many records are handled together at the most."""
    batch_wait_ms: int = Field(default=20, ge=1)
    """How long the consumer waits for records before it looks up again."""
    batch_gap_ms: int = Field(default=100, ge=0)
    """A batch of few records is begun so long after the one before at the earliest, by the wall
    clock: it is what a trickle of events is delayed by in each service, at the most."""
    cache_states: int = Field(default=8_000, ge=0)
    """How many dossiers' states an engine keeps in memory."""
    timer_poll: float = Field(default=1.0, gt=0)
    """Seconds between two looks for timers that are due, by the wall clock."""
    timer_batch: int = Field(default=1000, ge=1)
    """How many timers of a partition are fired together at the most."""
    timer_turn: float = Field(default=0.5, ge=0)
    """Seconds after which timers let the records have their turn, however many are due."""
    clock_leap: float = Field(default=60.0, gt=0)
    """Seconds by which the machine's clock may leap ahead and be believed at once."""
    clock_settling: float = Field(default=30.0, ge=0)
    """Seconds for which a leap that is larger must last before it is believed."""
    retry_first: float = Field(default=0.1, gt=0)
    retry_most: float = Field(default=5.0, gt=0)
    """Seconds between two tries of a batch: doubling from the first to the most."""
    dead_letters_in_a_row: int = Field(default=1000, ge=1)
    """So many bad records, and not one good one between them, are a defect of ours."""
    session_timeout_ms: int = Field(default=10_000, ge=1000)
    """After so long without a heartbeat, the group gives an instance's partitions away."""
    stuck_after: float = Field(default=60.0, gt=0)
    """Seconds without progress, while records wait, after which an instance is unhealthy."""

    log_level: str = "INFO"
    log_json: bool = True
    lookup_secret: str = DEVELOPMENT_SECRET
    """From it the look-up keys on receipts are made. Every instance has the same."""
    stop_at: str | None = None
    """A fault drill: the point of the engine at which the process kills itself (see faults)."""


def how_set(variable: str) -> str:
    """How a variable stands: ``set``, ``not set``, or ``empty``, which was meant to be set."""
    value = os.environ.get(variable)
    return "not set" if value is None else "set" if value else "empty"
