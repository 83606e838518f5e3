"""How an instance is, for tests of the HTTP side alone."""

from __future__ import annotations

from services.runtime.http.answers import Health, HealthStatus


def healthy(status: HealthStatus = "idle") -> Health:
    """Returns what an instance says that is in this state and has nothing to do."""
    return {
        "status": status,
        "lag": 0,
        "stuck_for": 0.0,
        "partitions": 1,
        "clock": "wall",
        "now": "2024-03-07T12:00:00+00:00",
    }
