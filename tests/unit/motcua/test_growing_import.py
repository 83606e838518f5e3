"""An older system's export that grows, delivered again and again to a city that goes on working."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import intake, notify
from contracts.wire.envelope import Event
from motcua.deciders import all_deciders
from services.intake.imports.rules import CompiledMapping
from services.notify.dossier.policy import Policy
from services.notify.quiet_hours import VIETNAM
from services.runtime.testing import InProcess
from services.shared.lifecycle import PublicStatus
from tests.support.event import acting
from tests.support.imports import DATA, mapping_of, told, written

CATALOGUE = load_catalogue()
CODE = "H29.15-240307-0001"
SERVICES = ("intake", "routing", "sla", "notify")
FILED = ("2024-03-07T08:00:00+07:00", "file")
ASKED = ("2024-03-08T08:00:00+07:00", "ask for papers")
CAME = ("2024-03-11T08:00:00+07:00", "papers came")
CALLED = ("2024-03-11T09:00:00+07:00", "telephone call")
APPROVED = ("2024-03-12T08:00:00+07:00", "approve")


def at(day: int, hour: int = 8) -> datetime:
    return datetime(2024, 3, day, hour, tzinfo=VIETNAM)


class Deliveries:
    """A city in one process, and the deliveries of one case that it gets."""

    def __init__(self, compiled: CompiledMapping) -> None:
        self.city = InProcess(all_deciders(Policy(CATALOGUE)))
        self.compiled = compiled

    def deliver(self, *events: tuple[str, str]) -> None:
        found = told(self.compiled, events, case="case 1")
        assert (found.broken, found.code) == (None, CODE)
        self.city.feed(found.facts)

    @property
    def told_as_history(self) -> list[bool]:
        return [self.city.states[name][CODE].state.history for name in SERVICES]

    @property
    def status(self) -> PublicStatus | None:
        found: set[PublicStatus | None] = {
            self.city.states[name][CODE].state.status for name in SERVICES
        }
        (status,) = found
        return status

    def planned(self) -> list[str]:
        messages = [e.data for e in self.city.elsewhere]
        return [m.template for m in messages if isinstance(m, notify.MessagePlanned)]

    def asks_for_papers(self, when: datetime) -> None:
        self.city.tick(when)
        asked = intake.SupplementDemandRequested(documents=("x",), reason="missing")
        self.city.feed([Event(f"live-{when}", "/x", CODE, when, asked, actor=acting("cb-1"))])


@pytest.fixture
def land(tmp_path: Path) -> CompiledMapping:
    text = (DATA / "land.toml").read_text().replace(', by = "{resource}"', "")
    return mapping_of(written(tmp_path, text, "land.toml"))


def test_a_dossier_lives_after_each_of_three_growing_deliveries(land: CompiledMapping) -> None:
    case = Deliveries(land)
    for delivery, status in (
        ((FILED,), PublicStatus.IN_PROCESS),
        ((FILED, ASKED), PublicStatus.SUPPLEMENT_REQUESTED),
        ((FILED, ASKED, CAME), PublicStatus.IN_PROCESS),
    ):
        case.deliver(*delivery)
        assert case.told_as_history == [False] * 4
        assert case.status is status
    assert case.planned() == []  # nobody is told of the past
    closed = [e for e in case.city.log if isinstance(e.data, intake.HistoryClosed)]
    assert len({e.id for e in closed}) == 3
    assert case.city.states["sla"][CODE].state.told_until == closed[-1].time

    case.asks_for_papers(at(11, 10))
    assert case.status is PublicStatus.SUPPLEMENT_REQUESTED
    assert "supplement-demanded" in case.planned()


def test_what_the_city_did_between_two_deliveries_stays(land: CompiledMapping) -> None:
    case = Deliveries(land)
    case.deliver(FILED)
    case.asks_for_papers(at(7, 9))
    assert case.planned() == ["supplement-demanded"]
    case.deliver(FILED, CALLED)
    assert case.told_as_history == [False] * 4
    assert case.status is PublicStatus.SUPPLEMENT_REQUESTED
    assert case.planned() == ["supplement-demanded"]


@pytest.mark.parametrize("growing", [True, False])
def test_a_history_is_closed_again_even_if_the_log_is_drawn_at_the_same_time(
    land: CompiledMapping, growing: bool
) -> None:
    drawn = land.source.model_copy(update={"as_of": at(31)})
    case = Deliveries(replace(land, source=drawn))
    case.deliver(FILED)
    case.deliver(*((FILED, ASKED) if growing else (FILED,)))
    assert case.told_as_history == [False] * 4
    closed = [e.id for e in case.city.log if isinstance(e.data, intake.HistoryClosed)]
    assert len(set(closed)) == (2 if growing else 1)


def test_a_dossier_that_ended_in_a_later_delivery_has_ended_and_nobody_is_told(
    land: CompiledMapping,
) -> None:
    case = Deliveries(land)
    case.deliver(FILED)
    case.deliver(FILED, APPROVED)
    case.city.tick(at(31))
    assert case.status is PublicStatus.PROCESSED
    assert case.told_as_history == [False] * 4
    assert case.planned() == []
