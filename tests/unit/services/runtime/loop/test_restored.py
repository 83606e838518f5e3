"""A database that is behind what was committed is recognised; a fail-over is not taken for one."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.wire.topics import DOSSIER_EVENTS
from motcua.deciders import city_deciders
from services.runtime import Engine, Offsets, Partitions, Settings, Store, group_of, patiently
from services.runtime.core.world import first_world
from services.runtime.loop.clock import StreamClock
from services.runtime.loop.restored import DatabaseBehind, check_database
from services.runtime.mongo.partitions import Mark
from tests.simulation.broker import Broker
from tests.simulation.chances import Chances
from tests.simulation.clients import clients_of
from tests.simulation.database import Server

DECIDER = city_deciders()[0]
WORLD = first_world()


def made(server: Server, broker: Broker, owner: str) -> tuple[Engine[Any], Partitions, Offsets]:
    """An engine, its marks, and who knows its offsets."""
    database = server.client(owner)[f"motcua_{DECIDER.name}"]
    store = Store(database[DECIDER.collection], DECIDER.state_type)
    marks = Partitions(database, DOSSIER_EVENTS, DECIDER.collection)
    kafka = clients_of(broker, owner)
    engine = Engine(DECIDER, store, marks, None, StreamClock(), Settings())  # type: ignore[arg-type]
    return engine, marks, Offsets("", kafka)


async def test_what_the_old_primary_says_after_a_fail_over_is_no_restored_backup() -> None:
    server, broker = Server(Chances()), Broker(Chances(), 1, session=1.0)
    _, other, _ = made(server, broker, "another instance")
    engine, marks, offsets = made(server, broker, "ours")
    await other.write({0: Mark(5, WORLD)})
    server.fail_over(misled={"ours"})
    await other.write({0: Mark(9, WORLD)})
    broker.group(group_of(DECIDER.name, DOSSIER_EVENTS), DOSSIER_EVENTS).committed[0] = 9

    assert (await marks.load([0]))[0].next == 5, "it should ask the old primary"
    await patiently(lambda: check_database(engine, offsets))


async def test_a_database_that_is_behind_by_the_new_primary_too_is_a_restored_one() -> None:
    server, broker = Server(Chances()), Broker(Chances(), 1, session=1.0)
    engine, marks, offsets = made(server, broker, "ours")
    await marks.write({0: Mark(5, WORLD)})
    broker.group(group_of(DECIDER.name, DOSSIER_EVENTS), DOSSIER_EVENTS).committed[0] = 9

    with pytest.raises(DatabaseBehind, match="end at 5 and the offset is 9"):
        await check_database(engine, offsets)
