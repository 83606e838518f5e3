"""Settings of a service, from its environment. Every variable is ``MOTCUA_`` and the field's name.

An empty variable counts as not set: so a deployment can name all of them.
"""

from __future__ import annotations

import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.refusal import SettingsWrong


class ClockKind(StrEnum):
    """Which clock fires timers."""

    WALL = "wall"
    """A live city."""
    STREAM = "stream"
    """A recorded or simulated city: its time is the highest tick seen in each partition."""


class Settings(BaseSettings):
    """The settings that every service needs."""

    model_config = SettingsConfigDict(
        env_prefix="MOTCUA_",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,  # it may be a secret
    )

    trial: bool = False
    """A trial may use secrets that everyone knows, send mail in clear, and start without a sign-in.
    Never set it where there is anything real."""

    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, comma-separated."""
    mongo: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    clock: ClockKind = ClockKind.WALL
    partitions: int = Field(default=12, ge=1, le=1000)
    """The number of partitions that topics are created with. It is never changed afterwards."""
    replication: int = Field(default=1, ge=1)
    """The number of brokers that hold each partition; 3 in production."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """The port of HTTP; 0 takes a free port and logs it."""
    answer_timeout: float = Field(default=5.0, gt=0)
    """Seconds that an HTTP request waits for its answer before it returns 202."""
    max_body: int = Field(default=32_768, ge=1024)
    """The largest HTTP body that is read, in bytes, where a route does not say another number."""
    body_timeout: float = Field(default=10.0, gt=0)
    """Seconds within which the headers of an HTTP request must arrive, and then its whole body."""
    body_bytes_at_once: int = Field(default=33_554_432, ge=1_048_576)
    """The most bytes of HTTP bodies that one instance holds at the same time; further ones are told
    to come later."""
    oidc_issuer: str | None = None
    """The city's OIDC provider, as its tokens name it. Its keys are found by discovery."""
    oidc_audience: str = "motcua"
    """Whom a token must be made out to."""
    oidc_skew: float = Field(default=30.0, ge=0, le=300)
    """Seconds by which the provider's clock may be wrong."""
    trusted_proxies: int = Field(default=0, ge=0, le=9)
    """How many of the city's own proxies stand before the service: ``X-Forwarded-For`` is believed
    that far back. 0: a client's address is that of its connection. Guesses are counted, and
    requests audited, by that address."""
    audit_key: SecretStr | None = None
    """``number:hex``, as `motcua audit key` prints it for this service: what its links of the audit
    are hashed under. Without it, whoever may write the topic can write a chain."""
    requests_at_once: int = Field(default=2_000, ge=1)
    """The most HTTP requests that one instance answers at the same time; further ones are told to
    come later. Open status pages, health checks and metrics are not counted."""

    query_timeout: float = Field(default=10.0, gt=0)
    """Seconds that the database may take for all queries of one HTTP request, beside the time that
    its answer is waited for; routes that count have a limit of their own."""

    batch_records: int = Field(default=4000, ge=1)
    """The most records that are handled together."""
    batch_wait_ms: int = Field(default=20, ge=1)
    """Milliseconds that the consumer waits for records before it looks again."""
    batch_gap_ms: int = Field(default=100, ge=0)
    """The least milliseconds, by the wall clock, from the start of a batch of few records to the
    next. A trickle of events is delayed by at most this in each service."""
    cache_states: int = Field(default=8_000, ge=0)
    """The number of dossiers' states that an engine keeps in memory."""
    timer_poll: float = Field(default=1.0, gt=0)
    """Seconds between two looks for due timers, by the wall clock."""
    timer_batch: int = Field(default=1000, ge=1)
    """The most timers of a partition that are fired together."""
    timer_turn: float = Field(default=0.5, ge=0)
    """Seconds after which timers let records have their turn, however many timers are due."""
    clock_leap: float = Field(default=60.0, gt=0)
    """The machine's clock may leap ahead by this many seconds and be believed at once."""
    clock_apart: float = Field(default=10.0, gt=0)
    """By how many seconds the machine's clock may differ, at the start, from the database's and the
    log's: a service with the wall clock does not start otherwise."""
    clock_settling: float = Field(default=30.0, ge=0)
    """Seconds that a larger leap must last before it is believed."""
    retry_first: float = Field(default=0.1, gt=0)
    retry_most: float = Field(default=5.0, gt=0)
    """Seconds between two tries of a batch: doubling from `retry_first` to `retry_most`."""
    dead_letters_in_a_row: int = Field(default=1000, ge=1)
    """This many bad records without a good one between them are a defect of ours."""
    session_timeout_ms: int = Field(default=10_000, ge=1000)
    """Milliseconds without a heartbeat until the group gives an instance's partitions away."""
    stuck_after: float = Field(default=60.0, gt=0)
    """Seconds without progress, while records wait, after which an instance is unhealthy."""

    record_keys_file: Path | None = None
    """A file of lines ``SIGNER GENERATION BASE64``: what records are signed and checked with. The
    first of a signer signs."""
    record_keys_since: datetime | None = None
    """What the broker took before this moment needs no signature; None: everything needs one."""

    log_level: str = "INFO"
    log_json: bool = True
    stop_at: str | None = None
    """A fault drill: the point of the engine at which the process kills itself (see faults)."""


SettingsT = TypeVar("SettingsT", bound=Settings)


def settings_told(kind: type[SettingsT]) -> SettingsT:
    """Return the settings that the environment tells. Raise SettingsWrong, with each that is."""
    try:
        return kind()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise SettingsWrong("; ".join(map(_told, faults))) from None


def _told(fault: ErrorDetails) -> str:
    """Return a fault in words, with the variable that it is of; some are of several."""
    variables = [f"MOTCUA_{str(name).upper()}" for name in fault["loc"][:1]]
    return ": ".join([*variables, fault["msg"].removeprefix("Value error, ")])


def how_set(variable: str) -> str:
    """Return how a variable is set: ``set``, ``not set``, or ``empty``, perhaps by mistake."""
    value = os.environ.get(variable)
    return "not set" if value is None else "set" if value else "empty"
