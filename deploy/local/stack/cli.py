"""`motcua stack`: the local stack from the command line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.local.host.errors import StackError
from deploy.local.host.part import Progress
from deploy.local.stack.endpoints import Endpoints, State
from deploy.local.stack.follow import follow
from deploy.local.stack.stack import PARTS, Stack

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help=(
        "A real Kafka, a real MongoDB, an SMTP server, a gateway for SMS and Zalo and an identity "
        "provider on this machine, without Docker.\n\n"
        "Start with `motcua stack up`; it prints where everything is. The parts keep running "
        "until `down`, their data until `reset`. Each checkout has its own, and with `--name` "
        "several.\n\n"
        "Sizes and ports are set by the environment: `MOTCUA_STACK_KAFKA_HEAP_MB`, "
        "`MOTCUA_STACK_MONGO_CACHE_MB`, `MOTCUA_STACK_KAFKA_PORT`, `MOTCUA_STACK_MONGOD_PORT`, "
        "`MOTCUA_STACK_SMTP_PORT`, `MOTCUA_STACK_GATEWAY_PORT`, `MOTCUA_STACK_OIDC_PORT` and more; "
        "how the gateway behaves, too: `MOTCUA_STACK_GATEWAY_IGNORE_KEYS`, "
        "`MOTCUA_STACK_GATEWAY_FAIL_RATE`."
    ),
)

Name = Annotated[
    str, typer.Option(help="Which stack of this checkout; each has data and ports of its own.")
]
Root = Annotated[
    Path | None,
    typer.Option(help="The checkout that the stack belongs to.", show_default="this checkout"),
]
errors = Console(stderr=True)


def _stack(root: Path | None, name: str, *, secured: bool = False) -> Stack:
    """Return the stack of this name; without `root`, of the checkout that this folder is in."""
    here = Path.cwd()
    checkouts = (folder for folder in (here, *here.parents) if (folder / ".git").exists())
    root = root or next(checkouts, here)
    return Stack(root, name, secured=True) if secured else Stack(root, name)


def local_endpoints(name: str) -> Endpoints:
    """Return the addresses of a stack of this checkout; end with the remedy if it was never up."""
    with _told("looking"):
        return _stack(None, name).endpoints()


@contextmanager
def _told(asked: str) -> Iterator[Progress]:
    """Show what is being done, and on an error the problem and its remedy instead of a trace."""
    start = time.monotonic()
    with errors.status(asked) as status:

        def tell(doing: str) -> None:
            status.update(f"{escape(doing)} [dim]({time.monotonic() - start:.0f} s)[/dim]")
            if not errors.is_terminal:
                errors.print(doing, markup=False, highlight=False)

        try:
            yield tell
        except StackError as error:
            status.stop()
            errors.print(error.problem, style="red", markup=False, highlight=False)
            errors.print(error.remedy, style="bold", markup=False, highlight=False)
            raise typer.Exit(1) from error


@app.command()
def up(
    name: Name = "dev",
    root: Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON.")] = False,
    secured: Annotated[
        bool,
        typer.Option(
            "--secured",
            help="With TLS, and a user for each service who may do only what it has to.",
        ),
    ] = False,
) -> None:
    """Start what does not run, wait until it serves, print the addresses.

    The first time on a machine it fetches Kafka's jars (about 45 MB, half a minute); after that it
    needs no network. Running it again changes nothing.

    A secured stack stays secured. Its users' settings are in files: `set -a; . FOLDER/sla.env`
    makes a shell that of sla's user, `operator.env` that of who runs `motcua` commands.

    Example: `motcua stack up --name trial --secured`
    """
    with _told("starting") as tell:
        endpoints = _stack(root, name, secured=secured).up(tell)
    _print_endpoints(endpoints, as_json)


@app.command()
def down(name: Name = "dev", root: Root = None) -> None:
    """End all parts. Data and ports stay for the next `up`.

    Example: `motcua stack down --name trial`
    """
    with _told("ending") as tell:
        _stack(root, name).down(tell)
    Console().print(f"Stack {name} is down.")


@app.command()
def reset(
    name: Name = "dev",
    root: Root = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End all parts and delete all of this stack's data: topics, collections, mail, logs.

    Example: `motcua stack reset --name trial --yes`
    """
    with _told("looking"):
        stack = _stack(root, name)
    if not yes:
        typer.confirm(f"Delete all data in {stack.folder}?", abort=True)
    with _told("resetting") as tell:
        stack.reset(tell)
    Console().print(f"Stack {name} is down and its data deleted.")


@app.command()
def status(
    name: Name = "dev",
    root: Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show each part: what it does, where, since when, and what it takes up.

    Exit status 0 if all parts run, 3 if one does not.

    Example: `motcua stack status --json`
    """
    with _told("looking"):
        stack = _stack(root, name)
        parts = stack.status()
    if as_json:
        sys.stdout.write(json.dumps([asdict(part) for part in parts], default=str) + "\n")
    else:
        table = Table("part", "state", "pid", "port", "memory", "up for", "data")
        for part in parts:
            colour = "green" if part.state is State.RUNNING else "red"
            table.add_row(
                part.part,
                f"[{colour}]{part.state.value}[/{colour}]",
                str(part.pid or "-"),
                str(part.port or "-"),
                _size(part.rss_bytes),
                "-" if part.uptime_s is None else _span(part.uptime_s),
                _size(part.data_bytes),
            )
        Console().print(table)
        Console(soft_wrap=True).print(f"Stack {name}, in {stack.folder}", highlight=False)
    if any(part.state is not State.RUNNING for part in parts):
        raise typer.Exit(3)


@app.command()
def logs(
    part: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(PARTS)}; all if left out.")
    ] = None,
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as lines are written; end with Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("-n", help="How many of the last lines.")] = 50,
    name: Name = "dev",
    root: Root = None,
) -> None:
    """Print the logs of one part or of all.

    Example: `motcua stack logs kafka -n 20 --follow`
    """
    with _told("reading"):
        wanted = _stack(root, name)
        paths = {each: wanted.log_path(each) for each in ([part] if part else PARTS)}
    try:
        for each, line in follow(paths, lines, forever=following):
            sys.stdout.write(line if part else f"{each:7} {line}")
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _print_endpoints(endpoints: Endpoints, as_json: bool) -> None:
    facts = {key: str(value) for key, value in asdict(endpoints).items() if value is not None}
    if as_json:
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    table = Table.grid(padding=(0, 2))
    for key, value in facts.items():
        table.add_row(key.replace("_", " "), value)
    Console(soft_wrap=True).print(table)


def _size(count: int | None) -> str:
    return "-" if count is None else f"{count / 2**20:,.0f} MiB"


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


if __name__ == "__main__":
    app()
