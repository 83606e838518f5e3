"""``motcua report``: on-time figures, the dossiers behind them, and what was published."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from services.runtime import Database, Document
from services.shared.working_time import OutsideCalendar
from services.sla.cli import frozen as report_frozen
from services.sla.cli import tables as report_tables
from services.sla.cli.options import (
    As,
    At,
    By,
    Field,
    Frozen,
    InChannel,
    Level,
    Mongo,
    PeriodName,
    Procedure,
    TableFormat,
    Unit,
    console,
    figure_source,
    frozen,
    named,
    write,
    write_dossiers,
)
from services.sla.deciding.decider import SlaDecider
from services.sla.figures.backlog import BACKLOG, backlog
from services.sla.figures.counting import MEASURES, period_count
from services.sla.figures.figures import figures
from services.sla.figures.periods import NAMES, Period, month_at
from services.sla.figures.snapshots import snapshots
from services.sla.figures.tables import scope as scope_of
from services.sla.figures.view import (
    backlog_view,
    columns,
    dossiers_view,
    figures_view,
    lines,
    snapshot_view,
)


class _PeriodFirst(TyperGroup):
    """Makes ``motcua report 2025-07`` mean ``motcua report figures 2025-07``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["figures", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_PeriodFirst,
    rich_markup_mode="markdown",
    help="""
On-time figures from sla's own database: three rates, the balance, and the dossiers behind each
number.

**motcua report** shows this month, unit by unit. **motcua report 2025-07** shows a month,
**2025-Q3** a quarter, **2025** a year.

**motcua report 2025-07 --by unit --by field** divides by both; **--unit H29.15** looks at one unit.
What can be divided by can be looked at alone: unit, field, procedure, channel, level.

**motcua report dossiers resolved_late 2025-07 --unit H29.15** lists the dossiers behind a number.

**motcua report 2025-07 --snapshot** shows what was published, which nothing changes any more;
**motcua report changes 2025-07** what was entered since.

**--format csv** is for a spreadsheet, **--format json** for a program.
""",
)


@app.command("figures")
def show_figures(
    name: Annotated[
        str | None, typer.Argument(metavar="PERIOD", help=f"{NAMES}; default: this month.")
    ] = None,
    by: By = None,
    unit: Unit = None,
    field: Field = None,
    procedure: Procedure = None,
    channel: InChannel = None,
    level: Level = None,
    snapshot: Frozen = False,
    format: As = TableFormat.TABLE,
    at: At = None,
    mongo: Mongo = None,
) -> None:
    """Show the three on-time rates of a period, and the numbers behind them.

    Carried over + received = resolved + open, in every row. A narrow terminal shows the essential
    columns; csv and json have all of them.

    Example: `motcua report figures 2025-07 --by field`
    """
    desk = figure_source(mongo, at)
    of = named(name) if name else month_at(desk.now)
    scope = desk.checked(
        scope_of(by, unit=unit, field=field, procedure=procedure, channel=channel, level=level)
    )

    async def read(database: Database) -> Document:
        if snapshot:
            found = await frozen(database, of)
            table = await snapshots.count(database, found, scope)
            return snapshot_view(found, table, desk.rules.catalogue)
        read = period_count(of, desk.now, desk.rules)
        table = await figures(database[SlaDecider.collection], read).count(scope)
        return figures_view(table, read, desk.rules.catalogue)

    if of.since > desk.now:
        raise typer.BadParameter(f"{of} has not begun yet", param_hint="PERIOD")
    shown = desk.ask(read, f"counting {of}")
    header = columns(scope.by, MEASURES, rated=True)
    write(
        format,
        shown,
        header,
        lines(shown),
        lambda: report_tables.figures_table(shown, console.width),
    )


@app.command("backlog")
def show_backlog(
    by: By = None,
    unit: Unit = None,
    field: Field = None,
    procedure: Procedure = None,
    channel: InChannel = None,
    level: Level = None,
    format: As = TableFormat.TABLE,
    at: At = None,
    mongo: Mongo = None,
    dossiers: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="List the dossiers behind it, e.g. overdue_41_up."),
    ] = None,
) -> None:
    """Show what is open, by age and by how long it has been overdue, in working days.

    Example: `motcua report backlog --unit H29.15`
    """
    desk = figure_source(mongo, at)
    scope = desk.checked(
        scope_of(by, unit=unit, field=field, procedure=procedure, channel=channel, level=level)
    )
    read = period_count(Period(desk.now, desk.now), desk.now, desk.rules)
    calendar = desk.rules.calendars.for_unit("")
    if dossiers is not None and dossiers not in BACKLOG:
        raise typer.BadParameter(f"one of {', '.join(BACKLOG)}", param_hint="--dossiers")

    async def count(database: Database) -> Document:
        sheet = backlog(database[SlaDecider.collection], read, calendar)
        return backlog_view(desk.now, await sheet.count(scope), desk.rules.catalogue)

    async def listed(database: Database) -> list[Document]:
        assert dossiers is not None
        sheet = backlog(database[SlaDecider.collection], read, calendar)
        return await sheet.dossiers(scope, dossiers)

    try:
        if dossiers is not None:
            rows = dossiers_view(desk.ask(listed, "listing"), desk.rules.catalogue)
            write_dossiers(format, rows, f"{BACKLOG[dossiers].vi} / {BACKLOG[dossiers].en}")
            return
        shown = desk.ask(count, "counting")
    except OutsideCalendar as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    header = columns(scope.by, BACKLOG)
    write(
        format,
        shown,
        header,
        lines(shown),
        lambda: report_tables.backlog_table(shown, console.width),
    )


@app.command("dossiers")
def show_dossiers(
    measure: Annotated[
        str, typer.Argument(metavar="NUMBER", help=f"One of {', '.join(MEASURES)}.")
    ],
    name: PeriodName,
    unit: Unit = None,
    field: Field = None,
    procedure: Procedure = None,
    channel: InChannel = None,
    level: Level = None,
    snapshot: Frozen = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many at most; default: all of them.")
    ] = None,
    format: As = TableFormat.TABLE,
    at: At = None,
    mongo: Mongo = None,
) -> None:
    """List the dossiers behind one number, in the order of their codes.

    Example: `motcua report dossiers resolved_late 2025-07 --unit H29.15`
    """
    if measure not in MEASURES:
        raise typer.BadParameter(f"one of {', '.join(MEASURES)}", param_hint="NUMBER")
    desk = figure_source(mongo, at)
    of = named(name)
    scope = desk.checked(
        scope_of(None, unit=unit, field=field, procedure=procedure, channel=channel, level=level)
    )

    async def read(database: Database) -> list[Document]:
        if snapshot:
            found = await frozen(database, of)
            return await snapshots.dossiers(database, found, scope, measure, limit=limit)
        sheet = figures(database[SlaDecider.collection], period_count(of, desk.now, desk.rules))
        return await sheet.dossiers(scope, measure, limit=limit)

    rows = dossiers_view(desk.ask(read, "listing"), desk.rules.catalogue)
    write_dossiers(format, rows, f"{MEASURES[measure].vi} / {MEASURES[measure].en}, {of}")


app.command("snapshots")(report_frozen.show_snapshots)
app.command("changes")(report_frozen.show_changes)
app.command("freeze")(report_frozen.freeze_period)
