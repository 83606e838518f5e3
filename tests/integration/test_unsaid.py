"""What notify's timers say to others: the same whatever is killed, hangs or is entered late.

Neither a citizen's digest nor a head's morning comes back over the topic that its decider folds.
What must be said is told by the pure decisions; what was said, by the log and the database.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from contracts.events import notify
from contracts.events.notify import MessageChannel
from contracts.model import EventData
from contracts.wire.codec import encode
from contracts.wire.envelope import Event, derive_id
from services.notify.deciders import DeskDecider, NotifyDecider
from services.notify.dossier.policy import Policy
from services.notify.quiet_hours import QuietHours
from services.runtime.settings import Settings
from tests.support.notify_dossiers import (
    BEGIN,
    CATALOGUE,
    CODE,
    DUE,
    MOVED,
    PROCESSED,
    SOON,
    STOPPED,
    retracted,
)
from tests.support.stage import Stage, a_stage
from tests.support.times import at
from tests.support.unsaid import (
    EVENING,
    Calm,
    Died,
    DiesAt,
    has_said,
    is_settled,
    said,
    starts,
    templates,
)

pytestmark = pytest.mark.integration

NOON = at(7, "13:00")
"""An hour after the digest of what was gathered in the morning is due."""
MORNING = "H29.15@2024-03-08"
WRITTEN = ("timers-written", "timers-published", "timers-persisted")
"""The arrows behind which there is no way back: what was decided is what is told."""


def _event(subject: str, data: EventData, when: datetime) -> Event:
    return Event(derive_id("test", subject, data.TYPE, repr(data)), "/tests", subject, when, data)


WARNING = _event(CODE, SOON, at(7, "09:00"))
BEGUN = [
    *(_event(CODE, data, at(7) + timedelta(seconds=n)) for n, data in enumerate(BEGIN)),
    WARNING,
]
LATE = {
    "a warning in it was wrong": _event(CODE, retracted(WARNING), at(7, "11:00")),
    "the date has moved": _event(CODE, MOVED, at(7, "11:30")),
    "it was stopped": _event(CODE, STOPPED, at(7, "11:40")),
    "it was done": _event(CODE, PROCESSED, at(7, "11:50")),
}
"""What an office enters in the afternoon, of the morning."""


def alerted(dossier: str) -> Event:
    """An alert for the head's morning."""
    data = notify.UnitAlerted(
        morning=MORNING,
        unit="H29.15",
        dossier=dossier,
        alert_id=derive_id(dossier),
        alert="ApologyOwed",
        due=DUE,
    )
    return _event(MORNING, data, at(7, "16:00"))


def dossiers(stage: Stage) -> Any:
    """Notify's own decisions, on this stage: from the second message on, routine is gathered."""
    quiet = QuietHours(time(0), time(0))
    policy = Policy(CATALOGUE, channels=(MessageChannel.EMAIL,), quiet=quiet, often=1)
    return stage.cast(NotifyDecider(policy))


def desks(stage: Stage) -> Any:
    """The desk's own decisions, on this stage."""
    return stage.cast(DeskDecider(Policy(CATALOGUE)))


async def left_unsaid(stage: Stage, decider: Any, point: str) -> Calm:
    """Has an instance die at that point, when the morning's digest is due; what it had to say."""
    calm = Calm(decider, CODE)
    calm.hears(*BEGUN)
    calm.passes(NOON)
    await stage.put_records(*map(encode, BEGUN))
    async with starts(stage, decider) as first:
        await first.reads()
        await first.dies_at(point, NOON)
    return calm


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
@pytest.mark.parametrize("point", WRITTEN)
async def test_what_is_entered_late_after_a_kill_is_told_once_and_apart_from_the_digest(
    settings: Settings, point: str, late: Event
) -> None:
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)
        calm.hears(late)
        calm.passes(EVENING)
        told = templates(calm.said)
        assert told.count("digest") == 1
        assert len(told) > 2, "the late fact is told of"

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at(point, NOON)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(EVENING)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


@pytest.mark.parametrize("point", WRITTEN)
async def test_whoever_takes_over_says_what_was_left_unsaid_if_nothing_else_happens(
    settings: Settings, point: str
) -> None:
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = await left_unsaid(stage, decider, point)
        async with starts(stage, decider) as second:
            await second.fires(NOON)
            await has_said(stage, calm.said)
            await is_settled(stage, decider, calm)
            count = len(await said(stage))
            await second.fires(NOON)
            await second.reads()
            assert len(await said(stage)) == count, "what is said is said"


@pytest.mark.parametrize("point", ["decided", "published", "persisted"])
async def test_a_second_kill_while_it_is_said_with_what_came_late_changes_nothing(
    settings: Settings, point: str
) -> None:
    late = LATE["a warning in it was wrong"]
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)
        calm.hears(late)
        calm.passes(EVENING)

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at("timers-written", NOON)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            second.engine.faults.passing = DiesAt(point).passing  # type: ignore[method-assign]
            with pytest.raises(Died):
                await second.reads()
        async with starts(stage, decider) as third:
            await third.reads()
            await third.fires(EVENING)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


async def test_what_nobody_wrote_down_is_decided_anew_with_what_was_entered_meanwhile(
    settings: Settings,
) -> None:
    late = LATE["a warning in it was wrong"]
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN, late)
        calm.passes(EVENING)
        assert templates(calm.said)[-1] == "in-process", "alone, for the warning is not told"

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at("timers-decided", NOON)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(EVENING)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


@pytest.mark.parametrize("point", WRITTEN)
async def test_an_alert_that_comes_after_a_kill_is_told_on_the_next_morning(
    settings: Settings, point: str
) -> None:
    eight, next_eight = at(8, "08:00"), at(11, "08:00")
    early, late = [alerted("a"), alerted("b")], alerted("c")
    async with a_stage(settings) as stage:
        decider = desks(stage)
        calm = Calm(decider, MORNING)
        calm.hears(*early)
        calm.passes(eight)
        calm.hears(late)
        calm.passes(next_eight)
        assert templates(calm.said) == ["head-digest", "head-digest"]

        await stage.put_records(*map(encode, early))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at(point, eight)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(next_eight)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


@pytest.mark.parametrize("waits_in", ["publish", "persist"])
async def test_an_instance_that_hangs_says_nothing_else_than_the_one_that_took_over(
    settings: Settings, waits_in: str
) -> None:
    late = LATE["a warning in it was wrong"]
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)
        calm.hears(late)
        calm.passes(EVENING)

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as hangs, starts(stage, decider) as other:
            await hangs.reads()
            stuck, goes_on = asyncio.Event(), asyncio.Event()
            part = hangs.engine.producer if waits_in == "publish" else hangs.engine.store
            does = getattr(part, waits_in)
            calls = 0

            async def waits(what: Any) -> None:
                nonlocal calls
                calls += 1
                # The second write is the one behind what was published.
                if calls == (1 if waits_in == "publish" else 2):
                    stuck.set()
                    await goes_on.wait()
                await does(what)

            setattr(part, waits_in, waits)
            turn = asyncio.create_task(hangs.engine.timers.fire_due({0: NOON}))
            hung = asyncio.create_task(stuck.wait())
            await asyncio.wait({turn, hung}, return_when=asyncio.FIRST_COMPLETED)
            assert hung.done(), "it did not come that far"
            await stage.put_records(encode(late))
            await other.reads()
            await other.fires(EVENING)
            goes_on.set()
            await turn
            await has_said(stage, calm.said)
            await is_settled(stage, decider, calm)


async def test_what_is_unsaid_of_a_dossier_is_said_though_its_next_record_holds_it(
    settings: Settings,
) -> None:
    late = encode(LATE["it was done"])
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = await left_unsaid(stage, decider, "timers-written")
        assert await said(stage) != calm.said
        await stage.put_records(late._replace(value=b"{"))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(EVENING)
        await has_said(stage, calm.said)
        held = await stage.subject(CODE, decider)
        assert held.hold is not None
        assert (held.unsaid, held.due) == ([], None)


async def test_what_can_say_no_more_what_it_waits_for_is_held_by_a_letter_that_is_written(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = await left_unsaid(stage, decider, "timers-written")
        decider.timer = _broken
        async with starts(stage, decider) as second:
            await second.fires(NOON)
        await has_said(stage, calm.said)
        (letter,) = await stage.letters()
        assert (letter.subject, letter.fault) == (CODE, "timer-raised")
        held = await stage.subject(CODE, decider)
        assert held.hold is not None
        assert (held.unsaid, held.due) == ([], None)


def _broken(*_: Any) -> None:
    raise ZeroDivisionError("a defect in what it waits for")
