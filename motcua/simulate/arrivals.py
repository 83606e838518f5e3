"""What is filed, where and when, before anything has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

from contracts.catalogue import Catalogue, Procedure, Unit, UnitKind
from contracts.events.intake import FilingForm
from contracts.values import FilingChannel, Locale, ServiceLevel
from motcua.simulate import odds
from motcua.simulate.vouched import posts
from services.intake.codes import VIETNAM
from services.routing.competence import competent_unit
from services.shared.rulebook.book import load_rule_book
from services.shared.working_time import WORKING_DAY, WORKING_HOUR, Calendar, Calendars

T = TypeVar("T")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One dossier as it is filed."""

    index: int
    time: datetime
    filing: FilingForm
    handling: Unit | None
    """The competent unit; None if no rule names one."""


class Weighted(Generic[T]):
    """Things to draw from, some more often than others."""

    def __init__(self, weights: dict[T, float]) -> None:
        self._things = list(weights)
        self._sums = list(accumulate(weights.values()))

    def draw(self, rng: Random) -> T:
        """Return one of them."""
        return rng.choices(self._things, cum_weights=self._sums)[0]


class Days:
    """Consecutive days on which dossiers are filed."""

    def __init__(self, first: date, last: date) -> None:
        self.midnights = [
            midnight_of(first + timedelta(days=n)) for n in range((last - first).days + 1)
        ]
        self._open: dict[Calendar, tuple[list[tuple[datetime, int]], list[int]]] = {}

    def in_office(self, rng: Random, calendar: Calendar) -> datetime | None:
        """Return a moment when the office is open; None if it is closed on all of the days."""
        days, sums = self._opened(calendar)
        if not days:
            return None
        midnight, total = rng.choices(days, cum_weights=sums)[0]
        return calendar.add(midnight, 1 + min(_second(rng, total), total - 1))

    @property
    def first(self) -> datetime:
        """The first instant of the days."""
        return self.midnights[0]

    def at_home(self, rng: Random) -> datetime:
        """Return a moment at any hour, most likely in the evening."""
        second = rng.triangular(0, 86_399, 86_399 * odds.EVENING_PEAK)
        return rng.choice(self.midnights) + timedelta(seconds=int(second))

    def _opened(self, calendar: Calendar) -> tuple[list[tuple[datetime, int]], list[int]]:
        if calendar not in self._open:
            totals = [(m, calendar.measure(m, m + _DAY)) for m in self.midnights]
            days = [(midnight, total) for midnight, total in totals if total]
            self._open[calendar] = days, list(accumulate(total for _, total in days))
        return self._open[calendar]


def midnight_of(day: date) -> datetime:
    """Return the instant, in UTC, at which a day begins in Vietnam."""
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM).astimezone(UTC)


class Town:
    """The catalogue as a place where people live, and the calendars that its offices keep."""

    def __init__(self, catalogue: Catalogue, calendars: Calendars) -> None:
        self.catalogue = catalogue
        self.calendars = calendars
        self.posts = posts(catalogue)
        """Officers and heads, as the identity provider vouches for them."""
        self._apology = load_rule_book().apology
        fields: dict[str, list[Procedure]] = {}
        for procedure in catalogue.procedures.values():
            if procedure.code not in odds.NOT_SIMULATED:
                fields.setdefault(procedure.field, []).append(procedure)
        self._procedures = Weighted(
            {
                code: odds.FIELD_WEIGHTS.get(field, odds.OTHER_FIELD_WEIGHT) / len(known)
                for field, known in fields.items()
                for code in (p.code for p in known)
            }
        )
        self.wards = [u for u in catalogue.units.values() if u.kind is UnitKind.WARD]
        centres = [u for u in catalogue.units.values() if u.kind is UnitKind.CITY]
        self._centre = centres[0] if centres else None
        # A ward's officers are in proportion to its people.
        self._places = Weighted(
            {place: float(len(ward.officers)) for ward in self.wards for place in ward.places}
        )
        self._channels = {
            p.code: Weighted(
                {c: weight for c, weight in odds.CHANNEL_WEIGHTS.items() if c in _offered(p)}
            )
            for known in fields.values()
            for p in known
        }
        past = {r.unit for r in catalogue.rules if _only_past(r.procedures)}
        self._peers: dict[UnitKind, list[Unit]] = {}
        for unit in catalogue.units.values():
            if unit.code not in past:
                self._peers.setdefault(unit.kind, []).append(unit)

    def calendar(self, unit: str) -> Calendar:
        """Return the calendar that the unit keeps."""
        return self.calendars.for_unit(unit)

    def last_moment_for_letter(self, total: int) -> int:
        """Return how many working seconds of a budget may pass before a letter comes too late."""
        notice = self._apology.notice_working_hours * WORKING_HOUR
        return max(total - notice, int(total * self._apology.never_before_share))

    def peer(self, rng: Random, unit: Unit) -> Unit | None:
        """Return another unit of the same kind and hours, to which it may hand a dossier over."""
        hours = self.calendar(unit.code)
        others = [
            u
            for u in self._peers.get(unit.kind, ())
            if u is not unit and self.calendar(u.code) is hours
        ]
        return rng.choice(others) if others else None

    def desk(self, rng: Random, own: Unit, competent: Unit | None) -> Unit:
        """Return where a citizen goes: most to their own ward, some wherever they happen to be."""
        drawn = rng.random()
        if drawn < odds.OWN_WARD:
            return own
        if drawn < odds.OWN_WARD + odds.OTHER_WARD:
            other = rng.choice(self.wards)
            return other if other is not own else self.wards[self.wards.index(own) - 1]
        if drawn < odds.OWN_WARD + odds.OTHER_WARD + odds.SERVICE_CENTRE:
            return self._centre or own
        return competent or own

    def arrival(self, rng: Random, index: int, days: Days) -> Arrival:
        """Draw a dossier that is filed on one of the days. Raise ValueError if nothing is open."""
        procedure = self.catalogue.procedures[self._procedures.draw(rng)]
        place = self._places.draw(rng)
        own = self.catalogue.unit_for(UnitKind.WARD, place, days.first)
        assert own is not None
        found = competent_unit(self.catalogue, procedure.code, place, days.first)
        handling = None if isinstance(found, str) else found.unit
        channel = self._channels[procedure.code].draw(rng)
        receiving = self.desk(rng, own, handling)
        returning = self.desk(rng, own, handling)
        time = None
        if channel is FilingChannel.ONLINE and rng.random() < odds.ONLINE_AT_HOME:
            time = days.at_home(rng)
        if time is None:
            time = days.in_office(rng, self.calendar(receiving.code))
        if time is None:
            receiving = own
            time = days.in_office(rng, self.calendar(own.code))
        if time is None:
            day = days.midnights[0].astimezone(VIETNAM).date()
            raise ValueError(f"{day} is no working day at unit {own.code}: take another day")
        filing = FilingForm(
            procedure=procedure.code,
            channel=channel,
            level=procedure.level,
            receiving_unit=receiving.code,
            returning_unit=returning.code,
            place=place,
            citizen=f"cd-{index}",
            locale=Locale.EN if rng.random() < odds.ENGLISH else Locale.VI,
            documents=procedure.documents,
            fee=procedure.fee,
        )
        return Arrival(index, time, filing, handling)


def days_before(day: date, calendar: Calendar) -> Days:
    """Return the days before a day that include `WORKING_DAYS_BEFORE` working days."""
    first = day
    working = 0
    while working < odds.WORKING_DAYS_BEFORE:
        first -= _DAY
        midnight = midnight_of(first)
        working += calendar.measure(midnight, midnight + _DAY) > 0
    return Days(first, day - _DAY)


def _second(rng: Random, total: int) -> int:
    """Draw the working second of the day at which someone comes: peaks, and a rush at the doors."""
    half = total // 2
    usual = odds.BURST_SECONDS / WORKING_DAY
    morning_rush = odds.MORNING_BURST_RATE * usual
    drawn = rng.random()
    if drawn < morning_rush:
        return rng.randrange(odds.BURST_SECONDS)
    if drawn < morning_rush + odds.AFTERNOON_BURST_RATE * usual:
        return half + rng.randrange(odds.BURST_SECONDS)
    if rng.random() < odds.MORNING:
        return int(rng.triangular(0, half, half * odds.MORNING_PEAK))
    return int(rng.triangular(half, total, half + half * odds.AFTERNOON_PEAK))


def _offered(procedure: Procedure) -> tuple[FilingChannel, ...]:
    at_counter = procedure.level is ServiceLevel.INFORMATION
    if at_counter and FilingChannel.COUNTER in procedure.channels:
        return (FilingChannel.COUNTER,)
    return procedure.channels


def _only_past(procedures: tuple[str, ...]) -> bool:
    return bool(procedures) and odds.NOT_SIMULATED.issuperset(procedures)
