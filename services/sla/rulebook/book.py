"""The rules about time that hold for every procedure, from ``rules.toml``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.events.sla import Budget
from services.sla.toml_file import read_toml

DATA = Path(__file__).parent / "data"
"""The rules that come with the product."""

Text = Annotated[str, Field(min_length=1, max_length=300)]


class _Table(BaseModel):
    # A key that the format does not know is a slip of the clerk's, and is named.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Apology(_Table):
    """When a letter of apology is owed, and what it can move."""

    notice_working_hours: int = Field(default=8, ge=0)
    never_before_share: float = Field(default=0.5, ge=0, lt=1)
    max_extensions: int = Field(default=1, ge=0)


class Supplement(_Table):
    """How often a citizen may be sent back."""

    allowed: int = Field(default=1, ge=1)
    """At least once: only the second demand is one too many (`SupplementRepeated.number`)."""


class ConsultationRule(_Table):
    """By when a consulted authority answers if nobody said."""

    budget: Budget


class FigureRule(_Table):
    """How figures read what the law leaves open."""

    extended: Literal["on-time", "late"] = "on-time"
    freeze_after_days: int = Field(default=5, ge=0, le=90)


class RuleBook(_Table):
    """The file ``rules.toml``: all of them, of one version."""

    version: Text
    apology: Apology
    supplement: Supplement
    consultation: ConsultationRule
    figures: FigureRule


@lru_cache(maxsize=8)
def load_rule_book(folder: Path = DATA) -> RuleBook:
    """The rules in the folder. Raises FileError, naming each place at fault."""
    rules, _ = read_toml(folder / "rules.toml", RuleBook)
    return rules
