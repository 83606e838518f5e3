"""What the status page makes of huge notes, unknown channels and guesses, on the real stack."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from contracts.wire.topics import PAGE
from deploy.local.stack.city import City
from services.notify.dossier.state import Notify
from services.notify.page.security.gate import Gate, NotOpened
from services.notify.page.security.guesses import OWN_TRIES, Guesses, GuessLimits, TooMany
from services.runtime.audit.audit import Audit, audited
from services.runtime.core.stored import Stored
from services.runtime.http.problem import Problem
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import StreamClock, WallClock
from services.runtime.mongo.access import mongo_access
from services.runtime.mongo.client import Database
from services.runtime.mongo.store import Store
from services.runtime.settings import Settings
from services.shared.lifecycle import Mark, Move
from services.shared.lookup_key import LookupKeys, lookup_key
from tests.support.office import CENTRE, OFFICER, Office, filing

pytestmark = pytest.mark.integration

HUGE = "ộ" * 34_000
"""102 kB of UTF-8."""


@pytest.fixture
def code(office: Office) -> str:
    """A dossier that is being handled."""
    code = office.hand_in(documents=["Tờ khai", "<b>Ảnh 4x6</b>"])
    office.agrees(code, "in_process", "notify")
    return code


def page(city: City, code: str, what: str = "status") -> str:
    """A page of the dossier."""
    key = lookup_key("tests", code)
    answer = httpx.get(f"{city.of(PAGE).url}/{what}/{code}", params={"key": key}, timeout=30)
    assert answer.status_code == 200
    return answer.text


def test_a_huge_note_is_refused_at_the_counter_and_the_page_is_as_it_was(
    city: City, office: Office, code: str
) -> None:
    for service, what, body in (
        ("intake", "supplement-demand", {"documents": ["x"], "reason": HUGE, "by": OFFICER}),
        ("intake", "supplement-demand", {"documents": [HUGE], "reason": "x", "by": OFFICER}),
        ("intake", "payment-demand", {"amount": 5, "reason": HUGE, "by": OFFICER}),
        ("routing", "stop", {"reason": HUGE, "by": OFFICER}),
    ):
        answer = office.post(service, f"/dossiers/{code}/{what}", body)
        # A body may have no more than the longest texts, and what fits is looked at.
        assert answer.status_code in (413, 422), answer.text
        if answer.status_code == 422:
            assert answer.json()["errors"][0]["field"] in ("reason", "documents.0")
        assert len(answer.content) < 10_000, "nor is it sent back"
    shown = page(city, code)
    assert "ộộộ" not in shown
    assert "Hồ sơ đang được giải quyết" in shown


def test_of_very_many_papers_the_page_lists_some_and_programs_get_all(
    city: City, office: Office, code: str
) -> None:
    papers = [f"Giấy tờ số {number} {'ộ' * 180}" for number in range(100)]
    body = {"documents": papers, "reason": "Thiếu", "by": OFFICER}
    many = office.post(
        "intake",
        f"/dossiers/{code}/supplement-demand",
        {**body, "documents": [str(number) for number in range(101)]},
    )
    assert many.status_code == 422
    assert "101 papers" in many.json()["errors"][0]["detail"]
    office.does("intake", code, "supplement-demand", body)
    office.agrees(code, "supplement_requested", "notify")
    shown = page(city, code)
    assert len(shown.encode()) < 50_000
    assert "và 80 giấy tờ khác" in shown
    key = lookup_key("tests", code)
    url = f"{city.of(PAGE).url}/status/{code}.json"
    view = httpx.get(url, params={"key": key}, timeout=30).json()
    assert view["asked"][0]["documents"] == papers


def test_the_receipt_lists_the_papers_that_were_handed_in(city: City, code: str) -> None:
    printed = page(city, code, "receipt")
    assert "Thành phần hồ sơ nộp gồm" in printed
    assert "<li>Tờ khai</li>" in printed
    assert "<li>&lt;b&gt;Ảnh 4x6&lt;/b&gt;</li>" in printed


@pytest.mark.parametrize("channel", ["pigeon", "ledger", "SMS"])
def test_a_channel_that_cannot_be_chosen_is_refused_and_the_choice_stays(
    city: City, code: str, channel: str
) -> None:
    url = f"{city.of(PAGE).url}/status/{code}/preferences"
    fields = {"key": lookup_key("tests", code), "quiet_from": "20:15", "quiet_until": "06:00"}
    assert httpx.post(url, data=fields, timeout=30).status_code == 303
    wrong = {**fields, "quiet_from": "22:45", "channels": ["email", channel]}
    answer = httpx.post(url, data=wrong, timeout=30)
    assert answer.status_code == 422
    assert "Chưa hiểu được nội dung đã gửi" in answer.text
    shown = page(city, code)
    assert 'value="20:15"' in shown
    assert "22:45" not in shown


def test_an_unknown_channel_at_the_counter_names_its_field(office: Office) -> None:
    chosen = filing(preferences={"channels": ["email", "pigeon"]})
    answer = office.post("intake", "/dossiers", {"by": OFFICER, "filing": chosen})
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["filing.preferences.channels.1"]


def test_half_of_the_quiet_hours_at_the_counter_names_the_other_half(office: Office) -> None:
    for given, missing in (("quiet_from", "quiet_until"), ("quiet_until", "quiet_from")):
        chosen = filing(preferences={given: "07:00"})
        answer = office.post("intake", "/dossiers", {"by": OFFICER, "filing": chosen})
        assert answer.status_code == 422
        assert [e["field"] for e in answer.json()["errors"]] == [f"filing.preferences.{missing}"]
    whole = filing(preferences={"quiet_from": "20:00", "quiet_until": "07:00"})
    answer = office.post("intake", "/dossiers", {"by": OFFICER, "filing": whole})
    assert answer.status_code == 201


# -- guesses --------------------------------------------------------------------------------


class Asked(CommandListener):
    """Counts what the database is asked, by command and collection."""

    def __init__(self) -> None:
        self.commands: Counter[tuple[str, str]] = Counter()

    def started(self, event: CommandStartedEvent) -> None:
        """The one that is counted."""
        self.commands[event.command_name, str(event.command[event.command_name])] += 1

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Not counted."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Not counted."""


async def test_a_wrong_key_makes_the_same_work_whether_there_is_such_a_dossier_or_not(
    settings: Settings, database: Database
) -> None:
    known, unknown, secret = f"{CENTRE}-260302-0001", f"{CENTRE}-260302-0002", "secret"
    at = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    state = Notify(code=known, citizen="citizen-1", marks=(Mark(at, Move.RECEIVED, "1"),))
    await Store(database["dossiers"], Notify).persist([Stored(known, 0, state)])
    asked = Asked()
    mongo: Any = AsyncIOMotorClient(
        settings.mongo,
        tz_aware=True,
        event_listeners=[asked],
        **mongo_access().options(settings.mongo),
    )
    seen = mongo[database.name]
    clock = StreamClock()
    clock.tick(0, at)
    guesses = Guesses(seen["guesses"], secret, GuessLimits(99, 99), clock)
    audit = Audit("notify", EventProducer(settings.kafka), WallClock())
    gate = Gate(Store(seen["dossiers"], Notify), guesses, LookupKeys({1: secret}), audit)

    async def work(code: str, key: str) -> Counter[tuple[str, str]]:
        asked.commands = Counter()
        with pytest.raises(NotOpened):
            await gate.open(code, key, "192.0.2.1")
        return asked.commands

    await work(known, "first")  # which also makes the index
    usual = await work(known, "AAAAAAAAAA")
    assert {collection for _, collection in usual} == {"guesses"}
    for code in (known, unknown, "nonsense", ""):
        for key in ("AAAAAAAAAA", "", "x" * 64, lookup_key(secret, "another")):
            assert await work(code, key) == usual, (code, key)
    async with audited(audit):
        opened = await gate.open(known, lookup_key(secret, known), "192.0.2.1")
    assert opened.state == state
    mongo.close()


LIMITS = GuessLimits(by_code=10, by_address=30)


def two_instances(database: Database) -> list[Guesses]:
    """Whoever is asked counts with the others."""
    clock = StreamClock()
    # Of a window that is over MongoDB forgets the counts within a minute, which may be mid-test.
    clock.tick(0, datetime(2100, 3, 2, 1, 0, tzinfo=UTC))
    return [Guesses(database["guesses"], "secret", LIMITS, clock) for _ in range(2)]


async def test_a_thousand_keys_side_by_side_are_compared_no_oftener_than_one_by_one(
    database: Database,
) -> None:
    instances = two_instances(database)
    compared: list[int] = []

    def compare(number: int) -> bool:
        compared.append(number)
        return number == 999  # the right one comes last, when the tries are used up

    async def answer(number: int) -> str:
        try:
            right = await instances[number % 2].right(
                "H29.1-260302-0001", "192.0.2.1", lambda: compare(number)
            )
        except (TooMany, Problem):
            return "refused"  # on a slow machine because its turn did not come in time
        return "opened" if right else "wrong"

    answers = Counter(await asyncio.gather(*(answer(number) for number in range(1000))))
    assert answers["wrong"] == len(compared)
    # The other instance may compare one while the last one is being counted.
    assert LIMITS.by_code <= len(compared) <= LIMITS.by_code + 1
    assert answers.keys() == {"wrong", "refused"}


async def test_many_who_have_the_right_key_are_opened_to_side_by_side_behind_one_address(
    database: Database,
) -> None:
    guesses, other = two_instances(database)
    code, office = "H29.1-260302-0001", "192.0.2.1"
    for number in range(LIMITS.by_address + 20):
        assert not await other.right(f"H29.1-260302-{number:04}", office, lambda: False)
    opened = (guesses.right(code, office, lambda: True) for _ in range(200))
    assert all(await asyncio.gather(*opened))
    for _ in range(OWN_TRIES - 1):
        assert not await guesses.right(code, office, lambda: False)
    with pytest.raises(TooMany):
        await other.right(code, office, lambda: True)
    assert await other.right(code, "192.0.2.2", lambda: True)


async def test_whoever_makes_up_codes_without_end_fills_so_much_room_and_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notify.page.security.guesses._SLOT_DIGITS", 1)
    guesses, other = two_instances(database)
    slots, made_up, at_once = 16, 600, 20
    compared = 0

    def compare() -> bool:
        nonlocal compared
        compared += 1
        return False

    async def guess(first: int) -> None:
        for number in range(first, made_up, at_once):
            with suppress(TooMany):
                instance = (guesses, other)[number % 2]
                await instance.right(f"H29.1-260302-{number:05}", "192.0.2.1", compare)

    await asyncio.gather(*(guess(first) for first in range(at_once)))
    # Those that are under way at once are compared before they are counted.
    assert OWN_TRIES * slots <= compared <= LIMITS.by_address + OWN_TRIES * slots + at_once
    own = {"_id": {"$regex": "^own:"}}
    assert await database["guesses"].count_documents(own) <= slots
    assert await database["guesses"].count_documents({"_id": {"$regex": "H29"}}) == 0


async def test_whoever_guesses_from_addresses_without_end_fills_so_much_room_and_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notify.page.security.guesses._ADDRESS_DIGITS", 1)
    guesses, _ = two_instances(database)
    for first in range(0, 400, 20):
        each = range(first, first + 20)
        tries = (
            guesses.right("H29.1-260302-0001", f"2001:db8:{n:x}::/64", lambda: False) for n in each
        )
        await asyncio.gather(*tries, return_exceptions=True)
    assert await database["guesses"].count_documents({}) <= 1 + 16 + 16
    assert await guesses.right("H29.1-260302-0002", "192.0.2.1", lambda: True), "another's code"
