"""The settings of the local stack, from code or environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from deploy.local.host.errors import StackError

PORT_NAMES = (
    "kafka",
    "controller",
    "mongod",
    "smtp",
    "smtp_page",
    "gateway",
    "gateway_page",
    "oidc",
)
"""The listeners of a stack. `controller` is Kafka's own inner one, of no use to clients."""

ENV_PREFIX = "MOTCUA_STACK_"


@dataclass(frozen=True)
class Settings:
    """Sizes, deadlines and fixed ports of one stack. Sizes are in MiB, times in seconds."""

    secured: bool = False
    """Whether broker and database speak TLS and ask for a login; a stack stays what it was made."""
    secured_like: str = ""
    """The folder `secured` of another stack, whose authority and users this one takes over."""
    kafka_heap_mb: int = 512
    kafka_tuned: bool = False
    """Have the JVM compile for speed, for a benchmark: a short run costs twice the processor."""
    mongo_cache_mb: int = 512
    """WiredTiger's cache; mongod takes no less than 256."""
    mongo_compressed: bool = True
    """Whether files are compressed, mongod's default. If not, stored text can be found in them."""
    smtp_fsync: bool = False
    """Answer 250 only when the message is on the disk, not merely with the operating system."""
    smtp_fail_rate: float = 0.0
    """The share of messages, 0 to 1, that is refused for now with a 451."""
    gateway_ignore_keys: bool = False
    """Accept a repeated message again, as a provider does that honours no keys."""
    gateway_fail_rate: float = 0.0
    """The share of messages, 0 to 1, that is refused for now with a 503."""
    start_timeout_s: float = 90.0
    """How long each part may take until it answers."""
    stop_timeout_s: float = 20.0
    """How long a part may take to end on its own before it is killed."""
    min_free_mb: int = 1024
    fixed_ports: Mapping[str, int] = field(default_factory=dict)
    """Ports that must not move, by listener name (see `PORT_NAMES`)."""

    def __post_init__(self) -> None:
        unknown = set(self.fixed_ports) - set(PORT_NAMES)
        if unknown:
            raise StackError(
                f"There is no listener called {', '.join(sorted(unknown))}.",
                f"Listeners are: {', '.join(PORT_NAMES)}.",
            )


def from_environment(
    overrides: Mapping[str, object], env: Mapping[str, str] | None = None
) -> Settings:
    """Read settings from `MOTCUA_STACK_<FIELD>` and `MOTCUA_STACK_<LISTENER>_PORT` variables.

    `overrides` win over the environment. Raise `StackError` for a variable whose value cannot be
    read as its type, and for an override that does not exist.
    """
    source = os.environ if env is None else env
    values: dict[str, object] = {}
    for item in fields(Settings):
        raw = source.get(f"{ENV_PREFIX}{item.name.upper()}")
        if raw is not None and item.name != "fixed_ports":
            values[item.name] = _parse(f"{ENV_PREFIX}{item.name.upper()}", raw, str(item.type))
    ports = {
        name: _port(variable, source[variable])
        for name in PORT_NAMES
        if (variable := f"{ENV_PREFIX}{name.upper()}_PORT") in source
    }
    values["fixed_ports"] = ports
    known = {item.name for item in fields(Settings)}
    if unknown := set(overrides) - known:
        raise StackError(
            f"The local stack has no setting {', '.join(sorted(unknown))}.",
            f"Settings are: {', '.join(sorted(known))}.",
        )
    values.update(overrides)
    return Settings(**values)  # type: ignore[arg-type]  # each value was parsed as its field's type


def _parse(variable: str, raw: str, kind: str) -> object:
    try:
        if kind == "bool":
            return {"1": True, "true": True, "0": False, "false": False}[raw.lower()]
        if kind == "str":
            return raw
        return int(raw) if kind == "int" else float(raw)
    except (KeyError, ValueError) as error:
        raise StackError(
            f"{variable}={raw!r} cannot be read as {kind}.",
            "Correct the variable or unset it." + (" Use 1 or 0." if kind == "bool" else ""),
        ) from error


def _port(variable: str, raw: str) -> int:
    port = _parse(variable, raw, "int")
    if not isinstance(port, int) or not 1024 <= port <= 65535:
        raise StackError(f"{variable}={raw!r} is not a usable port.", "Use 1024 to 65535.")
    return port
