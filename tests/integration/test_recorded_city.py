"""A live city is recorded from its log, and replayed without broker and database: the same."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest

from contracts.catalogue import load_catalogue
from contracts.catalogue.load import VIETNAM
from contracts.events.notify import MessagePlanned, MessageSent
from contracts.rules import sample_rules
from contracts.wire.topics import CITIZEN_CONTACTS, SERVICES
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from motcua.deciders import calendars
from motcua.feed import Feed
from motcua.replay import Recording, read, replay
from motcua.replay.aliases import Aliases
from motcua.replay.header import Selection
from motcua.replay.order import order_of
from motcua.replay.orders import at_once, unlike
from motcua.simulate import Simulation, simulate_day
from motcua.simulate.command import play
from services.notify.deciders import DeliveryDecider
from services.runtime import ClockKind, Settings, client, create_topics, enact, state_hash
from services.runtime.mongo.store import Store
from tests.support.fork_server import fork
from tests.support.office import WARD_OFFICER, Office
from tests.support.recorded import ALIASES, record_live
from tests.support.simulated import filing_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WROTE = "theo đơn của ông Nguyễn Văn Tìm"


@dataclass
class Recorded:
    """A city whose services have come to rest, and where it is recorded."""

    city: City
    settings: Settings
    folder: Path
    persons: set[str]

    def record(self, name: str, selection: Selection, aliases: Aliases | None) -> Recording:
        path = self.folder / f"{name}.jsonl.gz"
        assert asyncio.run(record_live(self.city, path, selection, aliases)) == []
        return read(path)

    def live(self) -> dict[tuple[str, str], str]:
        """The hash of every state in the database, named as a replay names them."""
        with patch.dict(os.environ, self.city.environment()):
            return asyncio.run(self._live())

    async def _live(self) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        mongo = client(self.settings.mongo)
        for service in SERVICES:
            made = import_module(f"services.{service}.__main__").SERVICE
            for decider in made.deciders(made.settings()):
                if decider.topic == CITIZEN_CONTACTS:
                    continue
                key = (
                    service
                    if decider.collection == "dossiers"
                    else (f"{service}:{decider.collection}")
                )
                collection = mongo[f"motcua_{service}"][decider.collection]
                async for subject, state in Store(collection, decider.state_type).states():
                    found[key, subject] = state_hash(state)
        mongo.close()
        return found


@pytest.fixture(scope="module", params=[ClockKind.STREAM, ClockKind.WALL])
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorded]:
    """A simulated day, and a few dossiers over HTTP: all at rest."""
    clock = ClockKind(request.param)
    stack = Stack(tmp_path_factory.mktemp("recorded"), "recorded", die_with_parent=True)
    stack.up()
    ends = stack.endpoints()
    settings = Settings(kafka=ends.kafka, mongo=ends.mongo, partitions=4, clock=clock)
    asyncio.run(create_topics(settings))
    folder = tmp_path_factory.mktemp("recorded")
    with City(
        ends, folder, launch=fork, clock=clock, partitions=4, channels="email", timer_poll=0.05
    ) as city:
        city.start_all()
        asyncio.run(enact(settings, sample_rules().files, datetime(2000, 1, 1, tzinfo=UTC), "cb-9"))
        persons = _simulated(settings) if clock is ClockKind.STREAM else _handed_in(city)
        asyncio.run(_rested(settings))
        yield Recorded(city, settings, folder, persons)
    stack.reset()


def _simulated(settings: Settings) -> set[str]:
    of = Simulation(dossiers=40, carried_over=40, seed=4, late_share=0.2, contacts=True)
    day = simulate_day(of, load_catalogue(), calendars())
    asyncio.run(play(settings, day, lambda _done, _until: None, sends_mail=True))
    return {f.citizen for e in day.requests if (f := filing_of(e))}


def _handed_in(city: City) -> set[str]:
    office = Office(city)
    codes = [office.hand_in() for _ in range(8)]
    for code in codes[:4]:
        lead = office.open_step(code)["lead"]
        office.does("routing", code, "step-completion", {"step": "receive-check", "by": lead})
    for code in codes[4:6]:
        office.open_step(code)
        office.does("routing", code, "stop", {"reason": "chờ", "by": WARD_OFFICER})
    assert office.post("routing", f"/dossiers/{codes[4]}/stop", {"reason": "a", "by": WARD_OFFICER})
    over = {"to_unit": "H29.102", "reason": WROTE, "by": WARD_OFFICER}
    office.does("routing", codes[7], "hand-over", over)
    for code in codes:
        office.agrees(code, "stopped" if code in codes[4:6] else "in_process")
    office.close()
    return {WROTE}


async def _rested(settings: Settings) -> None:
    feed = Feed(settings.kafka, sends_mail=True)
    try:
        await feed.settle()
    finally:
        await feed.stop()


def test_the_replay_ends_in_the_states_of_the_live_city(recorded: Recorded) -> None:
    recording = recorded.record("all", Selection(), None)
    done = replay(recording)
    assert done.partings == []
    live = recorded.live()
    assert {key for key, _ in live} >= {*SERVICES, f"notify:{DeliveryDecider.collection}"}
    assert done.hashes == live
    assert recording.trailer().state_hash == done.hash
    assert replay(recording, jobs=2).hash == done.hash


def test_the_same_dossiers_come_of_it_in_other_orders(recorded: Recorded) -> None:
    recording = recorded.record("orders", Selection(), None)
    than = at_once(recording)
    assert [found for n in range(5) if (found := unlike(recording, order_of(n), than))] == []


def test_under_aliases_nobody_is_named_and_the_replay_is_the_same(recorded: Recorded) -> None:
    recording = recorded.record("aliases", Selection(), ALIASES)
    done = replay(recording)
    assert done.partings == []
    assert recording.header.key_id == ALIASES.key_id
    assert recording.trailer().state_hash == done.hash
    told = [record.event.data for record in recording.events()]
    planned = {data.message_id for data in told if isinstance(data, MessagePlanned)}
    ended = {data.message_id for data in told if isinstance(data, MessageSent)}
    assert ended <= planned
    true = replay(recorded.record("true", Selection(), None))
    assert done.alerts() == true.alerts()
    assert done.messages() == true.messages()
    said = "".join(str(each.event) for each in recording.events())
    # In the true one everyone is found; "cd-9" may stand in the middle of an id, too.
    named = {who: re.compile(rf"(?<![\w-]){re.escape(who)}(?![\w-])") for who in recorded.persons}
    open_said = "".join(str(each.event) for each in true.recording.events())
    assert all(name.search(open_said) for name in named.values())
    assert [who for who, name in named.items() if name.search(said)] == []


def test_some_of_its_dossiers_are_recorded_alone(recorded: Recorded) -> None:
    code = min(subject for key, subject in recorded.live() if key == "intake")
    recording = recorded.record("one", Selection(dossiers=(code,)), None)
    done = replay(recording)
    assert done.partings == []
    assert done.hashes == {k: h for k, h in recorded.live().items() if k[1] == code}


def test_its_figures_are_those_that_the_service_shows(recorded: Recorded) -> None:
    recording = recorded.record("figures", Selection(), None)
    month = f"{recording.header.until.astimezone(VIETNAM):%Y-%m}"
    counted = replay(recording).figures(month, ("unit", "channel"))
    shown = recorded.city.of("sla").read(f"/figures?period={month}&by=unit&by=channel")
    assert counted["total"] == shown["total"]
    assert counted["rows"] == shown["rows"]
    assert shown["total"]["received"]
    with pytest.raises(ValueError, match="no period"):
        replay(recording).figures("2025-13")
