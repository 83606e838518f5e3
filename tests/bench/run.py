"""What one loop did, and what that took."""

from __future__ import annotations

import resource
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Run:
    """What one loop did."""

    records: int
    """Consumed."""
    began: float = 0.0
    """When its first batch came, by ``time.perf_counter``, which all processes share."""
    seconds: float = 0.0
    """From there on: joining a group takes as long for either."""
    cpu_seconds: float = 0.0
    """Of this process: broker and database not counted."""
    written: int = 0
    """Documents written."""
    published: int = 0
    """Records published."""

    @property
    def per_second(self) -> float:
        """Records consumed a second."""
        return self.records / self.seconds

    def figures(self) -> dict[str, Any]:
        """What goes into the results."""
        return asdict(self) | {"per_second": self.per_second}


def cpu() -> float:
    """The processor seconds that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
