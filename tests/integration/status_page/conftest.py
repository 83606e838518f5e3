"""A status page behind one proxy, and a citizen who asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.wire.topics import PAGE
from deploy.local.stack.city import City, Instance
from tests.support.citizen import PUBLIC, Citizen
from tests.support.office import Office


@pytest.fixture(scope="module")
def instance(city: City) -> Iterator[Instance]:
    """A page that stands behind one proxy of ours, which each test plays."""
    instance = city.start(
        PAGE,
        public_url=PUBLIC,
        trusted_proxies=1,
        live_pages_by_address=2,
        # There are providers for more than the city tells everybody by; none of these is asked.
        sms_url="http://127.0.0.1:1",
        zalo_url="http://127.0.0.1:1",
    )
    city.wait_ready()
    yield instance
    city.leave(instance)


@pytest.fixture
def citizen(instance: Instance) -> Iterator[Citizen]:
    with Citizen(instance) as citizen:
        yield citizen


@pytest.fixture
def code(office: Office) -> str:
    """A dossier that is being handled."""
    code = office.hand_in()
    office.agrees(code, "in_process", "notify")
    return code
