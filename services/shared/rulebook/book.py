"""The rules about time that apply to every procedure, from ``rules.toml``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

import contracts.events  # noqa: F401  (registers every event class)
from contracts.events.sla import Budget
from contracts.model import Kind, registered
from contracts.rules.rule_set import Files, sample_rules
from contracts.rules.toml_text import parse_toml

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


class LateEntryRule(_Table):
    """How far back a request may be dated without a head's approval."""

    working_hours: int = Field(default=8, ge=0)
    by_request: dict[str, Annotated[int, Field(ge=0)]] = {}
    """Other working hours for some types of request, by name."""

    @model_validator(mode="after")
    def _knows_the_requests(self) -> Self:
        known = {cls.NAME for cls in registered().values() if cls.KIND is Kind.REQUEST}
        if unknown := sorted(self.by_request.keys() - known):
            raise ValueError(f"by_request: there is no request {', '.join(unknown)}")
        return self

    def hours(self, request: str) -> int:
        """Return how many working hours back a request of that name may be dated."""
        return self.by_request.get(request, self.working_hours)


class DelegationRule(_Table):
    """For how long a head may delegate, and somebody stand in."""

    most_days: int = Field(default=366, ge=1, le=1000)


class SignInRule(_Table):
    """Whether a request on the log counts only if the city's provider vouched for who asks it.

    It is a rule and no setting, so that a replay decides as the city did.
    """

    required: bool = False


class RuleBook(_Table):
    """The file ``rules.toml``: all of these rules, in one version."""

    version: Text
    apology: Apology
    supplement: Supplement
    consultation: ConsultationRule
    figures: FigureRule
    late_entry: LateEntryRule = LateEntryRule()
    """A rule of its own default: files of earlier releases do not have it."""
    delegation: DelegationRule = DelegationRule()
    """Likewise."""
    sign_in: SignInRule = SignInRule()
    """Likewise: before there was a sign-in, nobody could vouch."""


def load_rule_book(files: Files | None = None) -> RuleBook:
    """Return the rule book of a set of rules, by default of the sample.

    Raise RulesError, naming each place at fault.
    """
    return parse_toml("rules.toml", (files or sample_rules().files)["rules.toml"], RuleBook)
