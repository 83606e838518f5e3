"""Who else uses the city while it is attacked, and what becomes of them.

A citizen looks at a dossier, a desk hands dossiers in and their citizens get mail, the engines
belong to their groups. None of these is told of the attack.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from contracts.wire.topics import PAGE
from deploy.local.fakes.smtp.accepted import read_accepted_mails
from deploy.local.stack.city import City, Instance
from services.shared.lookup_key import lookup_key
from tests.support.eventually import soon
from tests.support.office import OFFICER, filing
from tests.support.signed_in import SignedIn

_PATIENCE = 60.0
"""Seconds after which whoever waits has waited in vain."""
_PAUSE = 0.25


@dataclass
class Waited:
    """How long each of several waited, in seconds; and who got something else than they came
    for."""

    seconds: list[float] = field(default_factory=list)
    otherwise: Counter[str] = field(default_factory=Counter)

    def share(self, part: float) -> float:
        """The time within which that part of them were served; 0.0 if nobody came."""
        ranked = sorted(self.seconds)
        return ranked[min(len(ranked) - 1, int(part * len(ranked)))] if ranked else 0.0


class Bystanders:
    """Come and go at a steady pace between `begin` and `end`."""

    def __init__(self, city: City, code: str) -> None:
        """`code`: the dossier that a citizen looks at."""
        self._city = city
        self._code = code
        self._signed = SignedIn(city.endpoints.oidc).header(OFFICER)
        self._ends = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._rebalances: dict[str, float] = {}
        self.looks = Waited()
        """Of whoever types code and key and reads the page."""
        self.mails = Waited()
        """From handing in until the mail about it has arrived."""
        self.moved: list[str] = []
        """Whose partitions were given to others meanwhile."""
        self._at = 0

    async def begin(self) -> None:
        """From now on they come."""
        self._rebalances = await self._counted()
        self._tasks = [
            asyncio.create_task(self._come(self._look, self.looks)),
            asyncio.create_task(self._come(self._is_told, self.mails)),
        ]

    async def end(self) -> None:
        """Waits for those who are there; nobody comes any more."""
        self._ends.set()
        await asyncio.gather(*self._tasks)
        now = await self._counted()
        self.moved = [name for name, count in now.items() if count != self._rebalances[name]]

    async def _come(self, act: Callable[[httpx.AsyncClient], Awaitable[str]], told: Waited) -> None:
        while not self._ends.is_set():
            start = time.perf_counter()
            try:
                async with httpx.AsyncClient(timeout=_PATIENCE) as http:
                    came = await act(http)
            except httpx.HTTPError as error:
                came = type(error).__name__
            except AssertionError as error:
                came = f"in vain: {error}"
            if came:
                told.otherwise[came] += 1
            else:
                told.seconds.append(time.perf_counter() - start)
            await asyncio.wait({asyncio.ensure_future(self._ends.wait())}, timeout=_PAUSE)

    async def _look(self, http: httpx.AsyncClient) -> str:
        form = {"code": self._code, "key": lookup_key("tests", self._code)}
        answer = await http.post(self._city.of(PAGE).url, data=form, follow_redirects=True)
        return "" if answer.status_code == 200 and self._code in answer.text else _told(answer)

    async def _is_told(self, http: httpx.AsyncClient) -> str:
        self._at += 1
        address = f"bystander-{id(self)}-{self._at}@example.test"
        body = {"filing": filing(), "contact": {"email": address}}
        url = self._city.of("intake").url
        answer = await http.post(f"{url}/dossiers", json=body, headers=self._signed)
        if answer.status_code != 201:
            return _told(answer)

        async def there() -> bool:
            ledger = self._city.endpoints.smtp_ledger
            return any(address in mail.rcpt_to for mail in read_accepted_mails(ledger))

        await soon(there, timeout=_PATIENCE, what=f"a mail to {address}")
        return ""

    async def _counted(self) -> dict[str, float]:
        found = {}
        async with httpx.AsyncClient(timeout=_PATIENCE) as http:
            for service in ("intake", "routing", "sla", "notify"):
                text = (await http.get(f"{self._city.of(service).url}/metrics")).text
                found[service] = sum(
                    sample.value
                    for family in text_string_to_metric_families(text)
                    for sample in family.samples
                    if sample.name == "motcua_rebalances_total"
                )
        return found


def _told(answer: httpx.Response) -> str:
    kind = re.search(r'"type":\s*"urn:motcua:problem:([^"]+)"', answer.text)
    return f"{answer.status_code} {kind.group(1) if kind else ''}".strip()


def most_memory(instances: Sequence[Instance]) -> dict[str, int]:
    """By instance: the most bytes that it has held in memory since it began."""
    found = {}
    for instance in instances:
        told = Path(f"/proc/{instance.process.pid}/status").read_text(encoding="ascii")
        peak = re.search(r"VmHWM:\s+(\d+) kB", told)
        assert peak is not None
        found[instance.name] = int(peak.group(1)) * 1024
    return found
