"""The rules about time that apply to every procedure, from ``rules.toml``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.events.sla import Budget
from services.shared.toml_file import read_toml

DATA = Path(__file__).parent / "data"
"""The rules that come with the product."""

Text = Annotated[str, Field(min_length=1, max_length=300)]


class _Table(BaseModel):
    # An unknown key is an officer's slip, and the error names it.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Apology(_Table):
    """When a letter of apology is owed, and how often it can move the date."""

    notice_working_hours: int = Field(default=8, ge=0)
    never_before_share: float = Field(default=0.5, ge=0, lt=1)
    max_extensions: int = Field(default=1, ge=0)


class Supplement(_Table):
    """How often a supplement may be demanded."""

    allowed: int = Field(default=1, ge=1)
    """At least 1: only a second demand can be one too many (`SupplementRepeated.number`)."""


class ConsultationRule(_Table):
    """The time in which a consulted authority answers, if the question names none."""

    budget: Budget


class FigureRule(_Table):
    """How figures read what the law leaves open."""

    extended: Literal["on-time", "late"] = "late"
    freeze_after_days: int = Field(default=5, ge=0, le=90)


class RuleBook(_Table):
    """The file ``rules.toml``: all of these rules, in one version."""

    version: Text
    apology: Apology
    supplement: Supplement
    consultation: ConsultationRule
    figures: FigureRule


@lru_cache(maxsize=8)
def load_rule_book(folder: Path = DATA) -> RuleBook:
    """Return the rules in the folder. Raise FileError, naming each place at fault."""
    rules, _ = read_toml(folder / "rules.toml", RuleBook)
    return rules
