"""``motcua dead-letters``: what a service could not handle, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from contracts.wire.topics import SERVICES
from services.runtime.core.dead_letter import DeadLetter
from services.runtime.kafka.dead_letters import CannotRedrive, DeadLetters
from services.runtime.settings import Settings

app = typer.Typer(
    help="Records that a service could not handle. While one is open, all later records of its "
    "dossier wait behind it, so that order is never broken.",
    no_args_is_help=True,
)
console = Console()

Service = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")]
Dossier = Annotated[str | None, typer.Option(help="Only dead letters of this dossier.")]
Letter = Annotated[list[str] | None, typer.Argument(help="Letters by id (topic/partition/offset).")]
All = Annotated[bool, typer.Option("--all", help="Every open dead letter.")]
Kafka = Annotated[str | None, typer.Option(help="Bootstrap servers; default: MOTCUA_KAFKA.")]


@app.command("list")
def list_letters(service: Service, dossier: Dossier = None, kafka: Kafka = None) -> None:
    """List the open dead letters of a service, oldest first.

    Example: `motcua dead-letters list notify --dossier H29.15-240307-0001`
    """
    letters = asyncio.run(_open(service, kafka))
    shown = [x for x in letters if dossier is None or x.subject == dossier]
    if not shown:
        console.print(f"{service} has no open dead letters")
    for letter in shown:
        # Two lines each: a table of six columns would cut its cells to pieces at 80.
        number = f", no. {letter.number} of its dossier" if letter.number else ""
        console.print(Text.assemble((letter.id, "bold"), f"  {letter.subject}{number}"))
        detail = letter.detail.splitlines()[0] if letter.detail else ""
        what = Text(f"{letter.time}  {letter.fault}: {detail}")
        console.print(Padding(what, (0, 0, 0, 4)))


@app.command("show")
def show(
    service: Service,
    letter: Annotated[str, typer.Argument(help="Its id, as the list has it.")],
    kafka: Kafka = None,
) -> None:
    """Show one dead letter: why it is here, its headers and its body.

    Example: `motcua dead-letters show notify dossier.events/3/1207`
    """
    found = _choose(asyncio.run(_open(service, kafka)), [letter], None, every=False)[0]
    about = f"  {found.fault}, since {found.time}"
    console.print(Text.assemble((found.id, "bold"), about))
    console.print(found.detail, markup=False)
    for name, value in found.headers:
        console.print(f"{name}: {value.decode('utf-8', 'backslashreplace')}", markup=False)
    body = (found.value or b"").decode("utf-8", "backslashreplace")
    console.print(body, markup=False)
    if found.truncated:
        console.print("[yellow]only the beginning of the body was kept[/yellow]")


@app.command("redrive")
def redrive(
    service: Service,
    letters: Letter = None,
    dossier: Dossier = None,
    every: All = False,
    kafka: Kafka = None,
) -> None:
    """Put dead letters back, each dossier's in order, and wait until they are handled.

    Example: `motcua dead-letters redrive notify --dossier H29.15-240307-0001`
    """
    asyncio.run(_put_back(service, letters, dossier, every=every, kafka=kafka, give_up=False))


@app.command("purge")
def purge(
    service: Service,
    letters: Letter = None,
    dossier: Dossier = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    kafka: Kafka = None,
) -> None:
    """Give dead letters up for good: the service goes on as if they had never been written.

    Example: `motcua dead-letters purge notify dossier.events/3/1207`
    """
    if not yes:
        typer.confirm(f"Give these dead letters of {service} up, for good?", abort=True)
    asyncio.run(_put_back(service, letters, dossier, every=every, kafka=kafka, give_up=True))


def _bootstrap(kafka: str | None) -> str:
    return kafka or Settings().kafka


async def _open(service: str, kafka: str | None) -> list[DeadLetter]:
    if service not in SERVICES:
        raise typer.BadParameter(
            f"there is no service {service!r}; there are {', '.join(SERVICES)}"
        )
    async with DeadLetters(_bootstrap(kafka), service) as dead_letters:
        return await dead_letters.still_open()


def _choose(
    letters: Sequence[DeadLetter], ids: list[str] | None, dossier: str | None, *, every: bool
) -> list[DeadLetter]:
    if not (ids or dossier or every):
        raise typer.BadParameter("name dead letters, a --dossier, or --all")
    known = {letter.id for letter in letters}
    if missing := [wanted for wanted in ids or () if wanted not in known]:
        raise typer.BadParameter(f"no open dead letter {', '.join(missing)}")
    subjects = {x.subject for x in letters if x.id in (ids or ()) and x.number}
    return [
        x
        for x in letters
        if every
        or x.id in (ids or ())
        or x.subject == dossier
        or (x.number and x.subject in subjects)
    ]


async def _put_back(
    service: str,
    ids: list[str] | None,
    dossier: str | None,
    *,
    every: bool,
    kafka: str | None,
    give_up: bool,
) -> None:
    letters = _choose(await _open(service, kafka), ids, dossier, every=every)
    async with DeadLetters(_bootstrap(kafka), service) as dead_letters:
        with console.status(f"{len(letters)} dead letters: waiting for {service} to handle them"):
            try:
                act = dead_letters.purge if give_up else dead_letters.redrive
                left = await act(letters)
            except CannotRedrive as error:
                console.print(Text(str(error), style="red"))
                raise typer.Exit(1) from error
    done = len(letters) - len(left)
    console.print(f"{done} {'given up' if give_up else 'redriven'}, {len(left)} still open")
    for letter in left:
        console.print(f"  {letter.id} {letter.subject} {letter.fault}", markup=False)
    if left:
        raise typer.Exit(1)
