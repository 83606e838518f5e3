"""``motcua topics``: the topics of the log."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console

app = typer.Typer(help="The topics of the log.", no_args_is_help=True)
console = Console()


@app.command("create")
def create() -> None:
    """Create the topics that are missing, with the settings in `contracts/wire/topics.py`.

    Example: `motcua topics create`
    """
    from services.runtime import Settings, create_topics

    made = asyncio.run(create_topics(Settings()))
    console.print(f"created: {', '.join(made)}" if made else "all topics are there")


@app.command("list")
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
