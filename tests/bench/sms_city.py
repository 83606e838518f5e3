"""A city that tells by SMS alone, at all hours and as fast as it can; what its provider took."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.local.fakes.gateway.accepted import read_accepted_messages
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from tests.bench.filing import AT_ALL_HOURS
from tests.support.eventually import soon

PARTITIONS = 4
_UNBOUNDED = 100_000.0
"""Messages a second that the provider may be handed: it is not our politeness that is measured."""


def sms_city(endpoints: Endpoints, root: Path) -> City:
    """The city on this stack, not yet started."""
    return City(
        endpoints,
        root / ".motcua" / "bench" / "logs",
        partitions=PARTITIONS,
        channels="sms",
        sms_rate=_UNBOUNDED,
        **AT_ALL_HOURS,
    )


async def all_told(endpoints: Endpoints, dossiers: int, each: int) -> None:
    """Waits until the provider has `each` messages of every dossier."""

    async def there() -> bool:
        # Lines are counted, not read: the ledger is looked at while it is being written.
        lines = await asyncio.to_thread(_lines, endpoints.gateway_ledger)
        return lines >= dossiers * each

    await soon(there, timeout=300.0, what=f"{dossiers * each} messages")


def _lines(ledger: Path) -> int:
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def taken(ledger: Path, began: float, cpu: float) -> dict[str, Any]:
    """How fast the provider took what its ledger has.

    `began` is in Unix seconds; `cpu` in the processor seconds that handing it over took.
    """
    entries = list(read_accepted_messages(ledger))
    seconds = datetime.fromisoformat(entries[-1].time).timestamp() - began
    return {
        "messages": len(entries),
        "seconds": seconds,
        "per_second": len(entries) / seconds,
        "cpu_us_a_message": cpu / len(entries) * 1e6,
    }
