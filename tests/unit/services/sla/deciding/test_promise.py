"""A deadline follows from what was promised at reception, whatever the catalogue says later."""

from __future__ import annotations

from datetime import datetime

import pytest

from contracts.events import intake, sla
from contracts.events.sla import Budget, CalendarDaysEnd, TimeUnit, WorkingDaysReading
from contracts.model import EventData
from contracts.rules import sample_rules
from contracts.wire.envelope import Event
from motcua.testing.city import City
from services.runtime import World, widened
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.sla.deciding.decider import SlaDecider
from services.sla.dossier.state import Sla, Unjudged
from tests.support.event import CODE, event
from tests.support.facts import (
    AS_STANDARD,
    DELIVERED,
    DEMANDED,
    PROCEDURE,
    PROCESSED,
    RESUMED,
    STOPPED,
    received,
    routed,
)
from tests.support.rule_sets import WORLD, added, day_off, enacted, rule_set, timed, world
from tests.support.times import at

THREE_DAYS = Budget(amount=3, unit=TimeUnit.WORKING_DAYS, reading=WorkingDaysReading.EIGHT_HOURS)
PROMISED = intake.Promise(budget=THREE_DAYS, basis="Luật Cư trú 2020", catalogue="a")


SLA = SlaDecider()


def days(number: int) -> dict[str, str]:
    """The rules in which the procedure has this many working days."""
    return timed(PROCEDURE, Budget(amount=number, unit=TimeUnit.WORKING_DAYS))


class Dossier:
    def __init__(self, by: World = WORLD) -> None:
        self.by = by
        self.stored: Stored[Sla] = Stored(CODE, 0, SLA.initial(CODE))
        self.said: list[Event] = []
        self._count = 0

    def hears(self, data: EventData, time: datetime, *, history: bool = False) -> None:
        self._count += 1
        fact = event(data, time, id=f"e-{self._count}", history=history)
        self.said += handle(SLA, self.by, self.stored, fact)

    def passes(self, time: datetime) -> None:
        self.said += fire_timers(SLA, self.by, self.stored, time)

    def received(self, promise: intake.Promise | None, *, history: bool = False) -> Dossier:
        self.hears(received(promise=promise), at(4), history=history)
        self.hears(routed(), at(4), history=history)
        return self

    @property
    def due(self) -> datetime | None:
        assert self.stored.state.assessment is not None
        return self.stored.state.assessment.due

    def of(self, kind: type[EventData]) -> list[EventData]:
        return [e.data for e in self.said if isinstance(e.data, kind)]


class TestABudget:
    def test_is_kept_though_the_catalogue_cuts_the_standard_time(self) -> None:
        dossier = Dossier().received(PROMISED)
        assert dossier.due == at(7)
        dossier.by = world(sample_rules(), rule_set(days(1), 1, at(5)))
        dossier.hears(DEMANDED, at(5, "09:00"))
        dossier.hears(DELIVERED, at(5, "10:00"))
        assert dossier.due == at(7, "09:00")
        dossier.passes(at(7, "08:59"))
        assert dossier.of(sla.DossierOverdue) == []
        assert dossier.of(sla.RulesApplied) == []

    def test_is_what_the_deadline_says(self) -> None:
        (told,) = Dossier(world(days(1))).received(PROMISED).of(sla.DeadlineSet)
        assert isinstance(told, sla.DeadlineSet)
        assert (told.due, told.budget) == (at(7), THREE_DAYS)

    def test_is_read_as_it_was_promised_whatever_the_office_hours_say(self) -> None:
        by_day_end = THREE_DAYS.model_copy(update={"reading": WorkingDaysReading.END_OF_DAY})
        dossier = Dossier().received(intake.Promise(budget=by_day_end))
        assert dossier.due == at(7, "17:00")

    def test_cannot_be_read_as_another_unit_is(self) -> None:
        with pytest.raises(ValueError, match="working-days are not read as midnight"):
            Budget(amount=1, unit=TimeUnit.WORKING_DAYS, reading=CalendarDaysEnd.MIDNIGHT)

    def test_moves_for_a_holiday_that_is_declared_since(self, city: City) -> None:
        d = city.receive(PROCEDURE, unit="H29.15", on="2024-03-04 08:00")
        city.at("2024-03-05 08:00")
        city.enact(("overrides.toml", day_off("2024-03-06")))
        city.at("2024-03-05 08:01")
        assert d.due == "2024-03-08 08:00"
        applied, moved, *_ = (e.data for e in d.events if e.time == at(5))
        assert isinstance(applied, sla.RulesApplied)
        assert isinstance(moved, sla.DeadlineMoved)
        assert applied.number == d.state("sla").rules == 2
        assert (moved.due, moved.cause) == (at(8), sla.MoveCause.RULES_CHANGED)

    @pytest.mark.parametrize("since", [at(5), at(1)], ids=["from now on", "long ago"])
    def test_moves_for_the_day_off_of_the_first_set_that_a_running_city_enacts(
        self, since: datetime
    ) -> None:
        dossier = Dossier()
        dossier.hears(received(), at(4))
        dossier.hears(routed(), at(4))
        first = rule_set(added("overrides.toml", day_off("2024-03-06")), 1, since)
        dossier.by = widened(dossier.by, enacted(first))
        assert [one.number for one in dossier.by.sets] == [1], "the sample is gone"
        dossier.passes(at(5, "09:00"))
        assert [type(e.data) for e in dossier.said[-2:]] == [sla.RulesApplied, sla.DeadlineMoved]
        assert dossier.stored.state.assessment is not None
        assert dossier.stored.state.assessment.due == at(8)
        assert dossier.stored.state.rules == 1
        dossier.passes(at(6, "09:00"))
        assert not [e for e in dossier.said[-1:] if isinstance(e.data, sla.DossierOverdue)]

    def test_moves_once_for_each_set_that_is_enacted_too_late(self) -> None:
        dossier = Dossier().received(PROMISED)
        files = sample_rules().files
        late = []
        for number, day in enumerate(("2024-03-06", "2024-03-07"), start=1):
            files = added("overrides.toml", day_off(day), files)
            late.append(rule_set(files, number, at(1)))
        for number in (1, 2):
            dossier.by = world(sample_rules(), *late[:number])
            dossier.passes(at(5, "09:00"))
        assert dossier.due == at(11)
        applied = dossier.of(sla.RulesApplied)
        assert [data.number for data in applied] == [1, 2]  # type: ignore[attr-defined]
        ids = [event.id for event in dossier.said if isinstance(event.data, sla.RulesApplied)]
        assert len(set(ids)) == 2

    def test_moves_once_for_sets_that_were_enacted_too_late_together(self) -> None:
        dossier = Dossier().received(PROMISED)
        first = added("overrides.toml", day_off("2024-03-06"))
        second = added("overrides.toml", day_off("2024-03-07"), first)
        dossier.by = world(sample_rules(), rule_set(first, 1, at(1)), rule_set(second, 2, at(2)))
        dossier.passes(at(5, "09:00"))
        assert dossier.due == at(11)
        assert [data.number for data in dossier.of(sla.RulesApplied)] == [2]  # type: ignore[attr-defined]

    def test_that_seemed_broken_is_kept_once_a_day_off_is_declared_afterwards(self) -> None:
        dossier = Dossier().received(PROMISED)
        dossier.passes(at(7, "08:01"))
        assert dossier.stored.state.late
        declared = rule_set(added("overrides.toml", day_off("2024-03-06")), 1, at(7, "09:00"))
        dossier.by = world(sample_rules(), declared)
        dossier.passes(at(7, "09:01"))
        taken_back = dossier.of(sla.AlertRetracted)
        assert {(r.alert, r.cause) for r in taken_back} == {  # type: ignore[attr-defined]
            (kind, sla.RetractionCause.MOVED)
            for kind in ("DossierSoonDue", "LastCallGiven", "ApologyOwed", "DossierOverdue")
        }
        assert not dossier.stored.state.late
        assert dossier.due == at(8)

    def test_of_a_dossier_that_is_resolved_stays_as_it_was_judged(self) -> None:
        dossier = Dossier().received(PROMISED)
        dossier.hears(PROCESSED, at(7, "08:01"))
        declared = rule_set(added("overrides.toml", day_off("2024-03-06")), 1, at(7, "09:00"))
        dossier.by = world(sample_rules(), declared)
        dossier.passes(at(20))
        assert dossier.stored.state.late
        assert dossier.of(sla.RulesApplied) == []


class TestOfARecordWithoutAPromise:
    def test_the_first_deadline_says_what_was_promised(self) -> None:
        dossier = Dossier().received(AS_STANDARD)
        assert dossier.due == at(7)
        dossier.by = world(sample_rules(), rule_set(days(1), 1, at(5)))
        dossier.hears(DEMANDED, at(5, "09:00"))
        dossier.hears(DELIVERED, at(5, "10:00"))
        assert dossier.due == at(7, "09:00")


class TestAFixedDate:
    DATE = intake.Promise(due=at(8, "10:00"))

    def test_is_due_then_and_no_budget_is_told(self) -> None:
        dossier = Dossier().received(self.DATE)
        (told,) = dossier.of(sla.DeadlineSet)
        assert isinstance(told, sla.DeadlineSet)
        assert (told.due, told.budget) == (at(8, "10:00"), None)
        dossier.passes(at(8, "10:01"))
        assert len(dossier.of(sla.DossierOverdue)) == 1

    def test_moves_by_the_time_that_the_city_waits_for_the_citizen(self) -> None:
        dossier = Dossier().received(self.DATE)
        dossier.hears(DEMANDED, at(5, "09:00"))
        dossier.hears(DELIVERED, at(5, "11:00"))
        assert dossier.due == at(8, "13:30")  # two hours later, a lunch between

    def test_that_an_older_system_gave_is_not_moved_by_what_waited_there(self) -> None:
        dossier = Dossier().received(self.DATE, history=True)
        dossier.hears(STOPPED, at(5, "09:00"), history=True)
        dossier.hears(RESUMED, at(6, "09:00"), history=True)
        dossier.hears(intake.HistoryClosed(), at(6, "12:00"), history=True)
        assert dossier.due == at(8, "10:00")
        dossier.hears(DEMANDED, at(7, "09:00"))
        dossier.hears(DELIVERED, at(7, "10:00"))
        assert dossier.due == at(8, "11:00")

    @pytest.mark.parametrize(("ends", "late"), [("09:59", False), ("10:01", True)])
    def test_is_kept_or_missed_by_the_time_of_the_end_alone(self, ends: str, late: bool) -> None:
        dossier = Dossier().received(self.DATE, history=True)
        dossier.hears(STOPPED, at(5, "09:00"), history=True)
        dossier.hears(RESUMED, at(7, "09:00"), history=True)
        dossier.hears(PROCESSED, at(8, ends), history=True)
        assert bool(dossier.of(sla.DossierOverdue)) is late

    def test_that_was_past_at_reception_is_missed_at_once(self) -> None:
        dossier = Dossier().received(intake.Promise(due=at(1)))
        dossier.passes(at(4, "08:01"))
        assert len(dossier.of(sla.DossierOverdue)) == 1


class TestWithoutAPromise:
    def test_nothing_is_announced_and_the_dossier_is_unjudged(self) -> None:
        dossier = Dossier().received(None)
        dossier.passes(at(30))
        assert dossier.said == []
        assert dossier.stored.state.unjudged is Unjudged.NO_PROMISE
        assert dossier.stored.state.assessment is None

    def test_a_time_that_no_calendar_knows_is_unjudged_too(self) -> None:
        dossier = Dossier().received(
            intake.Promise(due=datetime.fromisoformat("2199-01-01T00:00Z"))
        )
        assert dossier.stored.state.unjudged is Unjudged.NO_CALENDAR
        assert dossier.said == []
