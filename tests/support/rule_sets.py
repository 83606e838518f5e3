"""Sets of rules for tests: the product's sample with texts replaced, and the worlds that have them.

A world of one changed set has always had it; several sets follow each other.
"""

from __future__ import annotations

import re
from datetime import datetime

from contracts.events.rules import RULES_SUBJECT, RulesEnacted
from contracts.events.sla import Budget
from contracts.rules import Files, RuleSet, digest, sample_rules
from contracts.wire.envelope import Event, derive_id
from services.runtime import World, first_world
from services.sla.deciding.rules import Rules, rules_of

WORLD = first_world()
"""The world before anything was enacted: the sample."""
ALWAYS = sample_rules().since
OFFICER = "cb-7"


def changed(*changes: tuple[str, str, str], files: Files | None = None) -> dict[str, str]:
    """The files, by default the sample's, with the first of a text replaced: file, old, new."""
    found = dict(files or sample_rules().files)
    for file, old, new in changes:
        assert old in found[file], f"{file} has no {old!r}"
        found[file] = found[file].replace(old, new, 1)
    return found


def added(file: str, text: str, files: Files | None = None) -> dict[str, str]:
    """The files, by default the sample's, with a text at the end of one of them."""
    found = dict(files or sample_rules().files)
    found[file] = f"{found.get(file, '')}\n{text}"
    return found


def timed(procedure: str, budget: Budget, files: Files | None = None) -> dict[str, str]:
    """The files, by default the sample's, with another standard time of a procedure."""
    found = dict(files or sample_rules().files)
    entry = rf'^(code = "{re.escape(procedure)}"\n(?:.+\n)*?budget = )\{{.*\}}$'
    wanted = rf'\g<1>{{ amount = {budget.amount}, unit = "{budget.unit}" }}'
    found["procedures.toml"], count = re.subn(
        entry, wanted, found["procedures.toml"], flags=re.MULTILINE
    )
    assert count == 1
    return found


def rule_set(files: Files, number: int = 0, since: datetime = ALWAYS) -> RuleSet:
    return RuleSet(number, since, digest(files), files, OFFICER if number else "")


def world(*sets: RuleSet | Files) -> World:
    """The world that has these sets; one that is only files has always been there."""
    return World(tuple(one if isinstance(one, RuleSet) else rule_set(one) for one in sets))


def enacted(rules: RuleSet) -> RulesEnacted:
    """What stands on the log of a set's enactment."""
    return RulesEnacted(
        number=rules.number,
        since=rules.since,
        sha256=rules.sha256,
        files=dict(rules.files),
        by=rules.by,
    )


def enactment(rules: RuleSet, at: datetime | None = None) -> Event:
    """The record of an enactment, at that time or when the set comes into force."""
    identity = derive_id("rules", str(rules.number))
    return Event(identity, "/motcua/rules", RULES_SUBJECT, at or rules.since, enacted(rules))


def newest(world: World) -> Rules:
    """What sla judges by under the newest set."""
    return rules_of(world.newest)


def day_off(day: str) -> str:
    """The entry of a day on which nobody works, as ``overrides.toml`` has it."""
    return f'[[days]]\ndate = {day}\nkind = "off"\nreason = "Nghỉ"\nsource = "Quyết định thử"\n'
