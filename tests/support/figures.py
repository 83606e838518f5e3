"""Dossiers whose figures are counted: told by hand, or kept as a test says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contracts.catalogue import load_catalogue
from contracts.model import EventData
from contracts.values import FilingChannel, ServiceLevel
from contracts.wire.envelope import Event
from motcua.deciders import calendars
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from services.runtime.mongo.client import Database
from services.runtime.mongo.store import Store
from services.shared.lifecycle import PublicStatus, Span
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import (
    Assessment,
    EnteredLate,
    Exemption,
    Handler,
    Letter,
    Sla,
    Unjudged,
)
from services.sla.figures.counting import period_count
from services.sla.figures.figures import figures
from services.sla.figures.periods import Period, period
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.snapshots import Snapshot
from services.sla.figures.tables import Dimension, Scope
from tests.support import facts
from tests.support.properties import examples
from tests.support.rule_sets import WORLD

CATALOGUE = load_catalogue()
RULES = Rules(CATALOGUE, calendars())
JULY = period("2025-07")
NOW = datetime(2025, 7, 20, 3, tzinfo=UTC)
"""In the middle of July: what is to come in it is not yet known."""
LATER = datetime(2025, 9, 1, tzinfo=UTC)
UNITS = ("H29.1", "H29.101", "H29.102")
PROCEDURES = ("1.004873", "1.001193", "1.013831", "9.999999")
"""The last one is in no catalogue: an older system's."""
ALL = Scope()
BY_UNIT = Scope((Dimension.UNIT,))
MILLISECOND = timedelta(milliseconds=1)
EDGES = (JULY.since, JULY.until, NOW)
TIMES = st.one_of(
    st.sampled_from([edge + n * MILLISECOND for edge in EDGES for n in (-1, 0, 1)]),
    st.integers(0, 2400).map(
        lambda hours: JULY.since - timedelta(days=30) + timedelta(hours=hours)
    ),
)


DELAYS = st.sampled_from([n * 28_800 + more for n in (0, 1, 2, 5, 10, 40) for more in (0, 1)])
"""Working seconds at the limits between two delays."""


@st.composite
def states(draw: st.DrawFn) -> Sla:
    """A dossier, with anything about it before, within and after July."""
    received = draw(TIMES)
    end = draw(st.none() | TIMES)
    ended = None if end is None else max(received, end)
    how = draw(st.sampled_from([PublicStatus.PROCESSED, PublicStatus.WITHDRAWN]))

    def missed() -> datetime | None:
        # Of a resolved dossier it is known only if it was missed.
        moment = draw(st.none() | TIMES)
        return moment if ended is None or (moment is not None and moment < ended) else None

    letters = sorted(
        Letter(at, f"l{n}", at, at, True, "04/2025-03")
        for n, at in enumerate(draw(st.lists(TIMES, max_size=2)))
    )
    handlers = sorted(
        Handler(draw(TIMES), f"h{n}", draw(st.sampled_from([*UNITS, ""])))
        for n in range(draw(st.integers(0, 3)))
    )
    exempt = draw(st.none() | TIMES)
    receiving = draw(st.sampled_from(UNITS))
    entered_late = sorted(
        EnteredLate(at, f"e{n}", at + timedelta(days=20), seconds)
        for n, (at, seconds) in enumerate(draw(st.lists(st.tuples(TIMES, DELAYS), max_size=3)))
    )
    unjudged = draw(st.sampled_from([None, None, None, *Unjudged]))
    return Sla(
        span=Span(received, ended, how if ended else None),
        unit=handlers[-1].unit or receiving if handlers else UNITS[0],
        procedure=draw(st.sampled_from(PROCEDURES)),
        receiving_unit=receiving,
        channel=draw(st.sampled_from(list(FilingChannel))),
        level=draw(st.sampled_from(list(ServiceLevel))),
        handlers=tuple(handlers),
        letters=tuple(letters),
        exemption=None if exempt is None else Exemption(exempt, "x", "force-majeure", "storm"),
        unjudged=unjudged,
        entered_late=tuple(entered_late),
        breach_taken_back=draw(st.none() | TIMES),
        assessment=None
        if unjudged
        else Assessment(
            budget=0,
            used=0,
            due=None,
            original_due=received,
            running=ended is None,
            breach_at=missed(),
            first_breach_at=missed(),
            letter_by=draw(st.none() | TIMES),
            extended_at=draw(st.none() | TIMES),
            repeated_at=draw(st.none() | TIMES),
        ),
    )


def code_of(number: int) -> str:
    return f"H29.1-250701-{number:04d}"


async def keep(database: Database, kept: Iterable[Sla]) -> None:
    """Puts the states where sla keeps them, over three partitions, in the place of others."""
    dossiers = database["dossiers"]
    await dossiers.delete_many({})
    documents = [
        Stored(code_of(number), number % 3, state).document() for number, state in enumerate(kept)
    ]
    if documents:
        await dossiers.insert_many(documents)


REAL_DATABASE = hypothesis_settings(
    examples(0.5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def at(day: int, hour: int = 9) -> datetime:
    """A time of July 2025 in Vietnam, whose 1st is a Tuesday; after the 31st, of August."""
    return JULY.since + timedelta(days=day - 1, hours=hour)


class City:
    """Dossiers as sla's own decisions make them: three working days each, at one unit."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rules = RULES
        self._decider = SlaDecider()
        self._store = Store(database["dossiers"], Sla)

    async def told(self, number: int, *facts: tuple[datetime, Any]) -> str:
        """A dossier about which these facts become known, in whatever order."""
        code = code_of(number)
        stored = (await self._store.load([code])).get(code)
        stored = stored or Stored(code, number % 3, self._decider.initial(code))
        for time, data in facts:
            mark = f"{code}/{time.isoformat()}/{type(data).__name__}"
            handle(self._decider, WORLD, stored, Event(mark, "/tests", code, time, data))
        await self._store.persist([stored])
        return code

    async def total(self, of: Period = JULY, now: datetime = LATER) -> dict[str, int]:
        """The figures of a period, those that are not 0."""
        sheet = figures(self.database["dossiers"], period_count(of, now, self.rules))
        return some((await sheet.count(ALL)).total)


def some(numbers: dict[str, int]) -> dict[str, int]:
    """The numbers that are not 0."""
    return {name: number for name, number in numbers.items() if number}


def received(unit: str = "H29.101") -> EventData:
    return facts.received("1.004873", unit)


UNPROMISED = facts.received("1.004873", "H29.101", promise=None)
"""A reception of which nobody knows what was promised."""


def routed(unit: str = "H29.101") -> EventData:
    return facts.routed(unit, "1.004873", "short")


PROCESSED = facts.processed("H29.101")


async def frozen(database: Database, name: str) -> Snapshot:
    found = await snapshots.snapshot(database, name)
    assert found is not None
    return found


SECOND_DATE = Sla(
    span=Span(at(1), at(10), PublicStatus.PROCESSED),
    procedure="1.004873",
    receiving_unit="H29.101",
    channel="counter",
    level="partial",
    letters=(Letter(at(3), "l", at(11), at(4), True, "04/2025-03"),),
    assessment=Assessment(
        budget=0,
        used=0,
        due=None,
        original_due=at(4),
        running=False,
        first_breach_at=at(4),
        letter_by=at(3),
        extended_at=at(3),
    ),
)
"""It missed its first date, and kept the one in the letter."""


def read_as(extended: str) -> Rules:
    """The rules with another reading of a dossier that kept its second date alone."""
    figures = RULES.book.figures.model_copy(update={"extended": extended})
    return Rules(CATALOGUE, calendars(), RULES.book.model_copy(update={"figures": figures}))
