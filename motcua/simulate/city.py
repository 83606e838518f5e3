"""Draw a whole city's day: every dossier's life, merged in one order."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from contracts.catalogue import Catalogue
from contracts.values import Locale
from contracts.wire.envelope import Event, derive_id
from motcua.simulate import odds
from motcua.simulate.arrivals import Arrival, Days, Town, days_before, midnight_of
from motcua.simulate.contacts import PlannedContact
from motcua.simulate.fates import Fate
from motcua.simulate.life import Life
from motcua.simulate.settings import SimulatedDay, Simulation
from services.intake.codes import day_of, format_code
from services.intake.contact import Contact
from services.shared.person import citizen, staff
from services.shared.working_time import Calendars

_ITSELF, _AT_ONCE, _LATER = range(3)
"""The order of requests that are told at the same place."""


def simulate_day(settings: Simulation, catalogue: Catalogue, calendars: Calendars) -> SimulatedDay:
    """Return what is asked of the city up to the end of the day, drawn from the seed alone.

    Raise ValueError if the day is no working day.
    """
    town = Town(catalogue, calendars)
    day = Days(settings.day, settings.day)
    today = day.midnights[0]
    ends = midnight_of(settings.day + timedelta(days=1))
    before = day
    if settings.carried_over:
        before = days_before(settings.day, town.calendar(town.wards[0].code))
    arrivals = _arrivals(settings, town, before, day)
    requests: list[Event] = []
    contacts = _officers(catalogue, before.midnights[0]) if settings.contacts else []
    counters: dict[tuple[str, str], int] = {}
    to_be_refused: set[str] = set()
    fates: dict[str, Fate] = {}
    for arrival in arrivals:
        code = _next_code(counters, arrival)
        life = Life(settings, town, arrival, code, today=today, ends=ends)
        life.draw()
        requests += life.requests
        to_be_refused.update(life.to_be_refused)
        if life.fate is not Fate.ON_TIME:
            fates[code] = life.fate
        if settings.contacts and life.requests:
            contacts += _contact(settings, arrival, life.requests[0])
    requests.sort(key=_time_and_code)
    return SimulatedDay(
        requests=_with_duplicates(settings, requests),
        contacts=contacts,
        begins=before.midnights[0],
        ends=ends,
        counters=counters,
        to_be_refused=frozenset(to_be_refused),
        fates=fates,
    )


def _arrivals(settings: Simulation, town: Town, before: Days, day: Days) -> list[Arrival]:
    """Return all that is filed, in order of time: dossier codes are numbered in this order."""
    found = []
    for index in range(settings.carried_over + settings.dossiers):
        rng = Random(f"motcua arrival {settings.seed} {index}")
        found.append(town.arrival(rng, index, before if index < settings.carried_over else day))
    return sorted(found, key=lambda a: (a.time, a.index))


def _next_code(counters: dict[tuple[str, str], int], arrival: Arrival) -> str:
    agency, day = arrival.filing.receiving_unit, day_of(arrival.time)
    number = counters.get((agency, day), 0) + 1
    counters[agency, day] = number
    return format_code(agency, day, number)


def _contact(settings: Simulation, arrival: Arrival, first: Event) -> list[PlannedContact]:
    ref = arrival.filing.citizen
    rng = Random(f"motcua contact {settings.seed} {arrival.index}")
    email = f"{ref}@example.test" if rng.random() < odds.HAS_EMAIL else None
    phone = f"+8490{rng.randrange(10**7):07}" if rng.random() < odds.HAS_PHONE else None
    if email is None and phone is None:
        return []
    contact = Contact(email=email, phone=phone)
    locale = arrival.filing.locale
    return [PlannedContact(citizen(ref), contact, locale, first.time, first.id, first.subject)]


def _officers(catalogue: Catalogue, time: datetime) -> list[PlannedContact]:
    """Return the addresses at which heads and officers are written to in the morning."""
    officers = {
        officer for unit in catalogue.units.values() for officer in (unit.head, *unit.officers)
    }
    return [
        PlannedContact(
            staff(officer),
            Contact(email=f"{officer}@office.example.test"),
            Locale.VI,
            time,
            derive_id("staff", officer),
        )
        for officer in sorted(officers)
    ]


def _with_duplicates(settings: Simulation, requests: list[Event]) -> list[Event]:
    """Return the requests, some of them repeated: at once, or a little later."""
    rng = Random(f"motcua duplicates {settings.seed}")
    told: list[tuple[int, int, int]] = []
    for place in range(len(requests)):
        told.append((place, _ITSELF, place))
        if rng.random() < settings.duplicate_share:
            if rng.random() < odds.DIRECTLY_BEHIND:
                told.append((place, _AT_ONCE, place))
            else:
                told.append((place + rng.randint(1, odds.DUPLICATE_WITHIN), _LATER, place))
    told.sort()
    return [requests[place] for _, _, place in told]


def _time_and_code(event: Event) -> tuple[datetime, str]:
    return event.time, event.subject
