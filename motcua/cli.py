"""The command line: ``motcua --help``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from contracts.wire.topics import SERVICES
from deploy.local.stack.cli import app as stack_app
from motcua import demo, story
from motcua.simulate import command as simulate_command
from motcua.top.command import top
from services.intake.cli import citizen
from services.intake.imports.cli import import_log
from services.notify.cli import message
from services.runtime.cli import dead_letters
from services.shared.cli import keys
from services.sla.cli import report, why

app = typer.Typer(
    name="motcua",
    help="The one-stop office of a megacity: every dossier, its deadline, and who is told.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
console = Console()

topics_app = typer.Typer(help="The topics of the log.", no_args_is_help=True)
app.add_typer(stack_app, name="stack")
app.add_typer(topics_app, name="topics")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(message.app, name="message")
app.add_typer(citizen.app, name="citizen")
app.add_typer(keys.app, name="keys")
app.add_typer(report.app, name="report")
app.command("import")(import_log)
app.command("simulate")(simulate_command.simulate)
app.command("demo")(demo.demo)
app.command("story")(story.story)
app.command("why")(why.why)
app.command("top")(top)


@app.command("run")
def run_service(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
) -> None:
    """Run one service in the foreground, told by its MOTCUA_ environment variables.

    Example: `motcua run sla`
    """
    if service not in SERVICES:
        raise typer.BadParameter(
            f"there is no service {service!r}; there are {', '.join(SERVICES)}"
        )
    from importlib import import_module

    from services.runtime import run

    raise typer.Exit(run(import_module(f"services.{service}.__main__").SERVICE))


@topics_app.command("create")
def create() -> None:
    """Create the topics that are missing, with the settings in `contracts/wire/topics.py`.

    Example: `motcua topics create`
    """
    from services.runtime import Settings, create_topics

    made = asyncio.run(create_topics(Settings()))
    console.print(f"created: {', '.join(made)}" if made else "all topics are there")


@topics_app.command("list")
def list_topics() -> None:
    """List the topics with what they carry.

    Example: `motcua topics list`
    """
    from rich.table import Table

    from contracts.wire.topics import TOPICS

    table = Table("topic", "key", "what it carries", "settings")
    for topic in TOPICS:
        settings = "\n".join(f"{name}={value}" for name, value in topic.config.items())
        table.add_row(topic.name, topic.key, topic.what, settings)
    console.print(table)


def main() -> None:
    """The entry point of the command."""
    app()
