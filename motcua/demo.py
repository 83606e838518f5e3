"""``motcua demo``: a city's day through real Kafka and MongoDB, from nothing, with a live view."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.live import Live
from rich.status import Status
from rich.text import Text

from contracts.rules import SAMPLE, read_files
from contracts.wire.envelope import Event
from contracts.wire.topics import PAGE, SERVICES
from deploy.local.host.errors import StackError
from deploy.local.stack.city import PROCESSES, City, Instance, ServiceDied
from deploy.local.stack.stack import Stack
from motcua.demo_page import Day, Rebuilt, demo_page
from motcua.demo_story import pick_story
from motcua.feed import Feed, NotSettled
from motcua.simulate import SimulatedDay
from motcua.simulate.command import play, simulated_day
from motcua.story_page import story_page
from motcua.top import Address, Watch, view
from motcua.top.address import FIRST_PORT
from services.intake.imports.cli import import_log
from services.notify.page.http.links import Links
from services.runtime import (
    ClockKind,
    Service,
    ServiceCheck,
    Settings,
    check_service,
    client,
    configure,
    create_topics,
    enact,
)
from services.shared.known_secrets import LOOKUP
from services.shared.lookup_key import LookupKeys

ROOT = Path(__file__).parents[1]
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_PERMITS = (
    Path(os.environ["MOTCUA_PERMITS"]) if "MOTCUA_PERMITS" in os.environ else None,
    ROOT.parent / "shared" / "data" / "permits.xes.gz",
    ROOT / "deploy" / "imports" / "sample.xes",
)
"""Where a log of an older system may be: the first file that exists is imported."""
_PORTS = {name: FIRST_PORT + place for place, name in enumerate(PROCESSES)}
"""The ports that the processes are asked to use: `motcua top` looks at those of the services."""

_GAPS = (30, 240)
"""Minutes between two requests about one dossier: 46 slices, where 15 and 120 make 74."""
_PATIENCE_S = 180.0
"""Seconds that the services may take to start: on a busy machine they are slow, not broken."""
_MOTCUA = ".venv/bin/motcua"

console = Console()


class Stages:
    """Says what is being done, and keeps how long each stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._status: Status | None = None

    @contextmanager
    def stage(self, name: str, doing: str = "") -> Iterator[None]:
        """Time a stage of that name. `doing` is shown while it lasts; empty if the stage shows its
        own progress."""
        began = time.monotonic()
        if doing:
            self._status = console.status("")
            self._status.start()
            self.tell(doing)
        try:
            yield
        finally:
            if self._status is not None:
                self._status.stop()
                self._status = None
        self.seconds[name] = time.monotonic() - began

    def tell(self, doing: str) -> None:
        """Show what is being done now: beside a spinner, or on its own line in a pipe."""
        if not console.is_terminal:
            console.print(doing, markup=False, highlight=False)
        elif self._status is not None:
            self._status.update(Text(doing))


def demo(
    dossiers: Annotated[int, typer.Option(help="Received on the simulated day.", min=10)] = 400,
    seed: Annotated[int, typer.Option(help="The same seed plays the same day.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on serving after the day, until Ctrl-C.")
    ] = False,
) -> None:
    """Start everything, import an older system's log, play a day, and show what came of it.

    Example: `motcua demo --dossiers 200 --keep`
    """
    # The secrets are a trial's; a warning about that would say nothing here.
    os.environ["MOTCUA_TRIAL"] = "1"
    configure("demo", level="ERROR", as_json=False)
    stages = Stages()
    stack = Stack(ROOT, "demo", die_with_parent=True)
    try:
        with stages.stage("stack", "starting Kafka, MongoDB and the providers"):
            stack.reset()
            endpoints = stack.up(stages.tell)
    except StackError as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from error
    settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=4)
    folder = ROOT / ".motcua" / "demo"
    try:
        asyncio.run(create_topics(settings))
        with stages.stage("rules", "enacting the city's rules"):
            _enact(settings)
        with City(endpoints, folder, clock="stream", partitions=4, channels="email,sms") as city:
            city.ports = _PORTS
            with stages.stage("services", "starting the four services and the page"):
                city.start_all(stages.tell, timeout=_PATIENCE_S)
            _import(settings, stages)
            with stages.stage("plan", "planning the day"):
                simulated = simulated_day(
                    dossiers, None, seed, late_share=0.02, contacts=True, gaps=_GAPS
                )
            with stages.stage("day"):
                asyncio.run(_play(settings, city, simulated))
            with stages.stage("messages", "the last messages go out"):
                asyncio.run(_mail_is_out(settings, simulated.ends))
            agrees = _end_on_page(settings, city, simulated, stages, keep=keep)
            if keep:
                console.print("serving until Ctrl-C")
                signal.pause()
            if not agrees:
                raise typer.Exit(1)
    except KeyboardInterrupt:
        console.print("stopped")
    except (ServiceDied, TimeoutError, NotSettled) as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from error
    finally:
        with console.status("stopping"):
            stack.down()


def _enact(settings: Settings) -> None:
    """Put the rules of MOTCUA_CITY in force, or else the sample's: the first set always counts."""
    files = read_files(Path(os.environ.get("MOTCUA_CITY") or SAMPLE))
    of_stream = settings.model_copy(update={"clock": ClockKind.STREAM})
    asyncio.run(enact(of_stream, files, datetime(2000, 1, 1, tzinfo=UTC), "demo"))


def _import(settings: Settings, stages: Stages) -> None:
    found = next(path for path in _PERMITS if path is not None and path.exists())
    console.rule("[bold]An older system's dossiers are imported")
    os.environ["MOTCUA_KAFKA"] = settings.kafka
    os.environ["MOTCUA_MONGO"] = settings.mongo
    os.environ["MOTCUA_PARTITIONS"] = str(settings.partitions)
    with stages.stage("import"):
        try:
            import_log(found, ROOT / "deploy" / "imports" / "permits.toml", brief=True)
        except typer.Exit as end:
            if end.exit_code > 1:
                raise


async def _play(settings: Settings, city: City, simulated: SimulatedDay) -> None:
    """Play the day under the live view; without a terminal, print a line for each tenth of it."""
    console.rule("[bold]A working day")
    total = max(1, len(simulated.requests))
    title, tenth = "", 0

    def told(done: int, until: datetime) -> None:
        nonlocal title, tenth
        title = f"{100 * done // total} % of the requests"
        if 10 * done // total > tenth and not console.is_terminal:
            console.print(f"{until.astimezone(VIETNAM):%d/%m %H:%M}  {title}", highlight=False)
        tenth = 10 * done // total

    if not console.is_terminal:
        await play(settings, simulated, told, sends_mail=True)
        return
    addresses = [Address(instance.url, instance.service) for instance in _services(city)]
    async with Watch(addresses) as watch:
        with Live(console=console, auto_refresh=False, transient=True) as live:

            async def look() -> None:
                while True:
                    live.update(view(await watch.look(), title), refresh=True)
                    await asyncio.sleep(1.0)

            looking = asyncio.create_task(look())
            try:
                await play(settings, simulated, told, sends_mail=True)
            finally:
                looking.cancel()


async def _mail_is_out(settings: Settings, ends: datetime, timeout: float = 120.0) -> None:
    """Wait until all messages due by the day's end are sent; the rest is for tomorrow."""
    mongo = client(settings.mongo)
    deliveries = mongo["motcua_notify"]["deliveries"]
    deadline = time.monotonic() + timeout
    while await deliveries.count_documents({"state.next_at": {"$lt": ends}}):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    mongo.close()


def _end_on_page(
    settings: Settings, city: City, simulated: SimulatedDay, stages: Stages, *, keep: bool
) -> bool:
    """Print the closing page; return whether the services agree."""
    last = simulated.ends - timedelta(seconds=1)
    since = last.astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
    period = _period(since, since + timedelta(days=1))
    picked = asyncio.run(_picked(settings))
    day = Day(
        begins=since,
        balances={name: city.of(name).read(f"/balance?{period}") for name in SERVICES},
        figures=city.of("sla").read(f"/figures?{period}")["total"],
        messages=city.of("notify").read("/figures"),
        events=asyncio.run(_log_length(settings)),
        seconds=stages.seconds,
        rebuilt=None if keep else _rebuilt(city, stages),
    )
    story, code = None, None
    if picked is not None:
        code, events = picked
        story = story_page(code, events)
    console.print(demo_page(day, story, _to_open(settings, city, code, keep=keep)))
    return day.agrees


def _rebuilt(city: City, stages: Stages) -> Rebuilt:
    """Stop the services, and fold their states anew from the log."""
    os.environ.update({k: v for k, v in city.environment().items() if k.startswith("MOTCUA_")})
    with stages.stage("rebuilding", "folding all states anew from the log"):
        city.stop()
        began = time.monotonic()
        checks = asyncio.run(_checked())
        return Rebuilt(
            sum(each.records for each in checks),
            sum(each.equal for each in checks),
            [fault for each in checks for fault in each.faults],
            time.monotonic() - began,
        )


async def _checked() -> list[ServiceCheck]:
    found = []
    for name in SERVICES:
        service: Service[Any] = import_module(f"services.{name}.__main__").SERVICE
        settings = service.settings()
        mongo = client(settings.mongo)
        found.append(await check_service(service, settings, mongo))
        mongo.close()
    return found


def _period(since: datetime, until: datetime) -> str:
    return f"since={since:%Y-%m-%dT%H:%M:%S%%2B07:00}&until={until:%Y-%m-%dT%H:%M:%S%%2B07:00}"


async def _picked(settings: Settings) -> tuple[str, list[Event]] | None:
    mongo = client(settings.mongo)
    try:
        return await pick_story(settings.kafka, mongo["motcua_sla"])
    finally:
        mongo.close()


async def _log_length(settings: Settings) -> int:
    feed = Feed(settings.kafka)
    try:
        return sum((await feed.ends()).values())
    finally:
        await feed.stop()


def _to_open(
    settings: Settings, city: City, code: str | None, *, keep: bool
) -> list[tuple[str, str]]:
    """List what to look at next: a serving city's addresses, or how to get such a city."""
    if not keep:
        return [
            ("once more", "make demo ARGS=--keep   goes on serving: pages, mail, SMS, APIs"),
            ("to read", "README.md"),
        ]
    endpoints, page = city.endpoints, city.of(PAGE).url
    shown = Links(page, LookupKeys({1: LOOKUP})).link(code) if code else page
    first, *others = _services(city)
    apis = ", ".join(f":{instance.port} {instance.service}" for instance in others)
    commands = [("its log", f"{_MOTCUA} story {code} --all"), ("its date", f"{_MOTCUA} why {code}")]
    return [
        ("status page", shown),
        ("mail", endpoints.smtp_page),
        ("SMS", endpoints.gateway_page),
        ("APIs", f"{first.url}/docs {first.service}; {apis}"),
        ("live view", " ".join([f"{_MOTCUA} top", *_elsewhere(city)])),
        ("to sign in", f"{_MOTCUA} token --as auditor --issuer {endpoints.oidc}"),
        ("for motcua", f"export MOTCUA_KAFKA={endpoints.kafka}"),
        ("", f"export MOTCUA_MONGO={endpoints.mongo.partition('/?')[0]}"),
        *(commands if code else []),
    ]


def _elsewhere(city: City) -> list[str]:
    """List the addresses if they are not those where `motcua top` looks by itself."""
    services = _services(city)
    if all(instance.port == _PORTS[instance.service] for instance in services):
        return []
    return [f"127.0.0.1:{instance.port}" for instance in services]


def _services(city: City) -> list[Instance]:
    """Return the instances that have an engine, which the page has not."""
    return [instance for instance in city.instances if instance.service != PAGE]
