"""Reads a TOML file into a model, and names the place of every fault in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class FileError(ValueError):
    """A file of rules or calendars cannot be used. The text says where, and the remedy."""


def read_toml(path: Path, model: type[M]) -> tuple[M, str]:
    """Return the file as that model, and its text.

    Raise FileError, with the line or the key of every fault, if the file is missing, is not TOML in
    UTF-8 or does not fit the model.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not UTF-8: save it with that encoding") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path}: not TOML: {error}") from error
    try:
        return model.model_validate(document), text
    except ValidationError as error:
        faults = [
            f"{place(text, fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise FileError(f"{path}: " + "; ".join(faults)) from error


def place(text: str, where: Sequence[int | str]) -> str:
    """Return a place in the file as people find it: ``line 12, [[days]] number 2, date``."""
    if len(where) >= 2 and isinstance(where[1], int):
        table, index = str(where[0]), where[1]
        headers = [
            number
            for number, line in enumerate(text.splitlines(), start=1)
            if re.match(rf"\s*\[\[\s*{re.escape(table)}\s*\]\]", line)
        ]
        line = f"line {headers[index]}, " if index < len(headers) else ""
        rest = "".join(f", {part}" for part in where[2:])
        return f"{line}[[{table}]] number {index + 1}{rest}"
    return ".".join(str(part) for part in where) or "the file"
