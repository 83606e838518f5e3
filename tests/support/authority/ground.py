"""Dossiers of a running city, made ready so that what is asked of them would be done."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any

import httpx

from contracts.catalogue import load_catalogue
from contracts.events.authority import Delegable
from contracts.wire.claims import Role
from contracts.wire.topics import SERVICES
from deploy.local.stack.city import City
from tests.support.authority.bearers import (
    DELEGATE,
    STAND_IN,
    UNITS,
    Bearer,
    Bond,
    Tokens,
)
from tests.support.eventually import soon
from tests.support.office import CENTRE, WARD_HEAD, WARD_UNIT, filing

REASON = "Theo bảng thẩm quyền"
DESK = Bearer("", Role.DESK, "walk-desk", CENTRE)
HEAD = Bearer("", Role.HEAD, WARD_HEAD, WARD_UNIT)
AUDITOR = Bearer("", Role.AUDITOR, "walk-auditor")
PORTAL = Bearer("", Role.MACHINE, "walk-portal")
_KEYS = itertools.count()


class Stage(Enum):
    """How far a dossier is: its public state, and what was asked on the way."""

    REGISTERED = ("registered",)
    IN_PROCESS = ("in_process",)
    SUPPLEMENT = (
        "supplement_requested",
        ("intake", "supplement-demand", {"documents": ["Ảnh"], "reason": REASON}, DESK),
    )
    PAYMENT = (
        "payment_requested",
        ("intake", "payment-demand", {"amount": 100_000, "reason": REASON}, DESK),
    )
    STOPPED = ("stopped", ("routing", "stop", {"reason": REASON}, HEAD))
    PROCESSED = (
        "processed",
        ("routing", "step-completion", {"step": "receive-check"}, HEAD),
        ("routing", "step-completion", {"step": "decide"}, HEAD),
    )

    @property
    def status(self) -> str:
        """The public state that all services come to."""
        status: str = self.value[0]
        return status


@dataclass(frozen=True)
class Dossier:
    """A dossier that was made ready."""

    code: str
    lead: str
    """Who leads its open step, or led its first."""
    request: str
    """The request by which it was handed in."""


class Ground:
    """Asks the city over HTTP, and makes dossiers there."""

    def __init__(self, city: City, tokens: Tokens) -> None:
        self._city = city
        self._tokens = tokens
        self._made_at_once = asyncio.Semaphore(8)
        self._asked_at_once = asyncio.Semaphore(12)
        self._http = httpx.AsyncClient(timeout=60.0)

    async def __aenter__(self) -> Ground:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self,
        bearer: Bearer,
        row: str,
        service: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to a request; it is asked for again with its key until there is one."""
        url = self._city.of(service).url + path
        headers = await asyncio.to_thread(self._tokens.header, bearer, row)
        if method in ("POST", "PUT"):
            headers = {**headers, "Idempotency-Key": f"walk-{next(_KEYS)}"}

        async def answer() -> httpx.Response | None:
            # The client itself gets slow with what waits for a connection.
            async with self._asked_at_once:
                told = await self._http.request(
                    method, url, json=body, params=params, headers=headers
                )
            return None if told.status_code == 202 else told

        return await soon(answer, what=f"an answer to {method} {path}", timeout=60)

    async def must(self, bearer: Bearer, service: str, path: str, body: Any) -> Any:
        """What a request that has to be done comes to."""
        done = await self.ask(bearer, "RegistrationRequested", service, "POST", path, body=body)
        assert done.status_code in (200, 201), (path, done.text)
        return done.json()

    async def dossier(self, stage: Stage) -> Dossier:
        """A dossier at that stage, whose lead is none of those who act in another's place."""
        async with self._made_at_once:
            return await self._made(stage)

    async def _made(self, stage: Stage) -> Dossier:
        online = stage is Stage.REGISTERED
        form = filing(returning_unit=UNITS[Bond.RETURNING])
        if online:
            form["channel"] = "online"
        while True:
            who = PORTAL if online else DESK
            made = await self.must(who, "intake", "/dossiers", {"filing": form})
            code = made["code"]
            if online:
                return Dossier(code, "nobody", made["request"])
            shown = await soon(partial(self._open_step, code), what="a step", timeout=60)
            lead = shown["lead"]
            if lead not in (DELEGATE, STAND_IN):
                break
        asked = {"unit": UNITS[Bond.CONSULTED], "question": REASON}
        await self.must(HEAD, "routing", f"/dossiers/{code}/consultation", asked)
        for service, what, body, by in stage.value[1:]:
            await self._agree(code, "in_process", (service,))
            await self.must(by, service, f"/dossiers/{code}/{what}", body)
        return Dossier(code, lead, made["request"])

    async def grants(self) -> None:
        """What the ward's head delegates, and who stands in for each lead of the ward."""
        await self.delegation(HEAD, DELEGATE)
        leads = {*load_catalogue().units[WARD_UNIT].officers} - {STAND_IN}
        for lead in sorted(leads):
            await self.absence(HEAD, lead, STAND_IN)

    async def delegation(self, head: Bearer, to: str) -> str:
        """The id of a delegation, of all that can be delegated."""
        body = {"unit": head.unit, "to": to, "requests": list(Delegable), **_term()}
        made = await self.must(head, "routing", "/authority/delegations", body)
        found: str = made["id"]
        return found

    async def absence(self, head: Bearer, lead: str, to: str) -> str:
        """The id of an absence."""
        body = {"unit": head.unit, "to": to, "lead": lead, **_term()}
        made = await self.must(head, "routing", "/authority/absences", body)
        found: str = made["id"]
        return found

    async def settled(self, made: Iterable[tuple[Dossier, Stage]]) -> None:
        """Waits until every service knows all that was done."""
        await asyncio.gather(
            *(
                self._agree(
                    dossier.code,
                    stage.status,
                    ("intake", "notify") if stage is Stage.REGISTERED else SERVICES,
                )
                for dossier, stage in made
            )
        )
        for service in SERVICES:
            await soon(partial(self._idle, service), what=f"{service} without lag")

    async def views(self, codes: Iterable[str]) -> dict[tuple[str, str], Any]:
        """What each service shows of each dossier, and who may act for whom."""
        asked = [(service, f"/dossiers/{code}") for service in SERVICES for code in codes]
        asked += [("routing", f"/authority?unit={unit}") for unit in (WARD_UNIT, *UNITS.values())]
        shown = await asyncio.gather(*(self._read(*each) for each in asked))
        for each in shown:
            each.pop("at", None)  # when it was looked at
            each.pop("messages", None)  # they are sent meanwhile
        return dict(zip(asked, shown, strict=True))

    async def _agree(self, code: str, status: str, services: Iterable[str]) -> None:
        """Waits until the services say that the dossier is in this state."""
        for service in services:
            there = partial(self._is, status, service, code)
            await soon(there, what=f"{status} of {code} at {service}", timeout=60)

    async def _is(self, status: str, service: str, code: str) -> bool:
        shown = await self._read(service, f"/dossiers/{code}")
        return bool(shown.get("status_name") == status)

    async def _open_step(self, code: str) -> dict[str, Any] | None:
        shown = await self._read("routing", f"/dossiers/{code}")
        return shown if shown.get("open_step") else None

    async def _idle(self, service: str) -> bool:
        told = await self._http.get(self._city.of(service).url + "/health/ready")
        return bool(told.json()["status"] == "idle")

    async def _read(self, service: str, path: str) -> dict[str, Any]:
        answer = await self.ask(AUDITOR, "dossier", service, "GET", path)
        found: dict[str, Any] = answer.json()
        return found


def _term() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"since": now.isoformat(), "until": (now + timedelta(days=9)).isoformat()}
