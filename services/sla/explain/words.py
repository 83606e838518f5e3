"""How times, durations and names are put into words, in one language.

Times are given in Vietnam time. A fraction of a second is dropped, as in working time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from contracts.catalogue import Catalogue, WorkflowRef
from contracts.catalogue.load import VIETNAM
from contracts.events.sla import Budget
from contracts.values import Locale
from services.shared.working_time.office_hours import Pattern
from services.sla.explain.texts import Texts, clean


class Words:
    """Words of one language, with the catalogue's names."""

    def __init__(self, texts: Texts, catalogue: Catalogue) -> None:
        self.texts = texts
        self._catalogue = catalogue
        self.say = texts.say
        self.word = texts.word

    @property
    def vietnamese(self) -> bool:
        """Whether the language is Vietnamese."""
        return self.texts.locale is Locale.VI

    def moment(self, at: datetime) -> str:
        """Return a time of a day, e.g. ``08:00 on Monday 4 March 2024``."""
        local = at.astimezone(VIETNAM)
        fields = {"hour": local.hour, "minute": local.minute}
        if local.second:
            time = self.say("time-to-the-second", **fields, second=local.second)
        else:
            time = self.say("time", **fields)
        return self.say("moment", time=time, day=self.day(local.date()))

    def day(self, day: date) -> str:
        """Return a day with its weekday."""
        return self.say(
            "day",
            weekday=self.texts.weekdays[day.weekday()],
            day=day.day,
            month=self.texts.months[day.month - 1],
            year=day.year,
        )

    def short(self, at: datetime) -> str:
        """Return a time for tables, e.g. ``08:00 04/03/2024``."""
        local = at.astimezone(VIETNAM)
        return f"{local:%H:%M:%S %d/%m/%Y}" if local.second else f"{local:%H:%M %d/%m/%Y}"

    def duration(self, seconds: int) -> str:
        """Return the hours, minutes and seconds that are not zero."""
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        parts = {"hours": hour, "minutes": minute, "seconds": second}
        said = [self.counted(what, count) for what, count in parts.items() if count]
        return " ".join(said) or self.counted("hours", 0)

    def hours_and_minutes(self, seconds: int) -> str:
        """Return a duration for tables: ``26:00``, or ``26:00:05`` if there are seconds."""
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        return f"{hour}:{minute:02}:{second:02}" if second else f"{hour}:{minute:02}"

    def counted(self, what: str, count: int) -> str:
        """Return the text for this count of something."""
        return self.texts.counted(what, count)

    def budget(self, budget: Budget) -> str:
        """Return a standard time, e.g. ``3 working days``."""
        return self.counted(budget.unit, budget.amount)

    def unit(self, code: str) -> str:
        """Return a unit's name with its code; the code alone if the catalogue lacks it."""
        unit = self._catalogue.units.get(code)
        if unit is None:
            return code
        return self.say("unit", name=unit.name_vi if self.vietnamese else unit.name_en, code=code)

    def procedure(self, code: str) -> str:
        """Return a procedure's name; its code if the catalogue lacks it."""
        procedure = self._catalogue.procedures.get(code)
        if procedure is None:
            return code
        return procedure.name_vi if self.vietnamese else procedure.name_en

    def step(self, workflow: str | None, step: str) -> str:
        """Return a step's title in its workflow, e.g. ``standard/2``; else the step's name."""
        known = self._catalogue.workflows.get(WorkflowRef.parse(workflow)) if workflow else None
        for each in known.steps if known else ():
            if each.name == step:
                return each.title_vi if self.vietnamese else each.title_en
        return clean(step)

    def form(self, form: str) -> str:
        """Return the name of a form that was issued, e.g. ``04/2025-03``; if unknown, as it is."""
        number, _, circular = form.partition("/")
        for each in self._catalogue.circulars:
            for known in each.forms.values():
                if (each.id, known.number) == (circular, number):
                    name = known.name_vi if self.vietnamese else known.name_en
                    return self.say("form", name=name, number=number, circular=each.name)
        return form

    def hours(self, pattern: Pattern) -> str:
        """Return a week of office hours; consecutive days with the same hours are joined."""
        said = []
        days = zip(self.texts.weekdays, pattern.week, strict=True)
        for hours, same in groupby(days, key=lambda day: day[1]):
            names = [name for name, _ in same]
            if hours:
                spans = ", ".join(f"{_clock(opens)}–{_clock(closes)}" for opens, closes in hours)
                said.append(f"{self._between(names)} {spans}")
        return "; ".join(said)

    def days(self, days: Sequence[date]) -> str:
        """Return days; consecutive days are given by the first and the last."""
        groups: list[list[date]] = []
        for day in days:
            if groups and day - groups[-1][-1] == timedelta(days=1):
                groups[-1].append(day)
            else:
                groups.append([day])
        return ", ".join(self._between([self.day(day) for day in group]) for group in groups)

    def _between(self, names: Sequence[str]) -> str:
        if len(names) == 1:
            return names[0]
        if len(names) == 2:
            return self.word("and").join(names)
        return self.say("days-from-to", first=names[0], last=names[-1])


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"
