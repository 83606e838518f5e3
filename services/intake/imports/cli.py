"""`motcua import`: the history of an older system's dossiers, from its event log."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from contracts.catalogue import Catalogue, load_catalogue
from contracts.rules import RulesError, read_files
from services.intake.imports.bookmarks import Bookmark, Bookmarks, MongoBookmarks, NoBookmarks
from services.intake.imports.log import LogError
from services.intake.imports.mapping import MappingError
from services.intake.imports.report import Report
from services.intake.imports.rules import CompiledMapping, load_mapping
from services.intake.imports.run import OnRead, check, send, sha256_of
from services.intake.imports.told_before import MongoToldBefore
from services.runtime import (
    EventProducer,
    Settings,
    TopicsWrong,
    WallClock,
    check_topics,
    client,
    enacted_sets,
)
from services.shared.references import References, ReferenceSettings, references

_BROKEN = 1
_WRONG_USE = 2
_INTERRUPTED = 130

out = Console()
errors = Console(stderr=True)


def import_log(
    file: Annotated[Path, typer.Argument(help="The log: XES or CSV, plain or gzip.")],
    mapping: Annotated[
        Path, typer.Option(help="How the log is understood; see deploy/imports/permits.toml.")
    ],
    kafka: Annotated[str | None, typer.Option(help="Bootstrap servers; else MOTCUA_KAFKA.")] = None,
    mongo: Annotated[str | None, typer.Option(help="MongoDB's URI; else MOTCUA_MONGO.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Translate and report; send nothing, need nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write the report to this file too, as JSON.")
    ] = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="Leave out what each activity became.")
    ] = False,
    correct: Annotated[
        bool,
        typer.Option("--correct", help="Tell cases anew that an earlier import told otherwise."),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first traces of the file.")
    ] = None,
) -> None:
    """Import the dossiers of an older system as history.

    What the log tells is sent as facts, in the order in which it happened. Run it again after an
    interruption, and it continues. Run it again with a corrected file: nothing is added twice, and
    what differs from before is counted, or with --correct is told anew in its place. It ends with 0
    if everything was told or skipped on purpose, 1 if something was left out, 2 if the mapping is
    wrong.

    Example: `motcua import permits.xes.gz --mapping deploy/imports/permits.toml --dry-run`
    """
    try:
        catalogue = _catalogue(None if dry_run else _settings(kafka))
        compiled = load_mapping(mapping, catalogue, _references(dry_run=dry_run))
    except (MappingError, RulesError) as error:
        errors.print(f"[red]The mapping cannot be used:[/red] {escape(str(error))}")
        raise typer.Exit(_WRONG_USE) from error
    except (TopicsWrong, KafkaError) as error:
        errors.print(f"[red]The rules in force cannot be read:[/red] {escape(str(error))}")
        raise typer.Exit(_BROKEN) from error
    found = Report.of(file.name, compiled, corrects=correct)
    stopped: int | None = None
    try:
        with _bar() as bar:
            task = bar.add_task(escape(file.name), total=None)

            def progress(read: int, size: int) -> None:
                bar.update(task, completed=read, total=size)

            if dry_run:
                check(file, compiled, found, now=WallClock().now(), limit=limit, progress=progress)
            else:
                settings = _settings(kafka)
                before = asyncio.run(
                    _send(
                        file,
                        compiled,
                        found,
                        settings=settings,
                        mongo=mongo or settings.mongo,
                        limit=limit,
                        progress=progress,
                    )
                )
                if before is not None:
                    if before.left_out:
                        raise typer.Exit(_BROKEN)
                    return
    except LogError as error:
        found.stopped_by(error)
    except TopicsWrong as error:
        found.error = str(error)
    except (KafkaError, PyMongoError, TimeoutError) as error:
        who = "MongoDB" if isinstance(error, PyMongoError) else "Kafka"
        found.error = f"{who} failed: {error or type(error).__name__}; run it again to go on"
    except KeyboardInterrupt:
        found.error = "interrupted; run it again to go on"
        stopped = _INTERRUPTED
    found.show(out, brief=brief)
    if report is not None:
        _save(found, report)
    if dry_run:
        out.print("A dry run: nothing was sent.")
    else:
        out.print(f"{found.sent:,} facts sent; {found.already_sent:,} traces were sent before.")
    if not found.good:
        raise typer.Exit(stopped or _BROKEN)


def _settings(bootstrap: str | None) -> Settings:
    """Return the settings, with other bootstrap servers if they are given."""
    settings = Settings()
    return settings if bootstrap is None else settings.model_copy(update={"kafka": bootstrap})


def _references(*, dry_run: bool) -> References:
    """Return how identity numbers are hashed; a dry run, which tells nobody, hashes them somehow.

    Raise SettingsWrong if the secret is missing.
    """
    return References({0: token_hex()}) if dry_run else references(ReferenceSettings())


def _catalogue(settings: Settings | None) -> Catalogue:
    """Return the catalogue in force; without settings that of MOTCUA_CITY, or else the sample's.

    Raise RulesError if a file of it is wrong.
    """
    if settings is None:
        folder = os.environ.get("MOTCUA_CITY")
        return load_catalogue(read_files(Path(folder)) if folder else None)
    known = asyncio.run(enacted_sets(settings))
    now = WallClock().now()
    in_force = [one for one in known if one.since <= now] or known[:1]
    return load_catalogue(in_force[-1].files if in_force else None)


async def _send(
    file: Path,
    compiled: CompiledMapping,
    found: Report,
    *,
    settings: Settings,
    mongo: str,
    limit: int | None,
    progress: OnRead,
) -> Bookmark | None:
    """Send the facts; if an earlier run had finished, return what it did, and send nothing."""
    database = client(mongo)
    producer = EventProducer(settings.kafka)
    try:
        bookmarks: Bookmarks = NoBookmarks()
        if not found.corrects:
            bookmarks = MongoBookmarks(
                database, file=sha256_of(file), mapping=compiled.sha256, name=file.name
            )
        before = await bookmarks.begun()
        if before.finished:
            out.print(
                f"{escape(file.name)} was imported by this mapping before: {before.traces:,} "
                f"traces, {before.broken:,} of them broken. Nothing was sent."
            )
            if before.left_out:
                out.print("Something was left out then: a dry run names it.")
            return before
        await check_topics(settings)
        await producer.start()
        await send(
            file,
            compiled,
            found,
            publisher=producer,
            bookmarks=bookmarks,
            told_before=MongoToldBefore(database, compiled.source.name),
            now=WallClock().now(),
            limit=limit,
            progress=progress,
            correct=found.corrects,
        )
        return None
    finally:
        await producer.stop()
        database.close()


def _save(found: Report, path: Path) -> None:
    try:
        found.save(path)
    except OSError as error:
        errors.print(f"[red]{escape(str(path))}: cannot be written: {error.strerror}[/red]")
        raise typer.Exit(_BROKEN) from error


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )
