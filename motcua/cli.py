"""The command line: ``motcua --help``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

import typer

from services.runtime import CannotStart

COMMANDS = {
    "import": "services.intake.imports.cli:import_log",
    "simulate": "motcua.simulate.command:simulate",
    "demo": "motcua.demo:demo",
    "story": "motcua.story:story",
    "why": "services.sla.cli.why:why",
    "top": "motcua.top.command:top",
    "record": "motcua.replay.record_command:record",
    "replay": "motcua.replay.replay_command:replay_file",
    "shrink": "motcua.replay.shrink_command:shrink",
    "diff": "motcua.replay.replay_command:diff",
    "run": "motcua.run:run_service",
    "token": "motcua.token:token",
    "stack": "deploy.local.stack.cli:app",
    "topics": "motcua.topics:app",
    "rules": "motcua.rules.command:app",
    "rebuild": "services.runtime.cli.rebuild:rebuild",
    "timers": "services.runtime.cli.timers:app",
    "dead-letters": "services.runtime.cli.dead_letters:app",
    "message": "services.notify.cli.message:app",
    "citizen": "services.intake.cli.citizen:app",
    "keys": "services.shared.cli.keys:app",
    "audit": "services.runtime.cli.audit:app",
    "report": "services.sla.cli.report:app",
}
"""Where each command, or group of commands, is written. It lives with the owner of its data."""


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return the command line with these commands, their modules imported."""
    app = typer.Typer(
        name="motcua",
        help="The one-stop office of a megacity: every dossier, its deadline, and who is told.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )
    app.callback()(_motcua)
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _motcua() -> None:
    """Keep a group with a single command a group (Typer makes a plain command of it)."""


def main() -> None:
    """Run the command that is named; all are imported only where none of them is."""
    named = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        build([named] if named in COMMANDS else COMMANDS)()
    except CannotStart as error:
        sys.exit(f"motcua: {error}")
