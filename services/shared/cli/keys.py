"""``motcua keys``: the master key that wraps every citizen's own, and its rotation."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from services.runtime import AuditKind, client, tell_audit
from services.shared.citizen_keys import CitizenKeys, KeyCount
from services.shared.master_keys import KeySettings, MasterKeyWrong, master_keys
from services.shared.sealing import KEY_BYTES, Unreadable

app = typer.Typer(help="The master key and the citizens' keys.", no_args_is_help=True)
console = Console()


@app.command("new")
def new() -> None:
    """Print a new master key, for a line ``id:key`` of the file; ``rotate --help`` says which.

    Example: `motcua keys new`
    """
    typer.echo(b64encode(os.urandom(KEY_BYTES)).decode())


@app.command("status")
def status() -> None:
    """Say how many keys are wrapped by which master key, and how many people were erased.

    The last column counts keys that were deleted: a copy of one, in a backup or in MongoDB's
    oplog, opens with that master key until it is destroyed.

    Example: `motcua keys status`
    """
    found, current = asyncio.run(_status(KeySettings()))
    table = Table("master key", "keys", "copies of deleted keys")
    for master in sorted(found.keys.keys() | found.copies.keys()):
        name = f"{master} (current)" if master == current else master
        numbers = found.keys.get(master, 0), found.copies.get(master, 0)
        table.add_row(Text(name), *(f"{number:,}" for number in numbers))
    console.print(table)
    console.print(f"erased: {found.erased:,}")


@app.command("rotate")
def rotate() -> None:
    """Wrap every citizen's key under the current master key; may be broken off and run again.

    1. Put the new key into MOTCUA_MASTER_KEY_FILE below the current one, and restart intake and
    notify: an instance that does not know it cannot open what it wraps.

    2. Move it to the top, which makes it the current one, and restart intake.

    3. Run this.

    4. When `motcua keys status` shows no keys under the old one, take it out, and restart both.

    Destroy the old one: then no copy opens any more of a key that was deleted before. The audit
    tells of each run, so this needs Kafka too.

    Example: `motcua keys rotate`
    """
    try:
        done = asyncio.run(_rotate(KeySettings()))
    except (MasterKeyWrong, Unreadable) as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from error
    console.print(f"{done:,} keys wrapped anew")


async def _status(settings: KeySettings) -> tuple[KeyCount, str]:
    mongo = client(settings.mongo)
    masters = master_keys(settings)
    try:
        return await CitizenKeys(mongo, masters).count(), masters.current
    finally:
        mongo.close()


async def _rotate(settings: KeySettings) -> int:
    masters = master_keys(settings)
    await tell_audit(settings, AuditKind.MASTER_KEY_USED, "motcua keys rotate")
    mongo = client(settings.mongo)
    keys = CitizenKeys(mongo, masters)
    done = 0
    try:
        found = await keys.count()
        total = sum(n for master, n in found.keys.items() if master != masters.current)
        columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("wrapping", total=total)
            async for done in keys.rewrap():
                bar.update(task, completed=done)
    finally:
        mongo.close()
    return done
