"""Reads TOML into a model, and names file, line and remedy of every fault in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class RulesError(ValueError):
    """Files of rules cannot be used. Each line of the text names a place and a remedy."""


def parse_toml(name: str, text: str, model: type[M]) -> M:
    """Return the text of the file of that name as the model.

    Raise RulesError, with a line for every fault, if it is not TOML or does not fit the model.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"{name}: not TOML: {error}") from error
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = [
            f"{name}: {place(text, fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise RulesError("\n".join(faults)) from error


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
