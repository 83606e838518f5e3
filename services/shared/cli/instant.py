"""A point in time as a command is given it."""

from __future__ import annotations

from datetime import datetime

import typer
from pydantic import TypeAdapter, ValidationError

from contracts.values import Instant

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def instant(text: str, option: str | None = None) -> datetime:
    """Return the time in a text, in UTC to the millisecond.

    Raise typer.BadParameter, which names the `option`, if it is none or has no offset.
    """
    try:
        return _INSTANT.validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(
            "write a time with its offset: 2025-07-31T17:00+07:00", param_hint=option
        ) from error
