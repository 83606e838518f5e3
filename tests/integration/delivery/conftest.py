"""A stack for all that is delivered here, and gateways of each test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack.stack import Stack
from services.runtime.kafka.topics import create_topics
from tests.support.gateways import GatewayProcess
from tests.support.post import CONTACTS, Post, register


@pytest.fixture(scope="session")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """A stack of these tests' own: their notify belongs to no city."""
    stack = Stack(tmp_path_factory.mktemp("post"), "post", die_with_parent=True, kafka_heap_mb=256)
    found = Post(stack.up(), tmp_path_factory.mktemp("cities"))
    asyncio.run(create_topics(found.settings))
    asyncio.run(register(found.settings, CONTACTS))
    yield found
    found.close()
    stack.reset()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path / "first") as found:
        yield found
