"""Read the ends of several log files, and go on as they grow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.local.host.errors import log_tail

LOOK_EVERY_S = 0.3


def follow(paths: Mapping[str, Path], lines: int, *, forever: bool) -> Iterator[tuple[str, str]]:
    """Yield the last `lines` lines of each file with its name, then, with `forever`, new lines.

    A file that does not exist yet is waited for; one that was replaced is read from its start.
    """
    positions = {name: path.stat().st_size if path.exists() else 0 for name, path in paths.items()}
    for name, path in paths.items():
        for line in log_tail(path, lines).splitlines() if lines else ():
            yield name, f"{line}\n"
    while forever:
        grown = False
        for name, path in paths.items():
            size = path.stat().st_size if path.exists() else 0
            if size < positions[name]:
                positions[name] = 0
            if size > positions[name]:
                grown = True
                with path.open("rb") as log:
                    log.seek(positions[name])
                    added = log.read(size - positions[name])
                whole = added[: added.rfind(b"\n") + 1]  # the rest of a line comes next time
                positions[name] += len(whole)
                for line in whole.decode("utf-8", "replace").splitlines():
                    yield name, f"{line}\n"
        if not grown:
            time.sleep(LOOK_EVERY_S)  # a file cannot tell that it has grown
