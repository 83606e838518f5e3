"""``motcua simulate``: play a city's working day to services that run on the stream clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from contracts.catalogue import load_catalogue
from motcua.deciders import calendars
from motcua.feed import Feed, NotSettled
from motcua.simulate import SimulatedDay, Simulation, simulate_day, slices
from motcua.simulate.contacts import sealed_contacts
from services.intake.codes import Codes
from services.runtime import Settings, client
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys

console = Console()


def simulate(
    dossiers: Annotated[int, typer.Option(help="Received on the day itself.", min=1)] = 1_000,
    carried_over: Annotated[
        int | None, typer.Option(help="Received before; default: a third more.", min=0)
    ] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    seed: Annotated[int, typer.Option(help="The same seed plays the same day.")] = 1,
    late_share: Annotated[float, typer.Option(help="Share that misses its date.")] = 0.0016,
    speed: Annotated[
        float, typer.Option(help="Simulated seconds a second; 0: as fast as it goes.", min=0)
    ] = 0,
    contacts: Annotated[
        bool, typer.Option(help="Citizens leave made-up addresses; notify has to deliver.")
    ] = False,
) -> None:
    """Play a working day: all channels, supplements, payments, hand-overs, late ones, bursts.

    The services must run with MOTCUA_CLOCK=stream: the simulation moves their time.

    Example: `motcua simulate --dossiers 500 --day 2026-03-11 --contacts`
    """
    settings = Settings()
    simulated = simulated_day(
        dossiers, carried_over, seed, late_share=late_share, day=day, contacts=contacts
    )
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("simulating", total=len(simulated.requests))

        def told(done: int, until: datetime) -> None:
            bar.update(task, completed=done, description=f"{until:%d/%m %H:%M}")

        try:
            asyncio.run(play(settings, simulated, told, speed=speed, sends_mail=contacts))
        except NotSettled as error:
            asked = "; do the services run, with MOTCUA_CLOCK=stream?"
            console.print(Text.assemble((str(error), "red"), asked))
            raise typer.Exit(1) from error
    console.print(f"{len(simulated.requests):,} requests played")


def simulated_day(
    dossiers: int,
    carried_over: int | None,
    seed: int,
    *,
    late_share: float = 0.0016,
    day: datetime | None = None,
    contacts: bool = False,
    gaps: tuple[int, int] = (15, 120),
) -> SimulatedDay:
    """Return a simulated day.

    `gaps` are the least minutes between two requests about one dossier, on the day itself and
    before it. Wider gaps make fewer slices to feed, and the day is over sooner.
    """
    chosen: dict[str, date] = {} if day is None else {"day": day.date()}
    return simulate_day(
        Simulation(
            dossiers=dossiers,
            carried_over=dossiers * 4 // 3 if carried_over is None else carried_over,
            seed=seed,
            late_share=late_share,
            contacts=contacts,
            min_gap_minutes=gaps[0],
            min_gap_minutes_before=gaps[1],
            **chosen,  # type: ignore[arg-type]
        ),
        load_catalogue(),
        calendars(),
    )


async def play(
    settings: Settings,
    simulated: SimulatedDay,
    told: Callable[[int, datetime], None],
    *,
    speed: float = 0,
    sends_mail: bool = False,
) -> None:
    """Feed the day slice by slice, each over a settled past. Raise NotSettled."""
    mongo = client(settings.mongo)
    codes = Codes(mongo["motcua_intake"])
    for (agency, number_day), highest in simulated.counters.items():
        await codes.at_least(agency, number_day, highest)
    told_contacts = await sealed_contacts(
        CitizenKeys(mongo, master_keys(KeySettings())), simulated.contacts
    )
    mongo.close()
    feed = Feed(settings.kafka, sends_mail=sends_mail)
    await feed.start()
    try:
        await feed.send(told_contacts)
        await feed.settle()
        began, first, done = time.monotonic(), simulated.begins, 0
        for piece in slices(simulated.requests, ends=simulated.ends):
            await feed.send(piece.events)
            await feed.settle()
            await feed.tick_mornings()
            await feed.tick(piece.until)
            done += len(piece.events)
            told(done, piece.until)
            if speed:
                ahead = (piece.until - first).total_seconds() / speed - (time.monotonic() - began)
                await asyncio.sleep(max(0.0, ahead))
        await feed.settle()
        await feed.tick_mornings()
        await feed.settle()
    finally:
        await feed.stop()
