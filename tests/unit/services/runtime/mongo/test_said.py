"""What timers are about to say is remembered by partition, as far back as a kill can matter."""

from __future__ import annotations

from contracts.wire.envelope import short_id
from services.runtime.mongo.said import _KEPT, Said
from tests.simulation.chances import Chances
from tests.simulation.database import Server


def said(collection: str, server: Server) -> Said:
    return Said(server.client()["motcua_sla"], "dossier.events", collection)


async def test_what_was_noted_is_known_to_every_instance_in_its_partition_alone() -> None:
    server = Server(Chances())
    one, other, third = (short_id(text) for text in ("one", "other", "third"))
    await said("dossiers", server).note(0, [one, other])
    await said("dossiers", server).note(0, [third])
    next_owner = said("dossiers", server)
    assert await next_owner.of({one: 0, third: 0, short_id("forged"): 0}) == {one, third}
    assert await next_owner.of({one: 1}) == set()
    assert await said("desks", server).of({one: 0}) == set()


async def test_only_the_last_rounds_are_remembered() -> None:
    server = Server(Chances())
    first = short_id("first")
    kept = said("dossiers", server)
    await kept.note(0, [first])
    for number in range(_KEPT):
        assert await kept.of({first: 0}) == {first}
        await kept.note(0, [short_id(str(number))])
    assert await kept.of({first: 0}) == set()
