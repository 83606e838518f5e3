"""``motcua report`` on frozen figures: the list, later entries, and freezing."""

from __future__ import annotations

from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from services.runtime import Database, Document, Offsets, group_of
from services.sla.cli import tables as report_tables
from services.sla.cli.options import (
    As,
    At,
    By,
    Field,
    InChannel,
    Level,
    Mongo,
    PeriodName,
    Procedure,
    TableFormat,
    Unit,
    console,
    errors,
    figure_source,
    frozen,
    named,
    write,
)
from services.sla.deciding.decider import SlaDecider
from services.sla.figures.counting import MEASURES
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.changes import changes
from services.sla.figures.snapshots.freeze import FreezeResult, freeze
from services.sla.figures.snapshots.freezing import Folded
from services.sla.figures.tables import scope as scope_of
from services.sla.figures.view import (
    SNAPSHOT_COLUMNS,
    changes_view,
    columns,
    lines,
    snapshots_view,
)
from services.sla.settings import SlaSettings


def show_changes(
    name: PeriodName,
    by: By = None,
    unit: Unit = None,
    field: Field = None,
    procedure: Procedure = None,
    channel: InChannel = None,
    level: Level = None,
    format: As = TableFormat.TABLE,
    mongo: Mongo = None,
) -> None:
    """Show what was entered since a period was frozen: its figures now minus the published ones.

    Example: `motcua report changes 2025-07 --by unit`
    """
    desk = figure_source(mongo)
    of = named(name)
    scope = desk.checked(
        scope_of(by, unit=unit, field=field, procedure=procedure, channel=channel, level=level)
    )

    async def read(database: Database) -> Document:
        found = await frozen(database, of)
        table = await changes(database, found, scope, desk.rules.catalogue)
        return changes_view(found, table, desk.rules.catalogue)

    shown = desk.ask(read, f"counting {of}")
    header = columns(scope.by, MEASURES)
    write(
        format,
        shown,
        header,
        lines(shown),
        lambda: report_tables.changes_table(shown, console.width),
    )


def show_snapshots(format: As = TableFormat.TABLE, mongo: Mongo = None) -> None:
    """List the frozen periods, with their rates as published.

    Example: `motcua report snapshots --format csv`
    """
    found = figure_source(mongo).ask(snapshots.snapshots, "reading")
    shown = snapshots_view(found)
    header = [*SNAPSHOT_COLUMNS, *columns((), MEASURES, rated=True)]
    write(
        format,
        shown,
        header,
        shown["items"],
        lambda: report_tables.snapshots_table(shown["items"], console.width),
    )


def freeze_period(
    name: PeriodName,
    at: At = None,
    mongo: Mongo = None,
    kafka: Annotated[str | None, typer.Option(help="Default: MOTCUA_KAFKA.")] = None,
) -> None:
    """Freeze a period that is over, once sla has read everything on the log.

    Sla itself freezes months and quarters some days after their end. This is for other periods: a
    year, or a period from before sla began to freeze. Nothing can unfreeze them.

    Example: `motcua report freeze 2025`
    """
    desk = figure_source(mongo, at)
    of = named(name)

    async def work(database: Database) -> FreezeResult:
        offsets = Offsets(kafka or SlaSettings().kafka)
        try:
            group = group_of(SlaDecider.name, SlaDecider.topic)
            await Folded(offsets, group, SlaDecider.topic).wait()
        finally:
            await offsets.stop()
        return await freeze(database, of, desk.rules, desk.now)

    if of.until > desk.now:
        raise typer.BadParameter(f"{of} is not over: its figures still change", param_hint="PERIOD")
    try:
        outcome = desk.ask(work, f"freezing {of}")
    except KafkaError as error:
        errors.print(f"the broker does not answer: {error}", markup=False)
        raise typer.Exit(1) from error
    console.print(
        {
            FreezeResult.FROZEN: f"{of} is frozen: motcua report {of} --snapshot",
            FreezeResult.ALREADY: f"{of} was frozen before, and stays as it is",
            FreezeResult.ELSEWHERE: f"{of} is being frozen by another process",
        }[outcome]
    )
