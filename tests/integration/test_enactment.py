"""Rules are enacted on the log: whole, at once, and for every service in the same place."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.catalogue.load import VIETNAM
from contracts.events import routing, sla
from contracts.events.rules import RulesEnacted
from contracts.events.sla import MoveCause
from contracts.model import EventData
from contracts.rules import Files, RuleSet, sample_rules
from contracts.wire.codec import decode
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from services.runtime import NotEnacted, Offsets, Settings, create_topics, enact, enacted_sets
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.loop.consumer import group_of
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.office import CENTRE, MARITAL_STATUS, WARD_UNIT, Office
from tests.support.stage import read_topic

pytestmark = pytest.mark.integration

PARTITIONS = 4


@dataclass
class Hall:
    """A city, and who enacts its rules."""

    city: City
    office: Office
    settings: Settings
    files: dict[str, str]

    def enact(self, **changed: Callable[[str], str]) -> RuleSet:
        """Puts the rules in force from now on, with these files changed."""
        for name, change in changed.items():
            file = f"{name}.toml"
            before = self.files[file]
            self.files[file] = change(before)
            assert self.files[file] != before
        # Not from a time that is named: to connect may take longer than until then.
        done = asyncio.run(enact(self.settings, self.files, None, "cb-0007"))
        for service in ("intake", "routing", "sla", "notify"):
            eventually(
                lambda s=service: self.known(s) >= done.number,  # type: ignore[misc]
                what=f"set {done.number} at {service}",
            )
        return done

    def known(self, service: str) -> float:
        """The least number that a partition has."""
        found = [
            self.office.metric(
                service,
                "motcua_rules_number",
                service=service,
                topic=DOSSIER_EVENTS,
                partition=str(p),
            )
            for p in range(PARTITIONS)
        ]
        return min(found)

    def events(self, topic: str = DOSSIER_EVENTS) -> list[Event]:
        records = asyncio.run(read_topic(self.settings.kafka, topic))
        return [decode(r.key, r.value, r.headers) for r in records]

    def said(self, code: str, *kinds: type[EventData]) -> list[Any]:
        """What stands on the log about a dossier, of these types."""
        return [e.data for e in self.events() if e.subject == code and isinstance(e.data, kinds)]

    def due(self, code: str) -> datetime | None:
        due = self.office.view("sla", code).get("due")
        return datetime.fromisoformat(due) if due else None


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    stack = Stack(tmp_path_factory.mktemp("hall"), "hall", die_with_parent=True)
    stack.up()
    ends = stack.endpoints()
    settings = Settings(kafka=ends.kafka, mongo=ends.mongo, partitions=PARTITIONS)
    asyncio.run(create_topics(settings))
    root = tmp_path_factory.mktemp("hall")
    with City(
        ends,
        root,
        launch=fork,
        partitions=PARTITIONS,
        session_timeout_ms=2000,
        timer_poll=0.1,
        batch_gap_ms=10,
    ) as city:
        city.start_all()
        office = Office(city)
        yield Hall(city, office, settings, dict(sample_rules().files))
        office.close()
    stack.reset()


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def entry(text: str, code: str) -> str:
    """The table of a unit or procedure in a file."""
    return next(part for part in text.split("\n[[") if f'code = "{code}"' in part)


def test_a_standard_time_that_is_cut_moves_no_promise_and_holds_for_the_next_dossier(
    hall: Hall,
) -> None:
    before = hall.office.hand_in()
    due = eventually(lambda: hall.due(before))
    table = entry(hall.files["procedures.toml"], MARITAL_STATUS)
    cut = table.replace("amount = 3", "amount = 1")
    enacted = hall.enact(procedures=replaced(table, cut))
    assert enacted.number == 1

    after = hall.office.hand_in()

    earlier = eventually(lambda: hall.due(after))
    assert due is not None
    assert earlier is not None
    assert earlier < due
    assert hall.due(before) == due
    assert hall.said(before, sla.DeadlineMoved, sla.RulesApplied) == []


def test_a_set_stands_in_every_partition_once_and_nobody_lags_behind_its_marker(
    hall: Hall,
) -> None:
    for topic in (DOSSIER_EVENTS, UNIT_ALERTS):
        records = asyncio.run(read_topic(hall.settings.kafka, topic))
        events = [(r.partition, decode(r.key, r.value, r.headers)) for r in records]
        places = Counter(p for p, e in events if isinstance(e.data, RulesEnacted))
        sets = len(asyncio.run(enacted_sets(hall.settings)))
        assert places == dict.fromkeys(range(PARTITIONS), sets)

    async def behind() -> int:
        offsets = Offsets(hall.settings.kafka)
        try:
            return sum(
                [
                    await offsets.behind(group_of(service, DOSSIER_EVENTS), DOSSIER_EVENTS)
                    for service in ("intake", "routing", "sla", "notify")
                ]
            )
        finally:
            await offsets.stop()

    eventually(lambda: asyncio.run(behind()) == 0, what="no lag")


def test_a_day_that_is_declared_off_moves_the_dates_of_dossiers_that_nothing_happens_to(
    hall: Hall,
) -> None:
    code = hall.office.hand_in()
    due = eventually(lambda: hall.due(code))
    assert due is not None
    day = due.astimezone(VIETNAM).date()
    off = f'\n[[days]]\ndate = {day}\nkind = "off"\nreason = "Bão"\nsource = "123/QĐ-UBND"\n'

    enacted = hall.enact(overrides=lambda text: text + off)

    moved = eventually(lambda: (d := hall.due(code)) and d > due and d)
    (said,) = hall.said(code, sla.DeadlineMoved)
    assert (said.due, said.cause) == (moved, MoveCause.RULES_CHANGED)
    (applied,) = hall.said(code, sla.RulesApplied)
    assert applied.number == enacted.number


def test_a_unit_that_ends_hands_its_open_dossiers_to_its_successor_by_a_fact(hall: Hall) -> None:
    code = hall.office.hand_in()
    hall.office.open_step(code)
    assert hall.office.view("routing", code)["handling_unit"] == WARD_UNIT
    yesterday = datetime.now(VIETNAM).date() - timedelta(days=1)
    table = entry(hall.files["units.toml"], WARD_UNIT)
    places = next(line for line in table.splitlines() if line.startswith("places"))
    ended = f'{table.rstrip()}\nuntil = {yesterday}\nsuccessor = "{CENTRE}"\n\n'
    ended = ended.replace(places, "places = []")

    def change(text: str) -> str:
        return text.replace(table, ended, 1)

    hall.enact(units=change)

    eventually(lambda: hall.office.view("routing", code)["handling_unit"] == CENTRE)
    (over,) = hall.said(code, routing.DossierHandedOver)
    assert (over.from_unit, over.to_unit, over.by) == (WARD_UNIT, CENTRE, "cb-0007")
    eventually(lambda: hall.office.view("sla", code)["unit"] == CENTRE)


def test_of_two_that_enact_at_once_one_wins_and_the_other_is_told(hall: Hall) -> None:
    before = asyncio.run(enacted_sets(hall.settings))

    async def both() -> list[Any]:
        files: list[Files] = [
            {**hall.files, "rules.toml": hall.files["rules.toml"] + f"\n# {n}\n"} for n in range(2)
        ]
        return await asyncio.gather(
            *(enact(hall.settings, each, None, f"cb-{n}") for n, each in enumerate(files)),
            return_exceptions=True,
        )

    found = asyncio.run(both())

    sets = asyncio.run(enacted_sets(hall.settings))
    won = [one for one in found if isinstance(one, RuleSet)]
    lost = [one for one in found if isinstance(one, NotEnacted)]
    assert len(won) + len(lost) == 2, [repr(each)[:200] for each in found]
    assert [one.number for one in sets] == list(range(1, len(sets) + 1))
    assert [one.sha256 for one in sets[len(before) :]] == [
        one.sha256 for one in sorted(won, key=lambda one: one.number)
    ]
    assert won
    hall.files = dict(sets[-1].files)


def test_an_enactment_that_died_half_written_takes_no_effect_anywhere(hall: Hall) -> None:
    before = asyncio.run(enacted_sets(hall.settings))
    number = before[-1].number

    async def die() -> None:
        producer = AIOKAFKA.producer(
            bootstrap_servers=hall.settings.kafka,
            transactional_id="motcua-rules",
            transaction_timeout_ms=15_000,
        )
        await producer.start()
        await producer.begin_transaction()
        record = next(
            r for r in await read_topic(hall.settings.kafka, DOSSIER_EVENTS) if r.key == b"rules"
        )
        for partition in range(2):
            await producer.send_and_wait(
                DOSSIER_EVENTS,
                record.value.replace(b'"number":1', b'"number":99'),
                key=record.key,
                partition=partition,
                headers=list(record.headers),
            )
        # No commit and no abort: its connections just end.
        await producer.client.close()

    asyncio.run(die())
    hall.enact(rules=lambda text: text + "\n# after the death of another\n")

    sets = asyncio.run(enacted_sets(hall.settings))
    assert [one.number for one in sets] == list(range(1, number + 2))
    assert hall.known("sla") == number + 1
    code = hall.office.hand_in()
    assert eventually(lambda: hall.due(code)), "records behind the dead transaction are read"
