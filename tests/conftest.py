"""The real stack for the tests that need it: Kafka and MongoDB from packages, started once."""

from __future__ import annotations

import asyncio
import os
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from services.runtime.kafka.topics import create_topics
from services.runtime.logging import configure
from services.runtime.mongo.client import Database, client
from services.runtime.settings import Settings
from tests.support.fork_server import fork
from tests.support.properties import is_long
from tests.support.secured import secure_all_stacks

pytest_plugins = ("tests.support.skips", "motcua.testing.plugin")

# The secrets that tests use stand in them.
os.environ["MOTCUA_TRIAL"] = "1"

# What runs the tests side by side says how wide their output is to be; here each test says it.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

hypothesis_settings.load_profile("short")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be one of secured stacks."""
    parser.addoption(
        "--secured",
        action="store_true",
        help="every stack speaks TLS and asks for a login, and services may do only what they must",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw one seed for the whole run; those that run side by side are told it."""
    if config.option.secured:
        secure_all_stacks()
    if config.option.hypothesis_seed is None:
        told = getattr(config, "workerinput", {}).get("hypothesis_seed")
        config.option.hypothesis_seed = told or str(secrets.randbelow(2**32))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker the seed of the run: pytest-xdist hands on only what was typed."""
    node.workerinput["hypothesis_seed"] = seed_of(node.config)


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to draw the same examples again."""
    return f"properties: the same examples again with --hypothesis-seed={seed_of(config)}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say it again where something failed."""
    if terminalreporter.stats.get("failed"):
        terminalreporter.write_line(pytest_report_header(config))


def seed_of(config: pytest.Config) -> str:
    """The seed that examples are drawn from."""
    return str(config.option.hypothesis_seed)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this test run's own; it ends with the run, however that ends."""
    configure("tests", level="ERROR", as_json=False)
    # Not in the checkout: a second run beside this one would take its stack away.
    stack = Stack(tmp_path_factory.mktemp("stack"), "test", die_with_parent=True)
    stack.up()
    yield stack
    stack.reset()


@pytest.fixture(scope="session")
def endpoints(stack: Stack) -> Endpoints:
    """Where the stack serves."""
    return stack.endpoints()


@pytest.fixture(scope="session")
def settings(endpoints: Endpoints) -> Settings:
    """The settings of a service on that stack, the topics created."""
    made = Settings(
        kafka=endpoints.kafka,
        mongo=endpoints.mongo,
        partitions=4,
        session_timeout_ms=2000,
        batch_gap_ms=10,
        retry_first=0.02,
        retry_most=0.2,
    )
    asyncio.run(create_topics(made))
    return made


@pytest.fixture(scope="module")
def city(
    endpoints: Endpoints, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    """The four services as processes on that stack, by the wall clock.

    They end with the file that asks for them: idle, they use a third of a processor.
    """
    with City(
        endpoints,
        tmp_path_factory.mktemp("city"),
        launch=fork,
        clock="wall",
        partitions=settings.partitions,
        session_timeout_ms=settings.session_timeout_ms,
        lookup_secrets="1:tests",
        channels="email",
        quiet_from="00:00",  # whenever the tests run
        quiet_until="00:00",
        batch_gap_ms=10,  # one thing is asked after another: nothing is gained by waiting for more
    ) as city:
        city.start_all()
        yield city


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database of this test's own."""
    mongo = client(settings.mongo)
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield mongo[name]
    await mongo.drop_database(name)
    mongo.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes minutes to the long run. Put the longest first and the shortest last: they
    fill what is left of a worker's time."""
    if not is_long():
        left = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if item.get_closest_marker("chaos"):
        return 0
    if item.get_closest_marker("slow"):
        return 1
    return 2 if item.get_closest_marker("integration") else 3
