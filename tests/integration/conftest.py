"""What the tests over HTTP share."""

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
