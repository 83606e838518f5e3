"""``motcua why CODE``: why a dossier is due when it is, told and drawn in the terminal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.text import Text

from contracts.values import Locale
from services.runtime import WallClock, World, client, read_world, state_of
from services.shared.cli.instant import instant
from services.shared.working_time import OutsideCalendar
from services.sla.deciding.decider import SlaDecider, judging
from services.sla.dossier.state import Sla
from services.sla.explain.explanation import asked_at, explanation, why_unjudged
from services.sla.explain.page import page
from services.sla.explain.texts import load_texts
from services.sla.settings import SlaSettings

console = Console()


def why(
    code: Annotated[str, typer.Argument(help="The dossier's code, e.g. H29.15-240307-0001.")],
    lang: Annotated[
        Locale | None, typer.Option(help="Default: vi if LANG says so, else en.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="As of when, with an offset: 2024-03-07T16:00+07:00. Default: now."),
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(help="By what had been entered by then; default: by all that is known."),
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Writes the drawing to this file too.")] = None,
    mongo: Annotated[str | None, typer.Option(help="Default: MOTCUA_MONGO.")] = None,
) -> None:
    """Explain a dossier's due time: each segment, day off and rule that made it, and a drawing.

    Example: `motcua why H29.15-240307-0001 --lang en`
    """
    moment = instant(at, "--at") if at is not None else None
    known = instant(known_at, "--known-at") if known_at is not None else None
    try:
        state, world = asyncio.run(_read(mongo or SlaSettings().mongo, code))
    except PyMongoError as error:
        console.print(f"the database does not answer: {error}", markup=False)
        raise typer.Exit(1) from error
    if state is None or state.procedure is None:
        console.print(f"sla knows of no dossier {code}", markup=False)
        raise typer.Exit(1)
    texts = load_texts()[lang or _language()]
    if (unjudged := why_unjudged(code, state, texts)) is not None:
        console.print(unjudged, markup=False, highlight=False)
        raise typer.Exit(1)
    rules = judging(world, state)
    try:
        moment = moment or asked_at(state, WallClock().now(), known)
        told = explanation(code, state, rules, texts, moment, known)
    except OutsideCalendar as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    if told is None:
        console.print(f"the clock of {code} had not begun by then", markup=False)
        raise typer.Exit(1)
    console.print(page(told, console.width))
    if svg is not None:
        svg.write_text(told.svg(), encoding="utf-8")
        console.print(Text(str(svg), style="dim"))


async def _read(uri: str, code: str) -> tuple[Sla | None, World]:
    """Return sla's state of the dossier, None if there is none; and the sets of rules."""
    mongo = client(uri)
    try:
        database = mongo["motcua_sla"]
        document = await database[SlaDecider.collection].find_one({"_id": code})
        world = await read_world(database)
    finally:
        mongo.close()
    return (state_of(document, Sla) if document is not None else None), world


def _language() -> Locale:
    return Locale.VI if os.environ.get("LANG", "").startswith("vi") else Locale.EN
