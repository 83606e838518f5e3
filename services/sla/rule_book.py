"""The rules about time that hold for every procedure, from ``rules.toml`` and ``forms.toml``."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.sla import Budget
from services.sla.toml_file import read_toml

DATA = Path(__file__).parent / "data"
"""The rules that come with the product."""

VIETNAM = timezone(timedelta(hours=7))
"""Vietnam keeps UTC+7 all year."""

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

    allowed: int = Field(default=1, ge=0)


class ConsultationRule(_Table):
    """By when a consulted authority answers if nobody said."""

    budget: Budget


class FigureRule(_Table):
    """How figures read what the law leaves open."""

    extended: Literal["on-time", "late"] = "on-time"
    freeze_after_days: int = Field(default=5, ge=0, le=90)


class _Rules(_Table):
    version: Text
    apology: Apology
    supplement: Supplement
    consultation: ConsultationRule
    figures: FigureRule


class FormKind(StrEnum):
    """What a form is for."""

    RECEIPT = "receipt"
    SUPPLEMENT = "supplement"
    REFUSAL = "refusal"
    APOLOGY = "apology"
    STOP = "stop"
    CONTROL = "control"
    REGISTER = "register"


class Form(_Table):
    """One form of a circular."""

    number: Annotated[str, Field(pattern=r"^\d\d$")]
    name_vi: Text
    name_en: Text


class Circular(_Table):
    """A circular with its forms, in force from a day on until the next one is."""

    name: Text
    id: Annotated[str, Field(pattern=r"^[0-9a-z-]{1,20}$")]
    from_: date = Field(alias="from")
    forms: dict[FormKind, Form]


class _Forms(_Table):
    circulars: tuple[Circular, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> _Forms:
        days = [circular.from_ for circular in self.circulars]
        if days != sorted(set(days)):
            raise ValueError("write the circulars in the order in which they came into force")
        return self


class RuleBook(BaseModel):
    """All of it, of one version."""

    model_config = ConfigDict(frozen=True)

    version: str
    apology: Apology
    supplement: Supplement
    consultation: ConsultationRule
    figures: FigureRule
    circulars: tuple[Circular, ...]

    def form(self, kind: FormKind, at: datetime) -> tuple[Circular, Form] | None:
        """The form that is printed at that time; None if the circular in force has none of it.

        Before the first circular, the first one's.
        """
        day = at.astimezone(VIETNAM).date()
        in_force = [c for c in self.circulars if c.from_ <= day] or [self.circulars[0]]
        form = in_force[-1].forms.get(kind)
        return None if form is None else (in_force[-1], form)


@lru_cache(maxsize=8)
def load_rule_book(folder: Path = DATA) -> RuleBook:
    """The rules in the folder. Raises FileError, naming each place at fault."""
    rules, _ = read_toml(folder / "rules.toml", _Rules)
    forms, _ = read_toml(folder / "forms.toml", _Forms)
    return RuleBook(**dict(rules), circulars=forms.circulars)
