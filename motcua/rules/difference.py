"""What differs between two sets of rules. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from contracts.catalogue import Catalogue, Procedure
from contracts.events.sla import Budget, TimeUnit
from services.shared.city import City
from services.shared.working_time import WORKING_DAY, WORKING_HOUR

_HOURS_A_DAY = WORKING_DAY // WORKING_HOUR


@dataclass(frozen=True)
class ProcedureChange:
    """One procedure whose standard time or steps differ."""

    code: str
    name: str
    budget: tuple[Budget, Budget]
    steps: tuple[int, int]

    @property
    def hours(self) -> int:
        """The working hours that its standard time changes by; a cut is negative. Calendar days
        have none: 0."""
        before, after = (working_hours(each) for each in self.budget)
        return 0 if before is None or after is None else after - before


@dataclass(frozen=True)
class Difference:
    """What a city would notice of the change from one set to another."""

    procedures: tuple[ProcedureChange, ...]
    begun: tuple[str, ...]
    """Procedures that only the later set has."""
    ended: tuple[str, ...]
    """Procedures that only the earlier set has."""
    units: tuple[str, ...]
    """A line for each unit that differs."""
    other: tuple[str, ...]
    """A line for each thing else that differs: competence, office hours, days, rules, texts."""

    @property
    def steps(self) -> int:
        """The number of steps that are added; cut ones are negative."""
        return sum(each.steps[1] - each.steps[0] for each in self.procedures)

    @property
    def hours(self) -> int:
        """The working hours of standard time that are added; cut ones are negative."""
        return sum(each.hours for each in self.procedures)

    def __bool__(self) -> bool:
        return any((self.procedures, self.begun, self.ended, self.units, self.other))


def working_hours(budget: Budget) -> int | None:
    """Return the budget in working hours; None for calendar days, which have no number of them."""
    match budget.unit:
        case TimeUnit.WORKING_HOURS:
            return budget.amount
        case TimeUnit.WORKING_DAYS:
            return budget.amount * _HOURS_A_DAY
        case TimeUnit.CALENDAR_DAYS:
            return None


def difference(old: City, new: City) -> Difference:
    """Return what differs from the old set to the new one."""
    before, after = old.catalogue.procedures, new.catalogue.procedures
    return Difference(
        procedures=tuple(_procedures(old.catalogue, new.catalogue)),
        begun=tuple(code for code in after if code not in before),
        ended=tuple(code for code in before if code not in after),
        units=tuple(_units(old.catalogue, new.catalogue)),
        other=tuple(_other(old, new)),
    )


def _procedures(old: Catalogue, new: Catalogue) -> Iterator[ProcedureChange]:
    for code, after in new.procedures.items():
        before = old.procedures.get(code)
        if before is None:
            continue
        steps = _steps(old, before), _steps(new, after)
        if before.budget != after.budget or steps[0] != steps[1]:
            yield ProcedureChange(code, after.name_vi, (before.budget, after.budget), steps)


def _steps(catalogue: Catalogue, procedure: Procedure) -> int:
    return len(catalogue.workflow(procedure.workflow).steps)


def _units(old: Catalogue, new: Catalogue) -> Iterator[str]:
    for code, after in new.units.items():
        before = old.units.get(code)
        if before is None:
            since = f" from {after.from_}" if after.from_ else ""
            yield f"{code} {after.name_vi}: new{since}"
            continue
        if before.until != after.until and after.until is not None:
            yield f"{code} {after.name_vi}: ends on {after.until}, successor {after.successor}"
        for field, what in (("head", "head"), ("officers", "officers"), ("places", "places")):
            was, now = getattr(before, field), getattr(after, field)
            if was != now:
                yield f"{code} {after.name_vi}: {what} {_change(was, now)}"


def _change(was: Any, now: Any) -> str:
    if isinstance(was, str):
        return f"{was} -> {now}"
    gone = [f"-{each}" for each in was if each not in now]
    come = [f"+{each}" for each in now if each not in was]
    return " ".join([*gone, *come]) or "in another order"


def _other(old: City, new: City) -> Iterator[str]:
    before = {rule.id: rule for rule in old.catalogue.rules}
    after = {rule.id: rule for rule in new.catalogue.rules}
    if old.catalogue.rules != new.catalogue.rules:
        named = sorted(i for i in before.keys() | after.keys() if before.get(i) != after.get(i))
        yield f"competence: {', '.join(named) or 'the order of the rules'}"
    if old.catalogue.reading != new.catalogue.reading:
        yield f"reading of days: {old.catalogue.reading} -> {new.catalogue.reading}"
    if old.calendars.version != new.calendars.version:
        days = [day.isoformat() for day in changed_days(old, new)]
        shown = ", ".join(days[:6]) + (f" and {len(days) - 6} more" if len(days) > 6 else "")
        yield f"calendars: {shown}" if days else "calendars: office hours"
    for path, (was, now) in sorted(_leaves(old, new).items()):
        yield f"rules: {path} {was} -> {now}"
    for name in sorted(old.texts.keys() | new.texts.keys()):
        if old.texts.get(name) != new.texts.get(name):
            yield f"texts: {name}"


def changed_days(old: City, new: City) -> list[date]:
    """Return the days that are worked in one of the sets only."""
    before, after = old.calendars.days, new.calendars.days
    return sorted(
        day
        for day in before.keys() | after.keys()
        if (before.get(day) is None) != (after.get(day) is None)
        or (day in before and before[day] != after[day])
    )


def _leaves(old: City, new: City) -> dict[str, tuple[Any, Any]]:
    was, now = (_flat(city.book.model_dump(mode="json")) for city in (old, new))
    return {
        path: (was.get(path), now.get(path))
        for path in was.keys() | now.keys()
        if was.get(path) != now.get(path)
    }


def _flat(tables: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tables.items():
        here = f"{path}.{name}" if path else name
        found |= _flat(value, here) if isinstance(value, dict) else {here: value}
    return found
