"""``motcua demo``: a city's day through real Kafka and MongoDB, from nothing, with a live view."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contracts.events.sla import AlertKind
from contracts.wire.topics import SERVICES
from deploy.local.host.errors import StackError
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from motcua.live import LiveView
from motcua.simulate.command import make_plan, play
from motcua.story import read_story, story_table
from services.intake.imports.cli import import_log
from services.notify.page.http.links import Links
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import Settings

ROOT = Path(__file__).parents[1]
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_PERMITS = (
    Path(os.environ["MOTCUA_PERMITS"]) if "MOTCUA_PERMITS" in os.environ else None,
    ROOT.parent / "shared" / "data" / "permits.xes.gz",
    ROOT / "deploy" / "imports" / "sample.xes",
)
"""Where a log of an older system is looked for: the first that is there is imported."""

console = Console()


def demo(
    dossiers: Annotated[int, typer.Option(help="Received on the simulated day.", min=10)] = 900,
    seed: Annotated[int, typer.Option(help="The same seed plays the same day.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on serving after the day, until Ctrl-C.")
    ] = False,
) -> None:
    """Starts everything, imports an older system's log, plays a day, and draws the balance."""
    stack = Stack(ROOT, "demo", die_with_parent=True)
    try:
        with console.status("starting Kafka, MongoDB, a mail server and an SMS gateway") as status:
            stack.reset()
            endpoints = stack.up(lambda line: status.update(line))
    except StackError as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from error
    settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=4)
    folder = ROOT / ".motcua" / "demo"
    try:
        asyncio.run(create_topics(settings))
        console.print(f"Kafka on {endpoints.kafka}, MongoDB and the providers beside it")
        with City(
            endpoints,
            folder,
            clock="stream",
            partitions=4,
            channels="email,sms",
        ) as city:
            with console.status("starting the four services"):
                city.start_all()
            for instance in city.instances:
                console.print(f"{instance.service:8} {instance.url}/docs")
            console.print(f"mail     {endpoints.smtp_page}")
            console.print(f"SMS      {endpoints.gateway_page}")
            _import(settings)
            shown = _day(settings, city, dossiers, seed)
            if keep:
                _pages(endpoints, city.of("notify").url, settings.lookup_secret, shown)
                signal.pause()
            console.print("to look at the pages and what arrived: make demo ARGS=--keep")
    except KeyboardInterrupt:
        console.print("stopped")
    finally:
        with console.status("stopping"):
            stack.down()


def _import(settings: Settings) -> None:
    found = next(path for path in _PERMITS if path is not None and path.exists())
    console.rule("[bold]An older system's dossiers are imported")
    os.environ["MOTCUA_KAFKA"] = settings.kafka
    os.environ["MOTCUA_MONGO"] = settings.mongo
    os.environ["MOTCUA_PARTITIONS"] = str(settings.partitions)
    try:
        import_log(found, ROOT / "deploy" / "imports" / "permits.toml", brief=True)
    except typer.Exit as end:
        if end.exit_code > 1:
            raise


def _pages(endpoints: Endpoints, page: str, secret: str, code: str | None) -> None:
    console.rule("[bold]Open in a browser")
    console.print(f"where citizens look up a dossier   {page}")
    if code is not None:
        link = Links(page, secret).link(code)
        console.print(f"the one above, as its citizen      {link}", soft_wrap=True)
    console.print(f"mail that arrived                  {endpoints.smtp_page}")
    console.print(f"SMS that arrived                   {endpoints.gateway_page}")
    console.print("serving until Ctrl-C")


def _day(settings: Settings, city: City, dossiers: int, seed: int) -> str | None:
    console.rule("[bold]A working day")
    with console.status("planning the day"):
        plan = make_plan(dossiers, None, seed, late_share=0.02, contacts=True)
    view = LiveView(city, len(plan.requests))
    stop = threading.Event()
    start = time.monotonic()
    with Live(view.table(), console=console, refresh_per_second=4, transient=True) as live:

        def refresh() -> None:
            while not stop.wait(0.5):
                live.update(view.table())

        looking = threading.Thread(target=refresh, daemon=True)
        looking.start()
        try:
            asyncio.run(play(settings, plan, view.told, sends_mail=True))
        finally:
            stop.set()
            looking.join()
    seconds = time.monotonic() - start
    events = asyncio.run(_log_length(settings))
    last = plan.ends - timedelta(seconds=1)
    since = last.astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
    until = since + timedelta(days=1)
    asyncio.run(_mail_is_out(settings, plan.ends))
    console.rule(f"[bold]The balance of {since:%d/%m/%Y}")
    balanced = _balance(city, since, until)
    figures = city.of("sla").get(f"/figures?{_period(since, until)}")
    _rates(figures)
    _letters(figures["total"])
    _messages(city)
    console.print(
        f"{events:,} events on the log; the day took {seconds:.0f} s with broker and database on "
        f"the same machine"
    )
    code = asyncio.run(_late_one(settings))
    if code is not None:
        console.print(story_table(code, asyncio.run(read_story(settings.kafka, code))))
    if not balanced:
        console.print("[red]the services do not agree[/red]")
        raise typer.Exit(1)
    return code


def _balance(city: City, since: datetime, until: datetime) -> bool:
    table = Table("service", "carried over", "+ received", "= resolved", "+ open", "")
    rows = []
    for name in SERVICES:
        row = city.of(name).get(f"/balance?{_period(since, until)}")
        even = row["carried_over"] + row["received"] == row["resolved"] + row["open"]
        rows.append((row, even))
        numbers = (f"{row[k]:,}" for k in ("carried_over", "received", "resolved", "open"))
        table.add_row(
            name, *numbers, "[green]reconciles[/green]" if even else "[red]does not[/red]"
        )
    console.print(table)
    return all(even for _, even in rows) and all(row == rows[0][0] for row, _ in rows)


def _rates(figures: dict[str, Any]) -> None:
    total = figures["total"]
    table = Table("unit", "resolved", "late", "on time", "open", "open and late")
    busiest = sorted(figures["rows"], key=lambda u: -u["resolved"])[:8]
    for row in [*busiest, {"unit": "the city", **total}]:
        on_time = row["on_time_of_resolved"]
        rate = "no figure" if on_time is None else f"{on_time} %"
        numbers = f"{row['resolved']:,}", f"{row['resolved_late']:,}", rate
        table.add_row(row["unit"], *numbers, f"{row['open']:,}", f"{row['open_late']:,}")
    console.print(table)


def _letters(total: dict[str, Any]) -> None:
    table = Table(
        "given a second date",
        "kept by it alone",
        "late, with a letter",
        "late, without a letter",
        "exempt",
    )
    names = "extended", "kept_second_date", "late_with_letter", "late_without_letter", "exempt"
    table.add_row(*(f"{total[name]:,}" for name in names))
    console.print(table)


def _messages(city: City) -> None:
    figures = city.of("notify").get("/figures")
    table = Table("message", "planned")
    for template, count in figures["planned"].items():
        table.add_row(template, f"{count:,}")
    console.print(table)
    sent = figures["delivered"]
    reasons = ", ".join(f"{n:,} {why}" for why, n in figures["not_sent"].items()) or "none"
    console.print(
        f"sent {sent['sent']:,}, for the next morning {sent['pending']:,}; not sent: {reasons}"
    )


def _period(since: datetime, until: datetime) -> str:
    return f"since={since:%Y-%m-%dT%H:%M:%S%%2B07:00}&until={until:%Y-%m-%dT%H:%M:%S%%2B07:00}"


async def _log_length(settings: Settings) -> int:
    from motcua.feed import Feed

    feed = Feed(settings.kafka)
    try:
        return sum((await feed.ends()).values())
    finally:
        await feed.stop()


async def _mail_is_out(settings: Settings, ends: datetime, timeout: float = 120.0) -> None:
    """Waits until all is sent that was to be sent by the day's end; the rest is for tomorrow."""
    mongo = client(settings.mongo)
    deliveries = mongo["motcua_notify"]["deliveries"]
    deadline = time.monotonic() + timeout
    with console.status("the last messages go out"):
        while await deliveries.count_documents({"state.next_at": {"$lt": ends}}):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
    mongo.close()


async def _late_one(settings: Settings) -> str | None:
    """A dossier whose story is worth telling: late, with a letter, and resolved all the same."""
    mongo = client(settings.mongo)
    dossiers = mongo["motcua_sla"]["dossiers"]
    late = {"state.alerts.kind": AlertKind.OVERDUE, "state.span.ended_at": {"$ne": None}}
    for query in ({**late, "state.letters.0": {"$exists": True}}, late, {}):
        mine = {"$and": [query, {"_id": {"$regex": "^H29"}}]}
        if (found := await dossiers.find_one(mine, {"_id": 1})) is not None:
            mongo.close()
            return str(found["_id"])
    mongo.close()
    return None
