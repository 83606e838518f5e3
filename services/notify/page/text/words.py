"""Times, money and the names of things as a citizen reads them, in one language. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.catalogue import Catalogue, WorkflowRef
from contracts.values import Locale
from services.notify.quiet_hours import VIETNAM
from services.notify.wording import formats as written


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A point in time, in Vietnam."""

    text: str
    iso: str
    """RFC 3339 with the offset +07:00, for programs."""


@dataclass(frozen=True, slots=True)
class Office:
    """A unit as a citizen finds it."""

    code: str
    name: str
    address: str = ""


class Words:
    """One language. A name that the catalogue lacks is replaced by its code."""

    def __init__(self, catalogue: Catalogue, locale: Locale) -> None:
        self.catalogue = catalogue
        self.locale = locale

    def moment(self, at: datetime) -> LocalTime:
        """Return the time with the day of the week, which people go by."""
        text = written.moment(at, self.locale, weekday=True)
        return LocalTime(text, at.astimezone(VIETNAM).isoformat(timespec="seconds"))

    def money(self, amount: int) -> str:
        """Return an amount in dong."""
        return written.money(amount, self.locale)

    def office(self, code: str) -> Office:
        """Return the unit with that code."""
        unit = self.catalogue.units.get(code)
        if unit is None:
            return Office(code, code)
        return Office(code, self._of(unit.name_vi, unit.name_en), unit.address)

    def procedure(self, code: str | None) -> str:
        """Return the procedure's name; its code if unknown, empty without a code."""
        found = self.catalogue.procedures.get(code or "")
        return self._of(found.name_vi, found.name_en) if found else code or ""

    def result(self, procedure: str | None) -> str:
        """Return what a procedure's result is, e.g. a birth certificate; empty if unknown."""
        found = self.catalogue.procedures.get(procedure or "")
        return self._of(found.result_vi, found.result_en) if found else ""

    def step(self, workflow: str | None, name: str) -> str:
        """Return the title of a step; `workflow` is its id and version, as in ``standard/2``."""
        found = self.catalogue.workflows.get(WorkflowRef.parse(workflow)) if workflow else None
        for step in found.steps if found else ():
            if step.name == name:
                return self._of(step.title_vi, step.title_en)
        return name

    def _of(self, vietnamese: str, english: str) -> str:
        return vietnamese if self.locale is Locale.VI else english
