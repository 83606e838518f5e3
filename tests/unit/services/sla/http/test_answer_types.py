"""The documented types of figures and clock have the fields that are counted and told."""

from __future__ import annotations

from dataclasses import fields

from services.shared.working_time import Day
from services.sla.clock.ledger import Ledger
from services.sla.figures.backlog import BACKLOG
from services.sla.figures.counting import MEASURES
from services.sla.figures.rates import SHOWN
from services.sla.figures.tables import Dimension
from services.sla.figures.view import DOSSIER_COLUMNS, columns
from services.sla.http.clock_view import ClockView, DayView
from services.sla.http.figure_types import Ages, CountedDossier, Divided, Numbers, Rated


def names(type_: type) -> set[str]:
    return set(type_.__annotations__)


def test_a_row_is_of_every_dimension() -> None:
    assert names(Divided) == set(columns(list(Dimension), ()))


def test_a_row_has_every_number_and_rate() -> None:
    assert names(Numbers) - names(Divided) == set(MEASURES)
    assert names(Rated) - names(Numbers) == {rate.name for rate in SHOWN}
    assert names(Ages) - names(Divided) == set(BACKLOG)


def test_a_listed_dossier_has_every_column() -> None:
    assert names(CountedDossier) == set(DOSSIER_COLUMNS)


def test_a_clock_has_all_of_the_ledger() -> None:
    assert {field.name for field in fields(Ledger)} <= names(ClockView)
    assert {field.name for field in fields(Day)} == names(DayView)
