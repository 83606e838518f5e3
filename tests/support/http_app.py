"""A service's app with routes of a test's own, and what is read out of its answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.runtime.http.answers import Health, HealthStatus
from services.runtime.http.door import Door
from tests.support.health import healthy

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)


class Anybody(Door):
    """A door that is open to all."""

    def __init__(self) -> None:
        super().__init__({}, None)

    def is_open(self, method: str, path: str) -> bool:
        return True


ANYBODY = Anybody()


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=5)
    inner: dict[str, int] = {}


class Instance:
    status: HealthStatus = "idle"

    async def __call__(self) -> Health:
        return healthy(self.status)


async def reachable() -> bool:
    return True


def problem_of(response: Any, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:motcua:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    return body
