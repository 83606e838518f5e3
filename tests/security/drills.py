"""Attack a running city while others use it, and say what became of both, in figures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

from contracts.wire.claims import Role
from contracts.wire.topics import PAGE
from deploy.local.fakes.oidc.tokens import token
from deploy.local.stack.city import PROCESSES, City
from motcua.openapi import path_of
from services.shared.authority.table import TABLE
from services.shared.lookup_key import lookup_key
from tests.security.attacks import (
    NOBODY,
    ODD,
    Came,
    OpenPages,
    Target,
    answer,
    guesses,
    odd_requests,
    side_by_side,
    slow_bodies,
)
from tests.security.bystanders import Bystanders, Waited, most_memory
from tests.support.office import OFFICER, Office
from tests.support.paths import ROOT

Tell = Callable[[str], None]
_MACHINE = (Role.MACHINE,)
_PERSON = tuple(role for role in Role if role is not Role.MACHINE)


@dataclass(frozen=True)
class Scale:
    """How large the attacks are."""

    addresses: int
    """That guess keys."""
    slow: int
    """Bodies that come a byte a second, half of them to the page and half to intake."""
    pages: int
    """That are open at once, each from its address."""
    texts: int
    """Odd texts, at every place of every operation."""
    at_once: int = 200
    """Connections of those who do not stay."""

    def times(self, factor: float, *, at_once: int) -> Scale:
        """So many times as large, with other connections at a time."""
        addresses, slow, pages, texts = (
            max(1, round(size * factor))
            for size in (self.addresses, self.slow, self.pages, self.texts)
        )
        return Scale(addresses, slow, pages, texts, at_once)


WHOLE = Scale(addresses=10_000, slow=2_000, pages=5_000, texts=len(ODD))
SMALL = Scale(addresses=150, slow=60, pages=60, texts=2, at_once=30)


@dataclass
class Drill:
    """What one attack came to."""

    name: str
    came: Came
    seconds: float
    looks: Waited
    mails: Waited
    moved: list[str]
    """The services whose partitions were given to others meanwhile."""
    faults: list[str] = field(default_factory=list)
    """What must not be, in words."""


class Drills:
    """All attacks on one city, one after another."""

    NAMES = ("guesses", "slow bodies", "open pages", "odd text")

    def __init__(self, city: City, scale: Scale, tell: Tell) -> None:
        self._city = city
        self._scale = scale
        self._tell = tell
        self._office = Office(city)
        self._target = Target.at(city.of(PAGE).url)
        self._codes: list[str] = []

    async def run(self, names: Sequence[str] = NAMES) -> list[Drill]:
        """Does those; returns what each came to."""
        attacks = (self._guess, self._drip, self._stay, self._write_oddly)
        try:
            self._codes = await asyncio.to_thread(self._prepared)
            return [
                await self._beside(name, attack)
                for name, attack in zip(self.NAMES, attacks, strict=True)
                if name in names
            ]
        finally:
            self._office.close()

    def _prepared(self) -> list[str]:
        codes = [self._office.hand_in() for _ in range(5)]
        for code in codes:
            self._office.agrees(code, "in_process", "notify")
        return codes

    async def _beside(self, name: str, attack: Callable[[], Awaitable[Came]]) -> Drill:
        self._tell(f"{name}: it begins")
        others = Bystanders(self._city, self._codes[0])
        start = time.perf_counter()
        await others.begin()
        try:
            came = await attack()
        finally:
            await others.end()
        took = time.perf_counter() - start
        drill = Drill(name, came, took, others.looks, others.mails, others.moved)
        drill.faults += [
            f"{count} x {status}" for status, count in came.items() if _is_defect(status)
        ]
        for who, waited in (("look", others.looks), ("mail", others.mails)):
            drill.faults += [f"a {who}: {n} x {what}" for what, n in waited.otherwise.items()]
            if not waited.seconds:
                drill.faults.append(f"no {who} came through")
        drill.faults += [f"{service} lost its partitions" for service in others.moved]
        return drill

    async def _guess(self) -> Came:
        # A citizen looks at the first one meanwhile: it is guessed at, too.
        return await guesses(
            self._target, self._codes, count=self._scale.addresses, at_once=self._scale.at_once
        )

    async def _drip(self) -> Came:
        half = self._scale.slow // 2
        intake = Target.at(self._city.of("intake").url)
        # Of whom nobody knows, no body is read: these are signed in.
        page, desk = await asyncio.gather(
            slow_bodies(self._target, "/", count=half),
            slow_bodies(intake, "/dossiers", count=half, signed=self._signed(_PERSON)),
        )
        return page + desk

    async def _stay(self) -> Came:
        code = self._codes[1]
        pages = OpenPages(self._target, code, lookup_key("tests", code))
        try:
            await pages.open(self._scale.pages, self._scale.at_once)
            pages.expect()
            demand = {"by": OFFICER, "documents": ["a photo"], "reason": "is missing"}
            await asyncio.to_thread(self._office.does, "intake", code, "supplement-demand", demand)
            await pages.all_told()
        finally:
            await pages.close()
        return pages.came

    async def _write_oddly(self) -> Came:
        came = Came()
        callers = [self._signed(roles) for roles in (_PERSON, _MACHINE)]
        for process, signed in product(PROCESSES, callers):
            text = (ROOT / "services" / path_of(process)).read_text(encoding="utf-8")
            where = Target.at(self._city.of(process).url)
            came += await side_by_side(
                (
                    (lambda c=content, w=where: answer(w, c))  # type: ignore[misc]
                    for operation, content in odd_requests(
                        json.loads(text), signed, ODD[: self._scale.texts]
                    )
                    if not operation.endswith("/events")
                ),
                self._scale.at_once // 10,
            )
        return came

    def _signed(self, roles: tuple[Role, ...]) -> dict[str, str]:
        """The headers of somebody who may ask as much as anybody with these roles."""
        unit = "" if roles == _MACHINE else "H29.1"
        asked = [row.name for row in TABLE if set(roles) & set(row.cells)]
        bearer = token(
            self._city.endpoints.oidc,
            roles,
            OFFICER,
            unit=unit,
            requests=asked if roles == _MACHINE else (),
        )
        return {"Authorization": f"Bearer {bearer}"}

    def memory(self) -> dict[str, int]:
        """By instance: the most bytes that it has held."""
        return most_memory([i for i in self._city.instances if i.process.poll() is None])


def _is_defect(status: str) -> bool:
    """503 is an answer: it says when to come again."""
    return status == NOBODY or (status.startswith("5") and status != "503")
