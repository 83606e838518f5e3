"""How soon a fact is told: from its place in the log to the provider's acceptance of the SMS."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from contracts.wire.topics import SERVICES
from deploy.local.stack.endpoints import Endpoints
from services.runtime.kafka.producer import EventProducer
from tests.bench.filing import code_of, file_steadily, register_contacts
from tests.bench.sms_city import all_told, sms_city
from tests.bench.told import read_told

_WARM_UP = 20.0
"""Seconds of filing that are not counted: a broker's first are its compiler's."""


async def delays(endpoints: Endpoints, root: Path, rate: float, seconds: float) -> dict[str, Any]:
    """Of citizens who file at a steady rate, in dossiers a second, for so many seconds."""
    warm, count = int(rate * _WARM_UP), int(rate * (_WARM_UP + seconds))
    with sms_city(endpoints, root) as city:
        city.start_all(processes=SERVICES)
        await register_contacts(endpoints.kafka, endpoints.mongo, count)
        producer = EventProducer(endpoints.kafka)
        await producer.start()
        await file_steadily(producer, range(count), rate)
        await producer.stop()
        await all_told(endpoints, dossiers=count, each=3)
    told = await read_told(endpoints.kafka, endpoints.gateway_ledger)
    counted = {code_of(number) for number in range(warm, count)}
    found: dict[str, list[float]] = {}
    for key, delay in told.delays().items():
        meant = told.meant[key]
        if meant.dossier in counted:
            found.setdefault(meant.template, []).append(delay / timedelta(seconds=1))
    series = {"all": [delay for some in found.values() for delay in some], **found}
    return {
        "rate": rate,
        "dossiers": count - warm,
        "accepted_twice": sum(count - 1 for count in told.accepted.values()),
        "seconds": {name: _spread(some) for name, some in series.items()},
    }


def _spread(series: Sequence[float]) -> dict[str, float]:
    return {
        "count": len(series),
        "p50": statistics.median(series),
        "p99": statistics.quantiles(series, n=100)[98],
        "most": max(series),
    }
