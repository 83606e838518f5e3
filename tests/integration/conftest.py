"""What the tests over HTTP share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from deploy.local.stack.city import City
from services.runtime.mongo.client import client, pymongo_client
from services.runtime.settings import Settings
from tests.support.office import Office


@pytest.fixture(scope="module")
def office(city: City) -> Iterator[Office]:
    """The running city, over HTTP."""
    office = Office(city)
    yield office
    office.close()


@pytest.fixture(params=["motor", "pymongo"])
async def mongo(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Any]:
    """A client of either kind."""
    if request.param == "motor":
        motor = client(settings.mongo)
        yield motor
        motor.close()
    else:
        async with pymongo_client(settings.mongo) as pymongo:
            yield pymongo
