"""``motcua rules``: check a folder, compare sets, enact one, list and show those enacted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from aiokafka.errors import KafkaError
from pydantic import TypeAdapter, ValidationError
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.text import Text

from contracts.catalogue.load import VIETNAM
from contracts.rules import SAMPLE, Files, RulesError, RuleSet, digest, read_files, sample_rules
from contracts.values import OfficerId
from motcua.rules.difference import difference
from motcua.rules.page import difference_page, moved_page
from motcua.rules.reading import breaks, checked
from services.runtime import (
    NotEnacted,
    Settings,
    TopicsWrong,
    client,
    configure,
    enact,
    enacted_sets,
    state_of,
)
from services.shared.city import City
from services.shared.cli.instant import instant
from services.shared.open_dossiers import OPEN
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.moved import MovedDate, moved_date
from services.sla.deciding.rules import rules_of
from services.sla.dossier.state import Sla

T = TypeVar("T")

app = typer.Typer(
    help="A city's rules: procedures, units, workflows, competence, calendars, deadlines, texts. "
    "They are a folder of files; a set of them is in force once it is enacted, whole and numbered, "
    "on the log. Nothing else changes what is decided.",
    no_args_is_help=True,
)
console = Console()

Folder = Annotated[
    Path | None,
    typer.Argument(
        envvar="MOTCUA_CITY",
        help=f"The folder of the city's rules. Begin with a copy of {SAMPLE.parent.name}/sample.",
        show_default="MOTCUA_CITY",
    ),
]
Which = Annotated[str, typer.Argument(help="A folder, or the number of an enacted set.")]


@app.callback()
def _rules() -> None:
    # A broker that is away is said in one line, by the command.
    configure("rules", level="CRITICAL", as_json=False)


@app.command()
def check(folder: Folder = None) -> None:
    """Read every file of a folder; name file, line and remedy of each fault. Changes nothing.

    Example: `motcua rules check city/`
    """
    files = _files(_given(folder))
    city = _check(files)
    catalogue = city.catalogue
    console.print(
        f"sound: {len(catalogue.procedures)} procedures, {len(catalogue.units)} units, "
        f"{len(catalogue.workflows)} workflows, rules {city.book.version}, "
        f"calendar {city.calendars.version}",
        highlight=False,
    )


@app.command()
def diff(
    before: Which,
    after: Which,
    mongo: Annotated[
        str | None,
        typer.Option(help="Where sla's open dossiers are; their dates that would move are listed."),
    ] = None,
) -> None:
    """Say what would change from one set to another: times and steps cut, units, days, texts.

    With `--mongo`, also which open dossiers would get another date, and why.

    Example: `motcua rules diff 3 city/ --mongo mongodb://127.0.0.1:27017`
    """
    old, new = _named(before), _named(after)
    found = difference(_check(old.files), _check(new.files))
    console.print(difference_page(found), highlight=False)
    for fault in breaks(old.files, new.files):
        console.print(Text(fault, style="red"))
    if mongo is not None:
        with console.status("open dossiers…"):
            moved, looked = _answered(_moved(mongo, old, new))
        console.print(moved_page(moved, looked), highlight=False)


@app.command("enact")
def enact_folder(
    folder: Folder = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="From when, e.g. 2026-12-01T00:00+07:00. Default: now.",
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="The officer who enacts it.", envvar="USER")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Check a folder, say what would change, and put it in force: whole, or not at all.

    Of two that enact at once one wins, and the other is told.

    Example: `motcua rules enact city/ --from 2026-12-01T00:00+07:00 --by cb-0007`
    """
    files = _files(_given(folder))
    city = _check(files)
    known = _answered(enacted_sets(Settings()))
    last = known[-1] if known else sample_rules()
    if faults := breaks(last.files, files) if known else []:
        _fail(faults)
    console.print(difference_page(difference(_check(last.files), city)), highlight=False)
    number = last.number + 1
    if not yes and not typer.confirm(f"put this in force as set {number}?"):
        raise typer.Exit(1)
    moment = None if since is None else instant(since, "--from")
    try:
        done = _answered(enact(Settings(), files, moment, _officer(by)))
    except NotEnacted as error:
        _fail([str(error)])
    console.print(f"set {done.number} is in force from {_local(done.since)}", highlight=False)


@app.command("list")
def list_sets() -> None:
    """List the enacted sets: number, from when, by whom, hash.

    Example: `motcua rules list`
    """
    known = _answered(enacted_sets(Settings()))
    if not known:
        console.print("none: the sample that the product ships is in force; see motcua rules enact")
    for one in known:
        console.print(
            f"{one.number:>4}  from {_local(one.since)}  by {one.by}  {one.sha256[:12]}",
            highlight=False,
        )


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="As the list has it; 0 is the product's sample.")],
    file: Annotated[str | None, typer.Argument(help="Print this file of it.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write its files into this new folder.")] = None,
) -> None:
    """Show an enacted set: its files, one of them whole, or all in a folder.

    Example: `motcua rules show 3 units.toml`
    """
    one = _named(str(number))
    if file is not None:
        if file not in one.files:
            raise typer.BadParameter(f"it has {', '.join(one.files)}", param_hint="FILE")
        typer.echo(one.files[file], nl=False)
        return
    if to is not None:
        to.mkdir(parents=True)
        for name, text in one.files.items():
            (to / name).write_text(text, encoding="utf-8")
    console.print(f"set {one.number}  sha256 {one.sha256}", highlight=False)
    for name, text in one.files.items():
        console.print(f"  {name:<20} {len(text.encode()):>9,} bytes", highlight=False)


def _given(folder: Path | None) -> Path:
    if folder is None:
        raise typer.BadParameter("name a folder, or set MOTCUA_CITY", param_hint="FOLDER")
    return folder


def _files(folder: Path) -> dict[str, str]:
    try:
        return read_files(folder)
    except RulesError as error:
        _fail(str(error).splitlines())


def _check(files: Files) -> City:
    try:
        return checked(files)
    except RulesError as error:
        _fail(str(error).splitlines())


def _named(which: str) -> RuleSet:
    """Return the set of that number, or the folder's, which has none yet."""
    if not which.isdigit():
        files = _files(Path(which))
        return RuleSet(-1, sample_rules().since, digest(files), files)
    number = int(which)
    if number == 0:
        return sample_rules()
    known = {one.number: one for one in _answered(enacted_sets(Settings()))}
    if number not in known:
        raise typer.BadParameter(f"there is no set {number}; motcua rules list shows all")
    return known[number]


async def _moved(uri: str, old: RuleSet, new: RuleSet) -> tuple[list[MovedDate], int]:
    """Return the dates that move, and the number of open dossiers that were looked at."""
    before, after = rules_of(old), rules_of(new)
    found: list[MovedDate] = []
    looked = 0
    mongo = client(uri)
    try:
        collection = mongo["motcua_sla"][SlaDecider.collection]
        async for document in collection.find(OPEN, batch_size=2_000):
            looked += 1
            moved = moved_date(document["_id"], state_of(document, Sla), before, after)
            if moved is not None:
                found.append(moved)
    finally:
        mongo.close()
    return found, looked


def _answered(question: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(question)
    except TopicsWrong as error:
        _fail([str(error)])
    except (KafkaError, PyMongoError) as error:
        _fail([f"broker or database do not answer: {error!r}"])


def _fail(faults: Sequence[str]) -> NoReturn:
    for fault in faults:
        console.print(Text(fault, style="red"))
    raise typer.Exit(1)


def _officer(by: str) -> str:
    try:
        return TypeAdapter(OfficerId).validate_python(by)
    except ValidationError as error:
        raise typer.BadParameter("name the officer who enacts it", param_hint="--by") from error


def _local(at: datetime) -> str:
    # The first set counts for all earlier times; year 1 has no local time.
    return at.astimezone(VIETNAM).isoformat(timespec="minutes") if at.year > 1 else "always"
