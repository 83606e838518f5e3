"""``motcua record OUT``: a live city's log, or some of its dossiers, as a recording."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from contracts.catalogue import load_catalogue
from contracts.rules import sample_rules
from contracts.version import VERSION
from motcua.replay.aliases import Aliases
from motcua.replay.city_log import CityLog, city_log
from motcua.replay.header import Header, Selection, choices_of
from motcua.replay.pages import partings_page
from motcua.replay.parting import Parting
from motcua.replay.recorder import Recorder
from services.notify.settings import NotifySettings
from services.runtime import ClockKind, Settings, TopicsWrong, enacted_sets
from services.shared.cli.instant import instant

console = Console()

_AS_IS = (
    "As it is, the recording names citizens, officers and their reasons as the log does: it is "
    "personal data, to be kept as the log is."
)
_SHOWN = 20


def record(
    out: Annotated[Path, typer.Argument(help="The file to write, e.g. day.jsonl.gz.")],
    dossier: Annotated[
        list[str] | None, typer.Option("--dossier", help="Only this one; can be repeated.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Only dossiers that this unit received or handled.")
    ] = None,
    procedure: Annotated[str | None, typer.Option(help="Only dossiers under it.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only dossiers that came in from then on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was entered before then.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            envvar="MOTCUA_ALIAS_KEY",
            help="A file of 16 to 64 random bytes: persons get aliases under it.",
        ),
    ] = None,
    as_is: Annotated[bool, typer.Option("--as-is", help="Name persons as the log does.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Record a city's log, to replay it anywhere: what was asked, and what was decided.

    Whoever is named gets an alias; with the same key file, the same one in every recording. What
    was decided is decided again under the aliases. Units' morning mail is recorded with all
    dossiers alone. Give the variables that notify has: what it tells follows from them.

    Example: `motcua record day.jsonl.gz --key aliases.key --since 2026-03-11T00:00+07:00`
    """
    aliases = None
    if as_is:
        console.print(_AS_IS)
        if not yes and not typer.confirm("record it as it is?"):
            raise typer.Exit(1)
    else:
        aliases = _aliases(key)
    selection = Selection(
        tuple(sorted(dossier or ())),
        unit,
        procedure,
        None if since is None else instant(since, "--since"),
        None if until is None else instant(until, "--until"),
    )
    try:
        parted = asyncio.run(record_city(out, selection, aliases))
    except TopicsWrong as error:
        _fail([str(error)])
    except KafkaError as error:
        _fail([f"the broker does not answer: {error!r}"])
    if parted:
        console.print(partings_page(parted, "this release decides otherwise than was recorded"))


async def record_city(out: Path, selection: Selection, aliases: Aliases | None) -> list[Parting]:
    """Write a city's log as a recording; return where this release decides otherwise.

    Raise TopicsWrong, and what aiokafka raises if the broker is away.
    """
    now = datetime.now(UTC)
    settings = NotifySettings()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("looking", total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        async with city_log(settings.kafka) as log:
            found = await log.look(selection, told)
            until = selection.until or now
            if found.clock is ClockKind.STREAM:
                until = found.until or now
            header = await _header(settings, log, selection, found.clock, until, aliases)
            bar.update(task, description="recording")
            with Recorder(out, header, guided=True, aliases=aliases) as recorder:
                async for each in log.records(found, until, told):
                    recorder.take(each)
                parted = recorder.end()
    dossiers = len(recorder.player.memory.states["intake"])
    console.print(
        f"{out}: {recorder.count:,} records of {dossiers:,} dossiers",
        highlight=False,
    )
    for line in found.unreadable[:_SHOWN]:
        console.print(Text(f"left out, as it is no event: {line}", style="red"))
    return parted


async def _header(
    settings: NotifySettings,
    log: CityLog,
    selection: Selection,
    clock: ClockKind,
    until: datetime,
    aliases: Aliases | None,
) -> Header:
    enacted = await enacted_sets(Settings(kafka=settings.kafka)) or [sample_rules()]
    return Header(
        release=VERSION,
        clock=clock,
        until=until,
        partitions=log.partitions,
        selection=selection,
        offsets=log.offsets,
        rules=tuple(enacted if aliases is None else map(aliases.rule_set, enacted)),
        choices=choices_of(settings.policy(load_catalogue())),
        key_id=None if aliases is None else aliases.key_id,
    )


def _aliases(key: Path | None) -> Aliases:
    if key is None:
        _fail(
            [
                "name a key file for the aliases (--key), or say --as-is; to make one:",
                "    head -c 32 /dev/urandom > aliases.key && chmod 600 aliases.key",
            ]
        )
    try:
        return Aliases(key.read_bytes())
    except (OSError, ValueError) as error:
        _fail([f"{key}: {error}"])


def _fail(faults: Sequence[str]) -> NoReturn:
    for fault in faults:
        console.print(Text(fault, style="red"))
    raise typer.Exit(2)
