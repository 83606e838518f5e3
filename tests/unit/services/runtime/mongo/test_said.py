"""What timers are about to say is remembered by partition, until it is written."""

from __future__ import annotations

from contracts.wire.envelope import short_id
from services.runtime.mongo.said import Said
from tests.simulation.chances import Chances
from tests.simulation.database import Server

ONE, OTHER, THIRD = (short_id(text) for text in ("one", "other", "third"))


def said(collection: str, server: Server) -> Said:
    return Said(server.client()["motcua_sla"], "dossier.events", collection)


async def test_what_was_noted_is_known_to_every_instance_in_its_partition_alone() -> None:
    server = Server(Chances())
    await said("dossiers", server).note(0, [ONE, OTHER])
    await said("dossiers", server).note(0, [THIRD])
    next_owner = said("dossiers", server)
    assert await next_owner.of({ONE: 0, THIRD: 0, short_id("forged"): 0}) == {ONE, THIRD}
    assert await next_owner.of({ONE: 1}) == set()
    assert await said("desks", server).of({ONE: 0}) == set()


async def test_what_is_written_is_struck_out_by_the_next_round_of_its_partition() -> None:
    server = Server(Chances())
    kept = said("dossiers", server)
    await kept.note(0, [ONE])
    await kept.note(1, [OTHER])
    kept.written(0, [ONE])
    await kept.note(0, [THIRD])
    assert await kept.of({ONE: 0, OTHER: 1, THIRD: 0}) == {OTHER, THIRD}


async def test_a_round_that_came_to_no_end_is_remembered_with_what_it_says_when_repeated() -> None:
    server = Server(Chances())
    kept = said("dossiers", server)
    await kept.note(0, [ONE, OTHER])
    await kept.note(0, [OTHER, THIRD])
    assert await kept.of({ONE: 0, OTHER: 0, THIRD: 0}) == {ONE, OTHER, THIRD}
    kept.written(0, [OTHER, THIRD])
    await kept.note(0, [OTHER])
    assert await kept.of({ONE: 0, OTHER: 0, THIRD: 0}) == {ONE, OTHER}


async def test_what_an_instance_said_that_was_killed_outlives_all_that_others_say() -> None:
    server = Server(Chances())
    await said("dossiers", server).note(0, [ONE])
    follower = said("dossiers", server)
    for number in range(50):
        await follower.note(0, [short_id(str(number))])
        follower.written(0, [short_id(str(number))])
    assert await follower.of({ONE: 0, short_id("0"): 0, short_id("49"): 0}) == {
        ONE,
        short_id("49"),
    }
