"""A head delegates over HTTP, an officer acts, and it stands in each partition at one place."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import routing, sla
from contracts.events.authority import AuthorityDelegated, AuthorityFact, AuthorityRevoked
from contracts.events.refusals import LateEntryRefused
from contracts.wire.codec import decode, encode
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.stack.endpoints import Endpoints
from services.routing.decider import RoutingDecider
from services.runtime import Settings, authority_event
from services.runtime.loop.clock import StreamClock
from services.runtime.loop.faults import Point
from services.runtime.mongo.partitions import Partitions
from tests.support.eventually import eventually, soon
from tests.support.facts import received
from tests.support.forged import alarms
from tests.support.grants import asked, delegated, officer, revoked
from tests.support.office import (
    MARITAL_STATUS,
    OTHER_OFFICER,
    WARD_HEAD,
    WARD_OFFICER,
    WARD_UNIT,
    Office,
)
from tests.support.rules import fact
from tests.support.stage import MORNING, Actor, a_stage, code_of, read_topic

pytestmark = pytest.mark.integration

SECOND = timedelta(seconds=1)


class Killed(Exception):
    pass


def dies_at(actor: Actor, point: Point, time: int) -> None:
    """Kills a service when it comes there for that time."""
    left = time

    def passing(here: Point) -> None:
        nonlocal left
        left -= here is point
        if left == 0:
            raise Killed

    actor.engine.faults.passing = passing  # type: ignore[assignment,method-assign]


def wanted(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "unit": WARD_UNIT,
        "to": WARD_OFFICER,
        "requests": ["ApologyRequested"],
        "since": now.isoformat(),
        "until": (now + timedelta(days=30)).isoformat(),
        "by": WARD_HEAD,
        **changes,
    }


def delegates(office: Office, **changes: Any) -> dict[str, Any]:
    answer = office.post("routing", "/authority/delegations", wanted(**changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def signs(office: Office, code: str, who: str = WARD_OFFICER) -> Any:
    """Asks for a letter with another date; the answer."""
    due = (datetime.now(UTC) + timedelta(days=20)).isoformat()
    body = {"reason": "Thiếu người", "due": due, "by": who}
    return office.post("sla", f"/dossiers/{code}/apology", body)


def problem(answer: Any) -> str:
    assert answer.status_code == 403, answer.text
    kind: str = answer.json()["type"].removeprefix("urn:motcua:problem:")
    return kind


@pytest.fixture
def code(office: Office) -> str:
    found = office.hand_in()
    assert office.open_step(found)["handling_unit"] == WARD_UNIT
    eventually(lambda: office.view("sla", found).get("due"))
    return found


def test_an_officer_signs_while_it_is_delegated_and_no_longer(
    office: Office, code: str, endpoints: Endpoints
) -> None:
    assert problem(signs(office, code)) == "not-the-head"
    grant = delegates(office)
    assert grant["standing"] == "in-force"

    done = signs(office, code)
    assert done.status_code == 200, done.text
    events = [
        decode(r.key, r.value, r.headers)
        for r in asyncio.run(read_topic(endpoints.kafka, DOSSIER_EVENTS))
    ]
    (letter,) = (
        e.data for e in events if e.subject == code and isinstance(e.data, sla.ApologyIssued)
    )
    assert (letter.by, letter.delegation) == (WARD_OFFICER, grant["id"])
    # It stands once in each partition, and names the head as its actor.
    copies = [e for e in events if getattr(e.data, "grant", None) == grant["id"]]
    assert len({e.id for e in copies}) == 1
    assert len(copies) > 1
    assert copies[0].actor is not None
    assert copies[0].actor.authid == WARD_HEAD

    assert alarms(office, "routing", "undecided") == 0, "what is granted is no forgery"

    path = f"/authority/delegations/{grant['id']}/revocation"
    others = office.post("routing", path, who=WARD_OFFICER)
    assert problem(others) == "not-permitted"
    ended = office.post("routing", path, who=WARD_HEAD)
    assert ended.status_code == 200, ended.text
    assert ended.json()["standing"] == "revoked"
    assert problem(signs(office, code)) == "delegation-revoked"

    def standing() -> list[str]:
        shown = office.get("routing", "/authority", unit=WARD_UNIT).json()
        assert shown["head"] == WARD_HEAD
        return [each["standing"] for each in shown["delegations"] if each["id"] == grant["id"]]

    eventually(lambda: standing() == ["revoked"])


def test_what_is_over_out_of_scope_or_of_another_unit_is_refused_with_the_reason(
    office: Office, code: str
) -> None:
    until = datetime.now(UTC) + 2 * SECOND
    delegates(office, until=until.isoformat())
    eventually(lambda: datetime.now(UTC) > until)
    assert problem(signs(office, code)) == "delegation-expired"

    delegates(office, requests=["StepCompletionRequested"])
    late = {"request": "StopRequested", "at": until.isoformat(), "reason": "Mất điện"}
    asked_late = office.post("routing", f"/dossiers/{code}/late-entries", late, who=WARD_OFFICER)
    assert problem(asked_late) == "delegation-out-of-scope"
    # Another unit's officers may not be given it, and no other unit's head gives it.
    theirs = wanted(to=OTHER_OFFICER)
    assert office.post("routing", "/authority/delegations", theirs).status_code == 409
    foreign = wanted(unit="H29.102", to=OTHER_OFFICER)
    assert problem(office.post("routing", "/authority/delegations", foreign)) == "not-permitted"
    no_head = wanted(by=WARD_OFFICER)
    assert problem(office.post("routing", "/authority/delegations", no_head)) == "not-permitted"
    too_long = wanted(until=(datetime.now(UTC) + timedelta(days=400)).isoformat())
    assert office.post("routing", "/authority/delegations", too_long).status_code == 409


def test_a_retry_is_answered_alike_when_what_was_granted_is_over(office: Office) -> None:
    headers = {"Idempotency-Key": "delegation-over"}
    over = datetime.now(UTC) + timedelta(seconds=3)
    body = wanted(until=over.isoformat())

    def post() -> Any:
        return office.post("routing", "/authority/delegations", body, headers=headers)

    first = post().json()["id"]

    def standing() -> list[str]:
        found = office.get("routing", "/authority", unit=WARD_UNIT).json()["delegations"]
        return [each["standing"] for each in found if each["id"] == first]

    eventually(lambda: standing() == ["ended"])
    again = post()
    assert (again.status_code, again.json()["id"]) == (201, first)


def test_a_retry_with_the_key_delegates_once(office: Office) -> None:
    headers = {"Idempotency-Key": "delegation-1"}
    body = wanted(until=(datetime.now(UTC) + timedelta(days=3)).isoformat())

    def post(**changes: Any) -> Any:
        return office.post(
            "routing", "/authority/delegations", {**body, **changes}, headers=headers
        )

    first = post().json()["id"]
    assert post().json()["id"] == first

    def shown() -> list[str]:
        found = office.get("routing", "/authority", unit=WARD_UNIT).json()["delegations"]
        return [each["id"] for each in found]

    eventually(lambda: first in shown())
    assert shown().count(first) == 1
    assert post().json()["id"] == first
    assert post(requests=["StepCompletionRequested"]).status_code == 422


def test_two_heads_at_once_both_delegate(office: Office) -> None:
    async def both() -> list[dict[str, Any]]:
        return await asyncio.gather(
            *(asyncio.to_thread(delegates, office, requests=[each]) for each in _ALL)
        )

    made = {each["id"] for each in asyncio.run(both())}
    assert len(made) == len(_ALL)


_ALL = ("ApologyRequested", "StepCompletionRequested", "LateEntryRequested")


@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("point", [Point.PUBLISHED, Point.PERSISTED])
async def test_a_batch_that_is_decided_again_after_a_kill_comes_to_the_same(
    settings: Settings, point: Point, time: int
) -> None:
    codes = [code_of(n) for n in range(10)]
    head = officer(WARD_HEAD, WARD_UNIT)
    mine = officer(WARD_OFFICER, WARD_UNIT)
    given = delegated(WARD_UNIT, WARD_OFFICER, MORNING, MORNING + timedelta(days=9))
    ended = revoked(given, MORNING + timedelta(hours=1))
    approval = routing.LateEntryRequested(request="StopRequested", at=MORNING, reason="Mất điện")

    def act(code: str, minutes: int) -> Any:
        return asked(approval, MORNING + timedelta(minutes=minutes), mine, subject=code)

    async with a_stage(settings) as stage:
        first = await stage.act(stage.cast(RoutingDecider()), StreamClock())
        await stage.put(*(fact(c, MORNING, received(MARITAL_STATUS, WARD_UNIT)) for c in codes))
        await stage.rest()
        dies_at(first, point, time)
        # One act before the delegation, one under it, one after its end: in one go.
        await stage.put_records(
            *(encode(act(c, 1)) for c in codes),
            encode(authority_event(given, head)),
            *(encode(act(c, 2)) for c in codes),
            encode(authority_event(ended, head)),
            *(encode(act(c, 61)) for c in codes),
        )

        async def died() -> bool:
            return first.tasks.failed.done()

        await soon(died, what="the kill")
        with pytest.raises(Killed):
            first.tasks.failed.result()
        await first.leave()
        stage.actors.remove(first)
        await stage.act(stage.cast(RoutingDecider()), StreamClock())
        await stage.rest()

        contents = defaultdict(set)
        said: dict[str, list[Any]] = defaultdict(list)
        seen: set[str] = set()
        for record in await stage.log():
            event = decode(record.key, record.value, record.headers)
            contents[event.id].add((record.value, event.time))
            if event.id not in seen:
                seen.add(event.id)
                said[event.subject].append(event.data)
        assert all(len(found) == 1 for found in contents.values())
        for code in codes:
            approved = [d for d in said[code] if isinstance(d, routing.LateEntryApproved)]
            assert [(d.by, d.delegation) for d in approved] == [(WARD_OFFICER, given.grant)]
            refused = [d for d in said[code] if isinstance(d, LateEntryRefused)]
            assert [d.reason for d in refused] == ["not-the-head", "delegation-revoked"]
        assert [type(d) for d in said["authority"]] == [AuthorityDelegated, AuthorityRevoked]
        assert all(isinstance(d, AuthorityFact) for d in said["authority"])

        partitions = Partitions(stage.database, stage.topic, "dossiers")
        ((grant,),) = (await partitions.load([0]))[0].world.grants.values()
        assert grant.revoked == ended.at


def test_a_lead_who_is_back_early_ends_the_absence(office: Office) -> None:
    ward = load_catalogue().units[WARD_UNIT]
    others = next(o for o in ward.officers if o not in (WARD_OFFICER, WARD_HEAD))
    now = datetime.now(UTC)
    away = {
        "unit": WARD_UNIT,
        "lead": WARD_OFFICER,
        "to": others,
        "since": now.isoformat(),
        "until": (now + timedelta(days=5)).isoformat(),
    }
    declared = office.post("routing", "/authority/absences", away, who=WARD_OFFICER)
    assert declared.status_code == 201, declared.text
    absence = declared.json()["id"]

    def shown() -> list[str]:
        found = office.get("routing", "/authority", unit=WARD_UNIT).json()["absences"]
        return [each["id"] for each in found]

    eventually(lambda: absence in shown())  # it counts where it has come over the log
    path = f"/authority/delegations/{absence}/revocation"
    assert problem(office.post("routing", path, who=others)) == "not-permitted"
    assert problem(office.post("routing", path, who=OTHER_OFFICER)) == "not-permitted"
    ended = office.post("routing", path, who=WARD_OFFICER)
    assert ended.status_code == 200, ended.text
    assert (ended.json()["standing"], ended.json()["revoked_by"]) == ("revoked", WARD_OFFICER)
