"""What a city may enact in the middle of its day, drawn: sets of rules that change much."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from random import Random

from contracts.catalogue import load_catalogue
from contracts.rules import RuleSet, sample_rules
from motcua.simulate import SimulatedDay, slices
from services.shared.city import read_city
from tests.support.rule_sets import ALWAYS, added, day_off, rule_set

Texts = dict[str, str]
DAY = date(2026, 3, 11)
"""The simulated day."""
WARDS = sorted(u.code for u in load_catalogue().units.values() if u.kind == "ward")
BEGINS_WITH = rule_set(sample_rules().files, 1, ALWAYS)
"""The first set that the city enacts: the sample as it is, for all times."""
_AHEAD = (timedelta(0), timedelta(0), timedelta(hours=1), timedelta(days=1))


def shorter_times(files: Texts, draw: Random) -> Texts:
    """Every standard time in days cut to one day, or raised by one."""
    amount = draw.choice((lambda n: 1, lambda n: n + 1))
    budget = re.compile(r'^(budget = \{ amount = )(\d+)(, unit = "working-days")', re.M)

    def other(found: re.Match[str]) -> str:
        return f"{found[1]}{amount(int(found[2]))}{found[3]}"

    text, count = budget.subn(other, files["procedures.toml"])
    assert count > 10
    return files | {"procedures.toml": text}


def a_day_off(files: Texts, draw: Random) -> Texts:
    """A working day about now on which, as is declared, nobody works or worked."""
    around = [DAY + timedelta(days=n) for n in (-5, -2, -1, 0, 1, 2, 5, 6)]
    days = [day for day in around if f"date = {day}" not in files["overrides.toml"]]
    return added("overrides.toml", day_off(str(draw.choice(days))), files)


def other_officers(files: Texts, draw: Random) -> Texts:
    """Another head, and other officers, at every other unit."""
    tables = files["units.toml"].split("\n[[")
    begin = draw.randrange(2)
    for number in range(begin, len(tables), 2):
        tables[number] = tables[number].replace('"cb-', f'"cb-9{draw.randrange(10)}')
    return files | {"units.toml": "\n[[".join(tables)}


def a_unit_that_ends(files: Texts, draw: Random) -> Texts:
    """A ward goes up in another one, which answers for its place too."""
    units = read_city(files).catalogue.units
    heirs = {unit.successor for unit in units.values()}
    there = [u for u in WARDS if units[u].until is None]
    going = draw.choice([u for u in there if u not in heirs])
    heir = draw.choice([u for u in there if u != going])
    return ended(files, going, heir, DAY - timedelta(days=draw.choice((0, 1, 2, 9))))


def ended(files: Texts, going: str, heir: str, last: date) -> Texts:
    """The files in which a ward ends with that day, and another answers for its places."""
    units = read_city(files).catalogue.units
    places = ", ".join(f'"{p}"' for p in (*units[heir].places, *units[going].places))
    tables = files["units.toml"].split("\n[[")
    for number, table in enumerate(tables):
        if f'code = "{going}"' in table:
            more = f'\nuntil = {last}\nsuccessor = "{heir}"\n'
            tables[number] = re.sub("places = .*", "places = []", table).rstrip() + more
        elif f'code = "{heir}"' in table:
            tables[number] = re.sub("places = .*", f"places = [{places}]", table)
    return files | {"units.toml": "\n[[".join(tables)}


CHANGES: Sequence[Callable[[Texts, Random], Texts]] = (
    shorter_times,
    a_day_off,
    other_officers,
    a_unit_that_ends,
)


def enacted_between(
    simulated: SimulatedDay, draw: Random, times: int = 3, *, late: bool = False
) -> dict[int, list[RuleSet]]:
    """By slice: up to so many drawn sets, which follow the one that the city begins with.

    Each comes into force when its slice is over, or some time after that; or, where the city's
    clocks were wrong (`late`), before things that are on the log already.
    """
    pieces = list(slices(simulated.requests, ends=simulated.ends))
    files = dict(sample_rules().files)
    found: dict[int, list[RuleSet]] = {}
    for number, place in enumerate(sorted(draw.choices(range(len(pieces)), k=times)), start=2):
        for change in draw.sample(CHANGES, draw.choice((1, 1, 2))):
            files = change(files, draw)
        since = pieces[place].until + draw.choice(_AHEAD)
        if late:
            since = _before(pieces[place].until, draw)
        found.setdefault(place, []).append(rule_set(files, number, since))
    return found


def _before(time: datetime, draw: Random) -> datetime:
    return time - timedelta(minutes=draw.randrange(1, 3 * 24 * 60))
