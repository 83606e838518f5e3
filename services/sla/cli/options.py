"""What every question to ``motcua report`` needs: its options, the rules, and sla's database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from fastapi.encoders import jsonable_encoder
from pymongo.errors import PyMongoError
from rich.console import Console, RenderableType

from contracts.values import FilingChannel, ServiceLevel
from services.runtime import Database, Document, WallClock, client
from services.shared.cli.instant import instant
from services.sla.cli import tables as report_tables
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.figures.counting import NoSuchField, check_fields
from services.sla.figures.csv_table import csv_text
from services.sla.figures.periods import NAMES, BadPeriod, Period, period
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.snapshots import Snapshot
from services.sla.figures.tables import Dimension, Scope
from services.sla.figures.view import DOSSIER_COLUMNS
from services.sla.rules_now import read_rules
from services.sla.settings import SlaSettings

T = TypeVar("T")

console = Console()
errors = Console(stderr=True)

_PATIENCE = 2.0
"""Seconds after which a waiting user is told what the command waits for."""


class TableFormat(StrEnum):
    """The formats of figures."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


PeriodName = Annotated[
    str, typer.Argument(metavar="PERIOD", help=f"{NAMES[0].upper()}{NAMES[1:]}.")
]
By = Annotated[
    list[Dimension] | None, typer.Option(help="Divide by this; more than once, by more.")
]
Unit = Annotated[list[str] | None, typer.Option(help="Only this unit, e.g. H29.15.")]
Field = Annotated[list[str] | None, typer.Option(help="Only this field (lĩnh vực), e.g. land.")]
Procedure = Annotated[list[str] | None, typer.Option(help="Only this procedure, by its code.")]
InChannel = Annotated[list[FilingChannel] | None, typer.Option(help="Only what came in this way.")]
Level = Annotated[list[ServiceLevel] | None, typer.Option(help="Only this online service level.")]
As = Annotated[TableFormat, typer.Option("--format", help="csv and json have every number.")]
Frozen = Annotated[bool, typer.Option("--snapshot", help="As published, not as it is now.")]
At = Annotated[
    datetime | None,
    typer.Option(
        parser=instant,
        metavar="TIME",
        help="As of when, e.g. 2025-07-31T17:00+07:00. Default: now. A simulated city has its own.",
    ),
]
Mongo = Annotated[str | None, typer.Option(help="Default: MOTCUA_MONGO.")]


@dataclass(frozen=True)
class FigureSource:
    """What questions are asked of: a database, the rules in force, and a time taken as now."""

    mongo: str
    rules: Rules
    now: datetime

    def checked(self, scope: Scope) -> Scope:
        """Return the scope if its fields exist. Raise BadParameter if one does not."""
        try:
            check_fields(scope, self.rules.catalogue)
        except NoSuchField as error:
            raise typer.BadParameter(str(error), param_hint="--field") from error
        return scope

    def ask(self, question: Callable[[Database], Awaitable[T]], what: str) -> T:
        """Return the answer from sla's database; say what it waits for if that takes long."""

        async def asked() -> T:
            async with _database(self.mongo) as database:
                task = asyncio.ensure_future(question(database))
                await asyncio.wait({task}, timeout=_PATIENCE)
                if not task.done():
                    with errors.status(f"{what}…"):
                        await asyncio.wait({task})
                return task.result()

        return _answered(asked())


def figure_source(mongo: str | None, at: datetime | None = None) -> FigureSource:
    """Return the source with the given database, or with the environment's."""
    uri = mongo or SlaSettings().mongo
    return FigureSource(uri, _answered(_rules(uri)), at or WallClock().now())


async def _rules(uri: str) -> Rules:
    async with _database(uri) as database:
        return await read_rules(database)


def _answered(question: Coroutine[Any, Any, T]) -> T:
    """Return the answer; exit with a word if the database does not answer."""
    try:
        return asyncio.run(question)
    except PyMongoError as error:
        errors.print(f"the database does not answer: {error}", markup=False)
        raise typer.Exit(1) from error


@asynccontextmanager
async def _database(uri: str) -> AsyncIterator[Database]:
    mongo = client(uri)
    try:
        yield mongo[f"motcua_{SlaDecider.name}"]
    finally:
        mongo.close()


def named(name: str) -> Period:
    """Return the period of that name. Raise BadParameter if there is none."""
    try:
        return period(name)
    except BadPeriod as error:
        hint = f"{error}; the commands are in motcua report --help"
        raise typer.BadParameter(hint, param_hint="PERIOD") from error


async def frozen(database: Database, of: Period) -> Snapshot:
    """Return the period's snapshot. Raise BadParameter if it has none."""
    found = await snapshots.snapshot(database, str(of))
    if found is None:
        raise typer.BadParameter(
            f"the figures of {of} are not frozen; motcua report snapshots lists those that are",
            param_hint="PERIOD",
        )
    return found


def write_dossiers(format: TableFormat, rows: list[Document], title: str) -> None:
    """Write the dossiers behind a number."""

    def table() -> RenderableType:
        return report_tables.dossiers_table(rows, f"{title}: {len(rows):,}", console.width)

    write(format, {"items": rows}, DOSSIER_COLUMNS, rows, table)


def write(
    format: TableFormat,
    shown: Document,
    header: Sequence[str],
    rows: Iterable[Document],
    table: Callable[[], RenderableType],
) -> None:
    """Write what was found: as a table for a reader, or in full for a spreadsheet or a program."""
    match format:
        case TableFormat.TABLE:
            console.print(table(), crop=False)
        case TableFormat.CSV:
            typer.echo(csv_text(header, rows), nl=False)
        case TableFormat.JSON:
            typer.echo(json.dumps(jsonable_encoder(shown), ensure_ascii=False, indent=2))
