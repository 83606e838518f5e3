"""The whole table of authority walked over HTTP on a running city, with tokens of a real provider.

Every row at every route of it is asked by everybody: each role, by each thing that they may have to
do with the dossier, and by a stranger. What is expected is written by hand, in `matrix.txt` of
`tests/support/authority`; nothing that the services judge by is asked. Each asks for what would be
done: so whoever is let in by mistake does it, and is named.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from random import Random

import httpx
import pytest

from contracts.events.authority import AUTHORITY_SUBJECT
from contracts.events.refusals import Refusal
from contracts.model import Kind
from contracts.wire.claims import Role
from contracts.wire.codec import decode
from contracts.wire.topics import CITIZEN_CONTACTS, DOSSIER_EVENTS
from deploy.local.stack.city import City
from services.runtime.http.problem import MEDIA_TYPE
from services.shared.authority.table import TABLE
from tests.support.authority.askings import ASKINGS, NAMED, WAYS, Asking, is_open
from tests.support.authority.bearers import NAMED_COLLEAGUE, NAMED_OFFICER, Bearer, Tokens, bearers
from tests.support.authority.ground import Dossier, Ground, Stage
from tests.support.authority.matrix import MATRIX, OPEN, admits
from tests.support.office import MARITAL_STATUS
from tests.support.stage import read_topic

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CELLS = {"admitted": 675, "refused": 1154, "open": 44}
"""How many calls the walk makes. Whoever adds a row or a route counts it here, too."""
NAMED_HEAD = Bearer("", Role.HEAD, "cb-29-0045", NAMED)


@dataclass(frozen=True)
class Cell:
    """One call of the walk."""

    asking: Asking
    bearer: Bearer
    dossier: Dossier
    grants: Mapping[str, str]
    """A grant of the kind, by the name of the row."""

    def __str__(self) -> str:
        return f"{self.asking.row} ({self.asking.service} {self.asking.path}): {self.bearer.words}"

    @property
    def path(self) -> str:
        """The address that is asked."""
        return self.asking.path.format(
            code=self.dossier.code,
            request=self.dossier.request,
            delegation=self.grants.get(self.asking.row, ""),
            procedure=MARITAL_STATUS,
            period="2024-03",
            number="walk-1",
        )

    async def asked(self, ground: Ground) -> httpx.Response:
        """The city's answer."""
        way = self.asking.way
        return await ground.ask(
            self.bearer,
            self.asking.row,
            self.asking.service,
            self.asking.method,
            self.path,
            body=None if way.body is None else way.body(self.bearer),
            params=way.params or None,
        )


@dataclass(frozen=True)
class Walk:
    """All calls."""

    refused: list[Cell]
    admitted: list[Cell]


def _let_in(asking: Asking, bearer: Bearer) -> bool:
    rows = {asking.row, *asking.way.also}
    return any(admits(row, bearer, asking.way.about, asking.row) for row in rows)


async def _prepared(ground: Ground) -> Walk:
    """The calls, with a dossier for each change that will be done, and one for all refused ones."""
    await ground.grants()
    grants = {
        "delegation": await ground.delegation(NAMED_HEAD, NAMED_COLLEAGUE),
        "absence": await ground.absence(NAMED_HEAD, NAMED_OFFICER, NAMED_COLLEAGUE),
    }
    read = await ground.dossier(Stage.IN_PROCESS)
    made = [(read, Stage.IN_PROCESS)]

    async def of(asking: Asking) -> tuple[list[Cell], list[Cell]]:
        async def ready() -> Dossier:
            if not asking.changes:
                return read
            dossier = await ground.dossier(asking.way.stage)
            made.append((dossier, asking.way.stage))
            return dossier

        shared = await ready()
        everybody = [(bearer, _let_in(asking, bearer)) for bearer in bearers(shared.lead)]
        refused = [Cell(asking, b, shared, grants) for b, let_in in everybody if not let_in]
        # Who leads another dossier's step is another officer.
        own = await asyncio.gather(*(ready() for _, let_in in everybody if let_in))
        words = [bearer.words for bearer, let_in in everybody if let_in]
        admitted = [
            Cell(asking, next(b for b in bearers(d.lead) if b.words == said), d, grants)
            for said, d in zip(words, own, strict=True)
        ]
        return refused, admitted

    walked = await asyncio.gather(*map(of, ASKINGS))
    await ground.settled(made)
    walk = Walk([c for refused, _ in walked for c in refused], [c for _, a in walked for c in a])
    for cells in (walk.refused, walk.admitted):
        Random(1).shuffle(cells)  # so that the services are busy together
    return walk


@pytest.fixture(scope="module")
def tokens(city: City) -> Tokens:
    """Tokens that the city's provider gives, found as the services find its keys."""
    where = f"{city.endpoints.oidc}/.well-known/openid-configuration"
    told = httpx.get(where, timeout=20).json()
    assert told["issuer"] == city.endpoints.oidc
    return Tokens(told["token_endpoint"].removesuffix("/token"), MATRIX)


@pytest.fixture(scope="module")
def walk(city: City, tokens: Tokens) -> Walk:
    """What is asked, everything ready for it."""

    async def prepared() -> Walk:
        async with Ground(city, tokens) as ground:
            return await _prepared(ground)

    return asyncio.run(prepared())


def test_nothing_of_the_table_is_left_out() -> None:
    assert {row.name for row in TABLE if not is_open(row)} == set(MATRIX)
    assert {row.name for row in TABLE if is_open(row)} == set(OPEN)
    routes = {f"{each.service} {each.method} {each.path}" for each in ASKINGS}
    assert set(WAYS) <= routes, "it is asked how to ask a route that is not there"


async def test_whoever_the_table_does_not_admit_is_refused_and_changes_nothing(
    city: City, tokens: Tokens, walk: Walk, record_property: Callable[[str, object], None]
) -> None:
    codes = sorted({cell.dossier.code for cell in walk.refused})
    async with Ground(city, tokens) as ground:
        before, facts = await ground.views(codes), await _facts(city)
        answers = await asyncio.gather(*(cell.asked(ground) for cell in walk.refused))
        wrong = [
            f"{cell}: {answer.status_code} {answer.text[:200]}"
            for cell, answer in zip(walk.refused, answers, strict=True)
            if answer.status_code != (403 if cell.bearer.signed_in else 401)
        ]
        assert not wrong, "\n".join(wrong)
        assert not _told_since(facts, await _facts(city), codes)
        assert await ground.views(codes) == before
    record_property("refused", len(walk.refused))
    assert len(walk.refused) == CELLS["refused"]


async def test_whoever_the_table_admits_has_it_done(
    city: City, tokens: Tokens, walk: Walk, record_property: Callable[[str, object], None]
) -> None:
    async with Ground(city, tokens) as ground:
        # Messages are counted once at a time; who asks meanwhile is told to ask again.
        await next(c for c in walk.admitted if c.asking.row == "figures of messages").asked(ground)
        answers = await asyncio.gather(*(cell.asked(ground) for cell in walk.admitted))
    wrong = [
        f"{cell}: {answer.status_code} {answer.text[:200]}"
        for cell, answer in zip(walk.admitted, answers, strict=True)
        if answer.status_code not in cell.asking.way.done
    ]
    assert not wrong, "\n".join(wrong)
    record_property("admitted", len(walk.admitted))
    assert len(walk.admitted) == CELLS["admitted"]


async def test_nobody_has_to_sign_in_for_what_is_open(
    city: City, walk: Walk, record_property: Callable[[str, object], None]
) -> None:
    places = {"code": walk.admitted[0].dossier.code, "name": "page.css", "sender": "sms"}
    asked = 0
    async with httpx.AsyncClient(timeout=60) as http:
        for row in TABLE:
            for route in row.routes if is_open(row) else ():
                method, _, path = route.partition(" ")
                answer = await http.request(
                    method, city.of(row.service).url + path.format(**places)
                )
                asked += 1
                # What is wrong with a delivery receipt is its own signature.
                assert answer.status_code != 403, route
                if answer.headers.get("content-type") == MEDIA_TYPE and answer.content:
                    assert answer.json()["type"] != "urn:motcua:problem:not-signed-in", route
    record_property("open", asked)
    assert asked == CELLS["open"]


Facts = Counter[tuple[str, str]]


async def _facts(city: City) -> Facts:
    """How many facts of each type are on the log about each subject, besides refusals."""
    found: Facts = Counter()
    for topic in (DOSSIER_EVENTS, CITIZEN_CONTACTS):
        for record in await read_topic(city.endpoints.kafka, topic):
            event = decode(record.key, record.value, record.headers)
            if event.data.KIND is Kind.FACT and not isinstance(event.data, Refusal):
                found[event.subject, event.data.NAME] += 1
    return found


def _told_since(before: Facts, after: Facts, walked: Collection[str]) -> Facts:
    """The facts about what was walked, and about what was not there before. Dossiers of other tests
    have timers of their own."""
    others = {subject for subject, _ in before} - {AUTHORITY_SUBJECT, *walked}
    return Counter({each: n for each, n in (after - before).items() if each[0] not in others})
