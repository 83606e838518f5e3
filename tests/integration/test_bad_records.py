"""Bad records on the log: none is lost, none stops the others, and order is never broken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from typer.testing import CliRunner, Result

from contracts.events import intake
from contracts.model import EventData
from contracts.wire.codec import Record, encode
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.cli import build
from services.intake.decider import IntakeDecider
from services.intake.state import Intake
from services.runtime import World
from services.runtime.core.dead_letter import KEPT_BODY, redriven
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.dead_letters import CannotRedrive, DeadLetters
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.retry import Defect
from services.runtime.settings import Settings
from services.shared.lifecycle import PublicStatus
from tests.support.eventually import soon
from tests.support.stage import (
    Stage,
    a_stage,
    code_of,
    reception,
    receptions,
    supplement_delivery,
    supplement_demand,
    withdrawal,
)

pytestmark = pytest.mark.integration


class Broken(IntakeDecider):
    """Intake with a defect in its decision on withdrawals, until it is mended."""

    mended = False

    def decide(self, world: World, state: Intake, request: Event) -> Sequence[EventData]:
        if isinstance(request.data, intake.WithdrawalRequested) and not self.mended:
            raise ZeroDivisionError("a defect in the decision")
        return super().decide(world, state, request)


def _broken(stage: Stage) -> Broken:
    made: Broken = stage.cast(Broken())
    return made


def _record(number: int, **changes: Any) -> Record:
    """The record of a reception with some of its parts changed; None takes a header away."""
    good = encode(reception(code_of(number)))
    headers = {**dict(good.headers), **{k: v for k, v in changes.items() if k.startswith("ce_")}}
    return Record(
        changes.get("key", good.key),
        changes.get("value", good.value),
        [(k, v) for k, v in headers.items() if v is not None],
    )


BAD: dict[str, tuple[Record, str]] = {
    "garbage": (_record(1, value=b"\x00\xff\xfegarbage"), "bad-body"),
    "another shape": (_record(2, value=b'{"filing": 7}'), "bad-body"),
    "no headers": (Record(code_of(3).encode(), b"{}", []), "missing-header"),
    "no id": (_record(4, ce_id=None), "missing-header"),
    "no time": (_record(5, ce_time=b"some time"), "bad-header"),
    "unknown type": (_record(6, ce_type=b"vn.motcua.CoffeeBrewed.v1"), "unknown-type"),
    "newer version": (_record(7, ce_type=b"vn.motcua.ReceptionRequested.v99"), "newer-version"),
    "another dossier's key": (_record(1008, key=code_of(8).encode()), "wrong-key"),
    "a key that is no code": (_record(9, key=b"\xffkey"), "wrong-key"),
    "no key": (_record(10, key=None), "wrong-key"),
    "null body": (Record(*_record(11)[:1], None, _record(11).headers), "bad-body"),  # type: ignore[arg-type]
    "not UTF-8": (_record(12, ce_source=b"\xff"), "bad-header"),
}


async def test_every_bad_record_is_among_the_dead_letters_and_the_partition_goes_on(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        for number, (record, _) in enumerate(BAD.values()):
            await stage.put_records(record)
            await stage.put(reception(code_of(100 + number)))
        await stage.act()
        await stage.rest()

        letters = await stage.letters()
        assert [x.fault for x in letters] == [fault for _, fault in BAD.values()]
        assert all(x.detail for x in letters)
        kept = [(x.key, x.value, list(x.headers)) for x in letters]
        assert kept == [(r.key, r.value or b"", list(r.headers)) for r, _ in BAD.values()]
        # Only what has a dossier's code for a key holds that dossier up.
        held = [x.subject for x in letters if x.number]
        assert held == [code_of(n) for n in (*range(1, 9), 11, 12)]
        states = dict([s async for s in stage.store().states()])
        for number in range(len(BAD)):
            assert states[code_of(100 + number)].status is PublicStatus.RECEIVED


async def test_a_record_of_ten_megabytes_is_refused_where_it_is_written(
    settings: Settings,
) -> None:
    producer = EventProducer(settings.kafka)
    before_broker = _record(1, value=b"x" * 10_000_000)
    by_broker = _record(1, value=b"x" * 1_500_000)
    for record in (before_broker, by_broker):
        with pytest.raises(MessageSizeTooLargeError):
            await producer.write(DOSSIER_EVENTS, [record])
    await producer.stop()


async def test_of_a_record_too_large_to_read_only_a_reference_is_kept(settings: Settings) -> None:
    large = _record(1, value=b"x" * 10_000_000)
    async with a_stage(settings, max_message_bytes="12000000") as stage:
        async with AIOKAFKA.producer(
            bootstrap_servers=settings.kafka, max_request_size=12_000_000
        ) as producer:
            await producer.send_and_wait(
                stage.topic, large.value, key=large.key, headers=list(large.headers)
            )
        await stage.put(reception(code_of(2)))
        await stage.act()
        await stage.rest()
        (letter,) = await stage.letters()
        assert (letter.fault, letter.truncated) == ("too-large", True)
        assert letter.id == f"{stage.topic}/0/0"
        assert letter.value is not None
        assert len(letter.value) < KEPT_BODY
        assert (await stage.subject(code_of(2))).state.status is PublicStatus.RECEIVED
        async with DeadLetters(settings.kafka, stage.name) as desk:
            with pytest.raises(CannotRedrive, match="too large to keep"):
                await desk.redrive([letter])
            assert await desk.purge([letter]) == []
        await stage.put(reception(code_of(1)))
        await stage.rest()
        assert (await stage.subject(code_of(1))).state.status is PublicStatus.RECEIVED


async def test_later_records_of_a_dossier_wait_and_are_put_back_in_order(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        decider = _broken(stage)
        await stage.act(decider)
        code, other = code_of(1), code_of(2)
        await stage.put(reception(code), reception(other), withdrawal(code, 1))
        await stage.put(supplement_demand(code, 2), supplement_demand(other, 2))
        await stage.put(supplement_delivery(code, 3))
        await stage.rest()

        letters = await stage.letters()
        assert [(x.subject, x.number, x.fault) for x in letters] == [
            (code, 1, "decision-raised"),
            (code, 2, "held"),
            (code, 3, "held"),
        ]
        assert "ZeroDivisionError('a defect in the decision')" in letters[0].detail
        assert (await stage.subject(code)).state.status is PublicStatus.RECEIVED
        assert (await stage.subject(other)).state.status is PublicStatus.SUPPLEMENT_REQUESTED

        async with DeadLetters(settings.kafka, stage.name) as desk:
            # As long as the first is bad, none moves.
            assert len(await desk.redrive(letters, timeout=1.0)) == 3
            assert (await stage.subject(code)).state.status is PublicStatus.RECEIVED
            decider.mended = True
            assert await desk.redrive(letters) == []
            done = await stage.subject(code)
            assert done.hold is None
            assert done.state.status is PublicStatus.WITHDRAWN
            assert done.state.supplements == ()
            told = [name for subject, name, _ in await stage.facts() if subject == code]
            assert told == [
                "DossierReceived",
                "DossierWithdrawn",
                "SupplementDemandRefused",
                "SupplementDeliveryRefused",
            ]

            # A letter that is put back once more, by command or on the log itself, changes nothing.
            assert await desk.redrive(letters) == []
            await stage.put_records(*(redriven(x, skip=False) for x in letters))
            await stage.put_records(redriven(letters[0], skip=True))
            await stage.rest()
        assert (await stage.subject(code)).document() == done.document()
        assert max((await stage.facts()).values()) == 1
        assert await stage.letters() == []


async def test_a_record_whose_key_is_bad_stays_among_the_dead_letters_until_it_is_purged(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        await stage.put_records(BAD["a key that is no code"][0])
        await stage.act()
        await stage.rest()
        letters = await stage.letters()
        assert len(letters) == 1
        async with DeadLetters(settings.kafka, stage.name) as desk:
            await desk.redrive(letters, timeout=1.0)
            await stage.rest()
            still = await stage.letters()
            assert [(x.fault, x.value) for x in still] == [(x.fault, x.value) for x in letters]
            assert await desk.purge(still) == []
        await stage.rest()
        assert await stage.letters() == []


async def test_the_commands_list_show_redrive_and_purge(settings: Settings) -> None:
    runner = CliRunner(env={"COLUMNS": "400"})

    async def run(*command: str) -> Result:
        line = ["dead-letters", *command, "--kafka", settings.kafka]
        return await asyncio.to_thread(runner.invoke, build(), line)

    # The commands know only the services; so this stage has intake's name and a log of its own.
    async with a_stage(settings, name="intake") as stage:
        decider = _broken(stage)
        await stage.act(decider)
        first, second = code_of(7001), code_of(7002)
        for code in (first, second):
            await stage.put(reception(code), withdrawal(code, 1), supplement_demand(code, 2))
        await stage.rest()
        letters = {(x.subject, x.number): x for x in await stage.letters()}

        shown = await run("list", "intake", "--dossier", first)
        assert shown.exit_code == 0
        assert letters[first, 1].id in shown.output
        assert letters[first, 2].id in shown.output
        assert second not in shown.output
        assert "decision-raised" in shown.output
        shown = await run("show", "intake", letters[first, 1].id)
        assert "a defect in the decision" in shown.output
        assert "ce_type: vn.motcua.WithdrawalRequested.v1" in shown.output
        assert '{"reason":"not needed"}' in shown.output
        assert (await run("show", "intake", "no/such/letter")).exit_code == 2
        assert (await run("redrive", "intake")).exit_code == 2
        assert (await run("list", "coffee")).exit_code == 2

        decider.mended = True
        # One letter is named; the ones behind it go with it.
        put_back = await run("redrive", "intake", letters[first, 1].id)
        assert put_back.exit_code == 0, put_back.output
        assert "2 redriven, 0 still open" in put_back.output
        assert (await stage.subject(first)).state.status is PublicStatus.WITHDRAWN

        unsaid = await run("purge", "intake", "--dossier", second)
        assert unsaid.exit_code == 1  # nobody said yes
        assert len(await stage.letters()) == 2
        given_up = await run("purge", "intake", "--dossier", second, "--yes")
        assert given_up.exit_code == 0, given_up.output
        assert "2 given up, 0 still open" in given_up.output
        purged = await stage.subject(second)
        assert purged.hold is None
        assert purged.state.status is PublicStatus.RECEIVED
        assert "no open dead letters" in (await run("list", "intake", "--dossier", second)).output
        # It goes on as if they had never been written.
        await stage.put(supplement_demand(second, 9))
        await stage.rest()
        assert (await stage.subject(second)).state.status is PublicStatus.SUPPLEMENT_REQUESTED
        decided = [name for subject, name, _ in await stage.facts() if subject == second]
        assert decided == ["DossierReceived", "SupplementDemanded"]


async def test_duplicates_on_the_log_change_nothing(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        await stage.act()
        code = code_of(1)
        story = [reception(code), supplement_demand(code, 1), supplement_delivery(code, 2)]
        await stage.put(*story)
        await stage.rest()
        once = await stage.subject(code)
        await stage.put(*story, *reversed(story))
        await stage.rest()
        assert (await stage.subject(code)).document() == once.document()
        assert sorted((await stage.facts()).values()) == [1, 1, 1]

        # And not in the memory of an instance that never saw them.
        await stage.actors[0].leave()
        await stage.act()
        await stage.put(*story)
        await stage.rest()
        assert (await stage.subject(code)).document() == once.document()
        assert sorted((await stage.facts()).values()) == [1, 1, 1]


async def test_too_many_bad_records_in_a_row_stop_the_engine_loudly(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        for number in range(4):
            await stage.put_records(_record(number, value=b"garbage"))
        await stage.put(*receptions([100]))
        actor = await stage.act(dead_letters_in_a_row=5)
        await stage.rest()  # four, and a good one between: that is no defect
        for number in range(10, 15):
            await stage.put_records(_record(number, value=b"garbage"))

        async def failed() -> bool:
            return actor.tasks.failed.done()

        await soon(failed, what="the defect")
        with pytest.raises(Defect, match="5 bad records in a row, the last: bad-body"):
            actor.tasks.failed.result()
        assert {x.subject for x in await stage.letters()} >= {code_of(n) for n in range(10, 15)}
