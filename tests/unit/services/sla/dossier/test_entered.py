"""What was entered late, what it changed, and what was known before."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from contracts.events import sla
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.envelope import Event
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.sla.dossier.entered import known_at
from services.sla.dossier.state import Sla
from services.sla.explain.explanation import Explanation, asked_at, explanation
from tests.support.event import CODE, event
from tests.support.explained import LANGUAGES
from tests.support.facts import (
    PROCESSED,
    STOPPED,
    completed,
    exempted,
    handed_over,
    received,
    routed,
    started,
)
from tests.support.rule_sets import WORLD, newest
from tests.support.sla_dossiers import DECIDER
from tests.support.times import at

DUE = at(7)
"""Three working days after the 4th, when the office opens."""
STOPPED_ON, ENTERED = at(5, "09:00"), at(21, "09:00")


def fact(data: EventData, happened: datetime, entered: datetime | None = None) -> Event:
    made = event(data, happened, id=f"{data.NAME}-{happened.isoformat()}")
    return replace(made, recorded=entered or happened)


class Dossier:
    """A dossier of three working days, received on the 4th and told of fact by fact."""

    def __init__(self) -> None:
        self.stored: Stored[Sla] = Stored(CODE, 0, DECIDER.initial(CODE))
        for data in (received(), routed()):
            self.told(fact(data, at(4)))

    @property
    def state(self) -> Sla:
        return self.stored.state

    def told(self, *facts: Event) -> list[Event]:
        return [said for each in facts for said in handle(DECIDER, WORLD, self.stored, each)]

    def passes(self, until: datetime) -> None:
        fire_timers(DECIDER, WORLD, self.stored, until)

    def explained(self, known: datetime | None, moment: datetime | None = None) -> Explanation:
        moment = moment or asked_at(self.state, at(28), known)
        found = explanation(CODE, self.state, newest(WORLD), LANGUAGES[Locale.EN], moment, known)
        assert found is not None
        return found


@pytest.fixture
def stopped_late() -> Dossier:
    """Overdue on the 7th; on the 21st a stop is entered that is dated to the 5th."""
    dossier = Dossier()
    dossier.passes(ENTERED)
    assert dossier.state.late
    dossier.told(fact(STOPPED, STOPPED_ON, ENTERED))
    assert not dossier.state.late
    return dossier


def test_a_breach_that_a_late_entry_took_back_stays_on_record(stopped_late: Dossier) -> None:
    assert stopped_late.state.breach_taken_back == DUE
    late = {(one.at, one.entered) for one in stopped_late.state.entered_late}
    assert late == {(STOPPED_ON, ENTERED)}
    assert {one.seconds for one in stopped_late.state.entered_late} == {12 * 8 * 3600}


def test_what_was_known_before_the_entry_is_told_as_it_was_known(stopped_late: Dossier) -> None:
    before = stopped_late.explained(ENTERED - timedelta(milliseconds=1))
    assert before.shown.overdue is not None
    assert before.shown.status.word == "received"
    assert [a.retracted for a in before.shown.alerts if a.kind == "DossierOverdue"] == [False]
    assert "by what was known on" in before.title
    after = stopped_late.explained(ENTERED)
    assert after.shown.overdue is None
    assert after.shown.status.word == "stopped"
    assert [a.retracted for a in after.shown.alerts if a.kind == "DossierOverdue"] == [True]
    assert stopped_late.explained(None).title == f"The time of dossier {CODE}"


def test_the_two_times_are_asked_for_one_by_one(stopped_late: Dossier) -> None:
    # How the 6th stood by what was known on the 8th, and by what is known today.
    then = stopped_late.explained(at(8), at(6))
    today = stopped_late.explained(at(28), at(6))
    assert (then.shown.at, today.shown.at) == (at(6), at(6))
    assert (then.shown.status.word, today.shown.status.word) == ("received", "stopped")


def test_before_the_reception_was_entered_nothing_was_known() -> None:
    dossier = Dossier()
    assert (
        explanation(CODE, dossier.state, newest(WORLD), LANGUAGES[Locale.EN], at(28), at(3)) is None
    )


HAND_OVER = handed_over("H29.1")
LATE = [
    fact(STOPPED, at(5), at(20)),
    fact(HAND_OVER, at(5, "10:00"), at(21)),
    fact(started(), at(4, "09:00"), at(22)),
    fact(completed(), at(5, "08:30"), at(23)),
    fact(exempted(), at(6), at(25)),
]


@pytest.mark.parametrize("known", [at(19), at(20), at(21), at(22), at(23), at(24), at(25)])
def test_what_was_known_is_the_fold_of_what_had_been_entered(known: datetime) -> None:
    everything, in_time = Dossier(), Dossier()
    everything.told(*LATE)
    in_time.told(*(each for each in LATE if each.known_since <= known))
    cut, wanted = known_at(everything.state, known), in_time.state
    assert newest(WORLD).assessed(cut).assessment == newest(WORLD).assessed(wanted).assessment
    for name in ("marks", "span", "handlers", "steps", "exemption", "letters", "consultations"):
        assert getattr(cut, name) == getattr(wanted, name), name


def test_no_order_of_arrival_makes_a_difference_to_what_was_known() -> None:
    found = set()
    for order in permutations(LATE):
        dossier = Dossier()
        dossier.told(*order)
        # What sla says of it in between depends on the order; what stands does not.
        ids = {"", *(each.id[:13] for each in LATE)}
        found.add(tuple(one for one in dossier.state.entered_late if one.id in ids))
    assert len(found) == 1


def test_what_is_entered_within_a_minute_or_told_by_an_import_is_not_late() -> None:
    dossier = Dossier()
    at_once = fact(STOPPED, at(5), at(5) + timedelta(minutes=1))
    imported = replace(fact(PROCESSED, at(6), at(28)), history=True)
    dossier.told(at_once, imported)
    assert dossier.state.entered_late == ()


def test_a_breach_that_other_rules_take_back_is_no_late_entrys() -> None:
    dossier = Dossier()
    dossier.passes(at(8))
    (breach,) = [a for a in dossier.state.alerts if a.kind == "DossierOverdue"]
    retracted = sla.AlertRetracted(alert_id=breach.id, alert=breach.kind, reason="rules")
    dossier.told(fact(retracted, at(9)))
    assert not dossier.state.late
    assert dossier.state.breach_taken_back is None


def test_a_retraction_may_arrive_before_its_alert() -> None:
    told, other = Dossier(), Dossier()
    overdue = fact(sla.DossierOverdue(due=DUE, unit="H29.15"), DUE)
    retracted = fact(
        sla.AlertRetracted(alert_id=overdue.id, alert="DossierOverdue", reason="late"),
        STOPPED_ON,
        ENTERED,
    )
    folded = []
    for dossier, order in ((told, (overdue, retracted)), (other, (retracted, overdue))):
        state = dossier.state
        for each in order:
            state = DECIDER.evolve(WORLD, state, each)
        folded.append((state.taken_back, state.breach_taken_back, state.alerts))
    assert folded[0] == folded[1]
    assert folded[0][1] == DUE
