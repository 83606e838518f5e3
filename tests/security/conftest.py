"""Attacks from outside: over HTTP, against the services as processes, on this machine alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.stack.city import City
from tests.support.office import Office


@pytest.fixture(scope="module")
def office(city: City) -> Iterator[Office]:
    """The running city, over HTTP."""
    office = Office(city)
    yield office
    office.close()
