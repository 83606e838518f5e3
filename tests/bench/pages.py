"""``python -m tests.bench.pages``: open status pages on one process, their memory and their delay.

Each page is of another dossier. A fact is written to the log; notify folds it, MongoDB tells of the
change, the page is told and asks for itself anew. The delay is counted from before the fact is
written: until the page was told, and until it has what it shows. First one fact after another, as
in a city; then one for every page at once. Broker, database, service and pages share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from contracts.events import routing
from contracts.model import EventData
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import PAGE
from deploy.local.stack.city import City, Instance, cpu_seconds
from deploy.local.stack.stack import Stack
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.logging import configure
from services.runtime.settings import Settings
from services.shared.lookup_key import lookup_key
from tests.support import facts
from tests.support.eventually import soon
from tests.support.paths import ROOT

SECRET = "bench"
_MORNING = datetime(2026, 3, 2, 1, tzinfo=UTC)
_VERSION = re.compile(r"[?&;]v=(\d+)")


def main() -> None:
    """Runs the bench and prints what it measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20.0, help="facts a second, one by one")
    options = parser.parse_args()
    configure("bench", level="WARNING", as_json=False)
    console = Console()
    stack = Stack(ROOT, "pages", die_with_parent=True, kafka_tuned=True)
    stack.reset()
    try:
        endpoints = stack.up()
        settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=4)
        asyncio.run(create_topics(settings))
        folder = ROOT / ".motcua" / "bench" / "logs"
        with City(
            endpoints,
            folder,
            partitions=4,
            lookup_secrets=f"1:{SECRET}",
            live_pages=options.pages,
            live_pages_by_address=options.pages,
        ) as city:
            city.start("notify")
            instance = city.start(PAGE)
            city.wait_ready()
            found = uvloop.run(_Bench(instance, endpoints.kafka, options.pages).run(options.rate))
    finally:
        stack.reset()
    _show(console, found)
    path = ROOT / ".motcua" / "bench" / "pages.json"
    path.write_text(json.dumps(found, indent=2) + "\n")


class _Page:
    """An open page, as a browser keeps it."""

    def __init__(self, code: str, http: httpx.AsyncClient) -> None:
        self.code = code
        self._http = http
        self._path = f"/status/{code}"
        self._query = {"key": lookup_key(SECRET, code)}
        self.seen = 0
        self.told_at = self.shown_at = 0.0
        self._shown = asyncio.Event()

    async def load(self) -> str:
        """Asks for the page; it shows that version then."""
        answer = await self._http.get(self._path, params=self._query)
        answer.raise_for_status()
        found = _VERSION.search(answer.text[answer.text.index("data-events") :])
        assert found is not None
        self.seen = int(found.group(1))
        return answer.text

    async def follow(self, port: int, opened: asyncio.Event) -> None:
        """Follows the page's events for as long as they come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        where = f"{self._path}/events?key={self._query['key']}&v={self.seen}"
        writer.write(f"GET {where} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.split(b"\r\n", 1)[0], head
            opened.set()
            while line := await reader.readline():
                if line.startswith(b"data:"):
                    now = time.perf_counter()
                    await self.load()
                    self.told_at, self.shown_at = now, time.perf_counter()
                    self._shown.set()
        finally:
            writer.close()

    async def shows(self, version: int) -> None:
        """Waits until the page shows at least that version."""
        while self.seen < version:
            self._shown.clear()
            if self.seen < version:
                await self._shown.wait()


class _Bench:
    def __init__(self, instance: Instance, kafka: str, pages: int) -> None:
        self._instance = instance
        self._producer = EventProducer(kafka)
        self._codes = [f"H29.1-260302-{number:05}" for number in range(pages)]

    async def run(self, rate: float) -> dict[str, Any]:
        pid = self._instance.process.pid
        await self._producer.start()
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(
            base_url=self._instance.url, limits=limits, timeout=60.0
        ) as http:
            pages = [_Page(code, http) for code in self._codes]
            for at in range(0, len(pages), 500):
                await self._producer.publish(
                    [fact for page in pages[at : at + 500] for fact in _beginning(page.code)]
                )
            await self._settled(http, pages)
            before = self._instance.memory()
            async with asyncio.TaskGroup() as group:
                began = time.perf_counter()
                tasks = []
                for page in pages:
                    opened = asyncio.Event()
                    tasks.append(group.create_task(page.follow(self._instance.port, opened)))
                    await opened.wait()
                opening = time.perf_counter() - began
                # The first fact after that waits until the stream covers the last page.
                await self._tell(pages[-1], 1)
                after, idle = self._instance.memory(), cpu_seconds(pid)
                one_by_one = await self._one_by_one(pages, rate)
                used = cpu_seconds(pid) - idle
                at_once = await self._at_once(pages)
                for task in tasks:
                    task.cancel()
        await self._producer.stop()
        return {
            "pages": len(pages),
            "opening_seconds": opening,
            "memory_mib": {"before": before / 2**20, "open": after / 2**20},
            "kib_a_page": (after - before) / 1024 / len(pages),
            "one_by_one": one_by_one | {"rate": rate, "cpu_seconds": used},
            "at_once": at_once,
            "memory_mib_at_the_end": self._instance.memory() / 2**20,
        }

    async def _settled(self, http: httpx.AsyncClient, pages: Sequence[_Page]) -> None:
        async def idle() -> bool:
            return bool((await http.get("/health/ready")).json()["status"] == "idle")

        await soon(idle, timeout=120.0, what="rest")
        for page in pages:
            await page.load()

    async def _tell(self, page: _Page, number: int) -> tuple[float, float]:
        """Seconds from a fact until its page was told, and until it showed it."""
        version = page.seen
        began = time.perf_counter()
        await self._producer.publish([_step(page.code, number)])
        await page.shows(version + 1)
        return page.told_at - began, page.shown_at - began

    async def _one_by_one(self, pages: Sequence[_Page], rate: float) -> dict[str, Any]:
        async with asyncio.TaskGroup() as group:
            tasks = []
            start = time.perf_counter()
            for number, page in enumerate(pages):
                await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
                tasks.append(group.create_task(self._tell(page, 2)))
        return _delays([task.result() for task in tasks])

    async def _at_once(self, pages: Sequence[_Page]) -> dict[str, Any]:
        versions = [page.seen + 1 for page in pages]
        began = time.perf_counter()
        await self._producer.publish([_step(page.code, 3) for page in pages])
        for page, version in zip(pages, versions, strict=True):
            await page.shows(version)
        return _delays([(page.told_at - began, page.shown_at - began) for page in pages])


def _delays(found: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        name: {
            "p50": statistics.median(series),
            "p99": statistics.quantiles(series, n=100)[98],
            "most": max(series),
        }
        for name, series in (
            ("told", [told for told, _ in found]),
            ("shown", [shown for _, shown in found]),
        )
    }


def _event(code: str, data: EventData, minute: int) -> Event:
    event_id = derive_id("bench", code, data.TYPE, minute)
    return Event(event_id, "/bench", code, _MORNING + timedelta(minutes=minute), data)


def _beginning(code: str) -> list[Event]:
    received = facts.received("1.004873", "H29.1", citizen=f"citizen-{code}")
    routed = facts.routed("H29.101", "1.004873", "short", steps=("receive-check", "decide"))
    return [_event(code, received, 0), _event(code, routed, 0), _step(code, 0)]


def _step(code: str, number: int) -> Event:
    name = "decide" if number % 2 else "receive-check"
    started = routing.StepStarted(step=name, ordinal=number % 2, unit="H29.101", lead="cb-1")
    return _event(code, started, number)


def _show(console: Console, found: dict[str, Any]) -> None:
    memory = found["memory_mib"]
    console.print(
        f"{found['pages']:,} open pages on one process: {memory['before']:.0f} MiB before, "
        f"{memory['open']:.0f} MiB with them ({found['kib_a_page']:.0f} KiB a page)"
    )
    table = Table("facts", "until", "p50 ms", "p99 ms", "most ms")
    rate = found["one_by_one"]["rate"]
    for name, label in (("one_by_one", f"{rate:.0f} a second"), ("at_once", "all at once")):
        for what in ("told", "shown"):
            series = found[name][what]
            figures = (f"{series[key] * 1000:,.0f}" for key in ("p50", "p99", "most"))
            table.add_row(label, what, *figures)
    console.print(table)


if __name__ == "__main__":
    main()
