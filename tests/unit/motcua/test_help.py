"""Every command's help teaches by an example, and fits 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from motcua.cli import build


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Every command's path, and whether it is a group of others."""
    below = getattr(command, "commands", {})
    yield path, bool(below)
    for name, each in below.items():
        yield from commands(each, (*path, name))


ALL = list(commands(typer.main.get_command(build())))


def help_of(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(build(), [*path, "--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
def test_it_fits_80_columns_and_nothing_is_cut(path: tuple[str, ...]) -> None:
    text = help_of(path)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


@pytest.mark.parametrize("path", [path for path, group in ALL if not group], ids=" ".join)
def test_it_has_an_example(path: tuple[str, ...]) -> None:
    text = " ".join(help_of(path).split())
    assert f"Example: motcua {' '.join(path)}" in text
