"""``motcua shrink FILE -- COMMAND``: the smallest recording with which a command still fails."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from motcua.replay.checked_lines import RecordingError
from motcua.replay.delta import NotFailing
from motcua.replay.shrunk import shrink as shrink_recording

console = Console()
_HERE = "{}"
_UNUSABLE = 2
"""What a command ends with that could not use the file: that is not what is looked for."""
_LAST_LINES = 12


def shrink(
    file: Annotated[Path, typer.Argument(help="A recording with which the command fails.")],
    command: Annotated[
        list[str], typer.Argument(help="Is given the file that is tried: at {}, or at its end.")
    ],
    out: Annotated[Path, typer.Option(help="Where what is left is written.")] = Path(
        "failing.jsonl.gz"
    ),
    dossiers_alone: Annotated[
        bool, typer.Option("--dossiers-only", help="Leave each dossier's records as they are.")
    ] = False,
) -> None:
    """Find the smallest recording with which a command fails: dossiers, then requests, then ticks.

    The command fails if it ends with anything but 0, and 2, by which it says that it cannot use the
    file. Ends with 0 if something was found, 2 if the command does not fail, or is none.

    Example: `motcua shrink day.jsonl.gz -- motcua replay`
    """
    trials = _Trials(command)
    began = time.monotonic()
    try:
        with TemporaryDirectory(prefix="motcua-shrink-") as folder, console.status("") as status:

            def told(what: str, of: int, tried: int) -> None:
                seconds = time.monotonic() - began
                status.update(
                    f"{seconds:,.0f} s, trial {trials.count + 1}: {what}, {tried:,} of {of:,}"
                )

            done = shrink_recording(
                file, out, Path(folder), trials.fail, told, dossiers_alone=dossiers_alone
            )
    except RecordingError as error:
        _fail(str(error))
    except NotFailing:
        _fail(
            f"{command[0]} does not fail with all dossiers of {file}. (Units' mornings are left "
            "out.) Try the command on the file by hand."
        )
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}")
    (left, of), (records, of_records) = done.dossiers, done.records
    console.print(
        f"{out}: {left:,} of {of:,} dossiers, in {trials.count} trials and "
        f"{time.monotonic() - began:,.0f} s",
        highlight=False,
    )
    if not dossiers_alone:
        facts = "decided anew by this release" if done.decided_anew else "as recorded"
        console.print(f"  {records} of {of_records} records that were fed; facts {facts}")
    for line in trials.said.splitlines()[-_LAST_LINES:]:
        console.print(Text(f"  {line}", style="dim"))


class _Trials:
    """Runs the command on one file after another."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self.count = 0
        self.said = ""
        """What it said when it failed last."""

    def fail(self, path: Path) -> bool:
        """Return whether the command fails with the recording. Raise OSError if it is none."""
        self.count += 1
        words = [word.replace(_HERE, str(path)) for word in self._command]
        if words == self._command:
            words.append(str(path))
        ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if ran.returncode in (0, _UNUSABLE):
            return False
        self.said = ran.stdout.decode(errors="replace")
        return True


def _fail(fault: str) -> NoReturn:
    console.print(Text(fault, style="red"))
    raise typer.Exit(2)
