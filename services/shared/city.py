"""A set of rules, read: what a service looks things up in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from contracts.catalogue import Catalogue, load_catalogue
from contracts.rules import Files, RulesError, RuleSet
from contracts.rules.rule_set import TEXTS
from services.shared.rulebook.book import RuleBook, load_rule_book
from services.shared.working_time import Calendars, load_calendars

if TYPE_CHECKING:
    # A decider looks things up here, and is imported without a driver.
    from services.runtime import Clock, Engine, World


@dataclass(frozen=True, eq=False)
class City:
    """What a set of rules says: catalogue, calendars, rule book, and wording of its own."""

    catalogue: Catalogue
    calendars: Calendars
    book: RuleBook
    texts: Mapping[str, str]
    """The files of wording that the set has, by name."""


def read_city(files: Files) -> City:
    """Return what the files say. Raise RulesError with a line for each fault in any of them."""
    faults: list[str] = []
    found: list[object] = []
    for read in (load_catalogue, load_calendars, load_rule_book):
        try:
            found.append(read(files))
        except RulesError as error:
            faults.append(str(error))
    if faults:
        raise RulesError("\n".join(faults))
    catalogue, calendars, book = found
    assert isinstance(catalogue, Catalogue)
    assert isinstance(calendars, Calendars)
    assert isinstance(book, RuleBook)
    texts = {name: text for name, text in files.items() if name in TEXTS}
    return City(catalogue, calendars, book, texts)


_read: dict[str, City] = {}
"""Every set that was read, by its hash: a city enacts a handful a year."""


def city_of(rules: RuleSet) -> City:
    """Return what the set says; it is read once."""
    found = _read.get(rules.sha256)
    if found is None:
        found = _read[rules.sha256] = read_city(rules.files)
    return found


def city_at(world: World, time: datetime) -> City:
    """Return what is in force at that time."""
    return city_of(world.at(time))


def sign_in_required(world: World) -> bool:
    """Return whether somebody has to vouch for whoever asks anything on the log.

    The newest set says so, whatever time a request gives itself: who forges one would choose it.
    """
    return city_of(world.newest).book.sign_in.required


class CityNow:
    """What is in force now, for answers; decisions are made by the world of their partition."""

    def __init__(self, engine: Engine[Any], clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def __call__(self) -> City:
        return city_at(self._engine.worlds.newest, self._clock.now())
