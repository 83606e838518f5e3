"""The ports of a stack: chosen once, remembered in its folder, moved only when they must."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from deploy.local.host.errors import PortBusy, StackError
from deploy.local.host.settings import ENV_PREFIX, PORT_NAMES

# Below Linux's range for outgoing connections (32768 and up): any client socket may take a port in
# that range while a part is down, and the part could not come back on it.
FIRST, LAST = 21000, 31999


def is_free(port: int) -> bool:
    """Return whether a listener could be opened on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        # Past connections in TIME_WAIT do not keep Kafka and mongod from listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def candidates(key: str) -> Iterator[int]:
    """Return every port of the range once, from a place that depends on `key`.

    Two checkouts begin at different places, so they seldom meet.
    """
    size = LAST - FIRST + 1
    start = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % size
    return (FIRST + (start + step) % size for step in range(size))


def choose(
    key: str,
    remembered: Mapping[str, int],
    fixed: Mapping[str, int],
    ours: Iterable[str] = (),
    free: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """Choose a port for every listener.

    `fixed` ones are taken as they are, `remembered` ones kept if free, others found from
    `candidates(key)`. `ours` names the listeners whose part is running: this stack itself holds
    their ports, which stay. Raise `PortBusy` if another process holds a fixed port, and
    `StackError` if a running part should be on another port than it is.
    """
    ours = set(ours)
    result: dict[str, int] = {}
    search = candidates(key)
    reserved = {*fixed.values(), *(remembered[name] for name in ours if name in remembered)}
    for name in PORT_NAMES:
        old = remembered.get(name)
        wanted = fixed.get(name)
        if name in ours and old is not None:
            if wanted is not None and wanted != old:
                raise StackError(
                    f"{name} runs on port {old}, but {_variable(name)} asks for {wanted}.",
                    "Run `motcua stack down`, then `up` again.",
                )
            result[name] = old
        elif wanted is not None:
            if not free(wanted):
                raise busy(name, wanted, fixed=True)
            result[name] = wanted
        elif old is not None and old not in reserved and free(old):
            result[name] = old
        else:
            taken = reserved | set(result.values()) | set(remembered.values())
            result[name] = next(port for port in search if port not in taken and free(port))
    return result


def busy(name: str, port: int, *, fixed: bool) -> PortBusy:
    """Return the error for a port that another process holds and that must not move."""
    remedy = f"See who holds it with `ss -ltnp 'sport = :{port}'` and end it, or "
    remedy += (
        f"choose another port in {_variable(name)}." if fixed else "run `motcua stack up` again."
    )
    return PortBusy(f"Port {port} for {name} is held by another process.", remedy)


def _variable(name: str) -> str:
    return f"{ENV_PREFIX}{name.upper()}_PORT"


def load(path: Path) -> dict[str, int]:
    """Return the remembered ports; none before the first `up`."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    return {name: int(content[name]) for name in PORT_NAMES if name in content}


def save(path: Path, ports: Mapping[str, int]) -> None:
    """Remember the ports; a reader sees the old file or the new one, never half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(dict(ports), indent=2) + "\n")
    fresh.replace(path)
