"""What the services themselves make of a plan: nothing is refused that was not meant to be."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.catalogue import Catalogue
from contracts.events import intake, refusals, routing, sla
from contracts.events.refusals import Refusal, RefusalReason
from contracts.wire.envelope import Event, short_id
from motcua.simulate import Fate, SimulatedDay
from services.intake.decider import IntakeDecider
from services.routing.decider import RoutingDecider
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.shared.lifecycle import CLOCK_STOPPED, PublicStatus, phases
from services.shared.working_time import Calendars
from services.sla.deciding.decider import SlaDecider
from services.sla.dossier.state import Sla
from tests.support.rule_sets import WORLD


@dataclass
class Decided:
    """All that intake, routing and sla know and said after a plan was told, up to its end."""

    intake: dict[str, Any] = field(default_factory=dict)
    routing: dict[str, Any] = field(default_factory=dict)
    sla: dict[str, Any] = field(default_factory=dict)
    facts: list[Event] = field(default_factory=list)

    def of(self, *kinds: type) -> list[Event]:
        return [fact for fact in self.facts if isinstance(fact.data, kinds)]

    @property
    def late(self) -> set[str]:
        return {code for code, known in self.sla.items() if known.state.late}

    def clocks(self) -> dict[str, Sla]:
        """What sla knows of the dossiers that were received."""
        return {code: k.state for code, k in self.sla.items() if k.state.assessment is not None}


def decide(simulated: SimulatedDay, catalogue: Catalogue, calendars: Calendars) -> Decided:
    """Tells each request to its owner, and each fact that follows to all, in causal order."""
    found = Decided()
    clocks = SlaDecider()
    services: list[tuple[Any, dict[str, Any]]] = [
        (IntakeDecider(), found.intake),
        (RoutingDecider(), found.routing),
        (clocks, found.sla),
    ]
    for request in simulated.requests:
        waiting = deque([request])
        while waiting:
            event = waiting.popleft()
            for decider, known in services:
                if event.type not in decider.requests | decider.facts:
                    continue
                subject = event.subject
                if subject not in known:
                    known[subject] = Stored(subject, 0, decider.initial(subject))
                if known[subject].knows(short_id(event.id)):
                    continue
                facts = handle(decider, WORLD, known[subject], event)
                found.facts += facts
                waiting += facts
    for stored in found.sla.values():
        found.facts += fire_timers(clocks, WORLD, stored, simulated.ends)
    return found


@pytest.fixture(scope="module")
def decided(simulated: SimulatedDay, catalogue: Catalogue, calendars: Calendars) -> Decided:
    return decide(simulated, catalogue, calendars)


@pytest.fixture(scope="module")
def belated(draw: Callable[..., SimulatedDay]) -> SimulatedDay:
    """A plan in which many dossiers miss their first date."""
    return draw(dossiers=300, carried_over=1_500, seed=5, late_share=0.2)


@pytest.fixture(scope="module")
def judged(belated: SimulatedDay, catalogue: Catalogue, calendars: Calendars) -> Decided:
    return decide(belated, catalogue, calendars)


def assert_as_planned(simulated: SimulatedDay, decided: Decided) -> None:
    """Refused is what is to be refused; late is what is to be late, once it is due."""
    assert {fact.cause for fact in decided.of(Refusal)} == simulated.to_be_refused
    assert decided.late <= simulated.late
    for code in simulated.late - decided.late:
        due = decided.sla[code].state.assessment.due
        assert due is not None
        assert due >= simulated.ends


def test_only_what_was_meant_to_be_is_refused_or_late(
    simulated: SimulatedDay, decided: Decided
) -> None:
    assert_as_planned(simulated, decided)
    assert simulated.to_be_refused
    assert decided.late


def test_that_much_is_refused_for_each_of_the_reasons_there_are(
    draw: Callable[..., SimulatedDay], catalogue: Catalogue, calendars: Calendars
) -> None:
    simulated = draw(carried_over=3_000, dossiers=0, seed=22, late_share=0.05)
    facts = [fact.data for fact in decide(simulated, catalogue, calendars).facts]
    refused = [data for data in facts if isinstance(data, Refusal)]
    assert {(type(data), data.reason) for data in refused} == {
        (refusals.StepCompletionRefused, RefusalReason.WRONG_STEP),
        (refusals.SupplementDeliveryRefused, RefusalReason.WRONG_STATE),
        (refusals.PaymentReportRefused, RefusalReason.NOTHING_OUTSTANDING),
        (refusals.PaymentReportRefused, RefusalReason.OVERPAID),
        (refusals.ApologyRefused, RefusalReason.NOT_THE_HEAD),
        (refusals.ApologyRefused, RefusalReason.WRONG_DATE),
        (refusals.ApologyRefused, RefusalReason.ALREADY_EXTENDED),
    }
    assert len(refused) == len(simulated.to_be_refused)


def test_every_request_is_answered_once(simulated: SimulatedDay, decided: Decided) -> None:
    answered = {fact.cause for fact in decided.facts}
    assert {request.id for request in simulated.requests} <= answered


def test_every_received_dossier_is_routed(decided: Decided) -> None:
    received = {fact.subject for fact in decided.of(intake.DossierReceived)}
    assert received == {fact.subject for fact in decided.of(routing.DossierRouted)}
    assert not decided.of(routing.DossierUnroutable)


def test_intake_and_routing_agree_on_every_dossiers_state(decided: Decided) -> None:
    for code, known in decided.routing.items():
        if known.state.procedure is not None:
            assert known.state.status is decided.intake[code].state.status


def test_every_public_state_is_reached(decided: Decided) -> None:
    reached = {p.status for known in decided.intake.values() for p in phases(known.state.marks)}
    assert reached == set(PublicStatus)


def test_at_the_end_of_the_day_most_are_done_and_few_stand_still(decided: Decided) -> None:
    states = Counter(known.state.status for known in decided.intake.values())
    total = states.total()
    assert total == 3_000
    assert states[PublicStatus.RETURNED] > 0.4 * total
    assert states[PublicStatus.RETURNED] + states[PublicStatus.PROCESSED] > 0.5 * total
    assert 0.05 * total < states[PublicStatus.IN_PROCESS] < 0.4 * total
    assert 0 < sum(states[status] for status in CLOCK_STOPPED) < 0.08 * total
    assert 0 < states[PublicStatus.REGISTERED] < 0.1 * total


# -- letters --------------------------------------------------------------------------


def fated(simulated: SimulatedDay, decided: Decided, *fates: Fate) -> list[Sla]:
    """What sla knows of the dossiers of those fates."""
    return [decided.sla[code].state for code, fate in simulated.fates.items() if fate in fates]


def test_each_letter_and_exemption_that_is_not_to_be_refused_is_issued(
    belated: SimulatedDay, judged: Decided
) -> None:
    asked = [e for e in belated.requests if e.data.OWNER == "sla"]
    wanted = {e.id for e in asked} - belated.to_be_refused
    decided = (sla.ApologyIssued, sla.DelayForeseen, sla.ExemptionGranted)
    assert wanted == {f.cause for f in judged.of(*decided)}
    assert_as_planned(belated, judged)


def test_every_fate_is_met_before_the_plan_ends(belated: SimulatedDay, judged: Decided) -> None:
    met = {belated.fates[code] for code in judged.late}
    assert met == set(Fate) - {Fate.ON_TIME, Fate.EXTENDED}
    assert any(clock.span.ended_at for clock in fated(belated, judged, Fate.EXTENDED))


def test_a_letter_in_time_is_in_time_and_one_too_late_is_after_the_date(
    belated: SimulatedDay, judged: Decided
) -> None:
    for clock in fated(belated, judged, Fate.EXTENDED, Fate.EXTENDED_IN_VAIN):
        assert all(letter.in_time for letter in clock.letters)
        assert not any(alert.kind == "LastCallGiven" for alert in clock.alerts if clock.letters)
        foreseen = {each.at for each in clock.foresights}
        assert {a.at for a in clock.alerts if a.kind == "ApologyOwed"} <= foreseen or clock.late
    belatedly = [c for c in fated(belated, judged, Fate.TOLD_TOO_LATE) if c.letters]
    assert belatedly
    for clock in belatedly:
        (letter,) = clock.letters
        assert not letter.in_time
        assert letter.due is not None
        assert letter.previous < letter.at < letter.due


def test_whoever_leads_a_dossier_says_of_some_that_they_will_be_late_and_a_letter_is_owed(
    belated: SimulatedDay, judged: Decided
) -> None:
    extended = fated(belated, judged, Fate.EXTENDED, Fate.EXTENDED_IN_VAIN)
    foreseen = [clock for clock in extended if clock.foresights]
    assert 0.3 * len(extended) < len(foreseen) < 0.7 * len(extended)
    for clock in foreseen:
        (said,) = clock.foresights
        assert said.at in {a.at for a in clock.alerts if a.kind == "ApologyOwed"}


def test_a_letter_afterwards_makes_good_what_was_missed(
    belated: SimulatedDay, judged: Decided
) -> None:
    written = [c for c in fated(belated, judged, Fate.TOLD_AFTERWARDS) if c.letters]
    assert written
    for clock in written:
        (letter,) = clock.letters
        assert clock.span.ended_at is not None
        assert letter.due is None
        assert letter.at > clock.span.ended_at
        assert clock.late
        assert not clock.letter_missing


def test_a_dossier_with_a_second_date_is_done_between_the_two(
    belated: SimulatedDay, judged: Decided
) -> None:
    done = [
        clock
        for clock in fated(belated, judged, Fate.EXTENDED)
        if clock.status in (PublicStatus.PROCESSED, PublicStatus.RETURNED)
    ]
    assert len(done) > 50
    between = 0
    for clock in done:
        assert clock.letters
        assert not clock.late
        assert clock.assessment is not None
        between += clock.assessment.first_breach_at is not None
    # What follows a pause may be done sooner than it was meant to be.
    assert between > 0.9 * len(done)


def test_a_second_date_that_is_missed_is_what_makes_a_dossier_late(
    belated: SimulatedDay, judged: Decided
) -> None:
    missed = [c for c in fated(belated, judged, Fate.EXTENDED_IN_VAIN) if c.late]
    assert missed
    for clock in missed:
        (overdue,) = (a for a in clock.alerts if a.kind == "DossierOverdue")
        assert overdue.due == clock.letters[0].due


def test_the_exempt_are_late_and_owe_nothing(belated: SimulatedDay, judged: Decided) -> None:
    exempt = [c for c in fated(belated, judged, Fate.EXEMPT) if c.late and c.exemption]
    assert exempt
    for clock in exempt:
        assert not clock.letter_missing
        assert all(alert.retracted for alert in clock.alerts if alert.kind == "ApologyOwed")


def test_the_untold_are_late_without_a_letter(belated: SimulatedDay, judged: Decided) -> None:
    untold = [clock for clock in fated(belated, judged, Fate.UNTOLD) if clock.late]
    assert untold
    for clock in untold:
        assert clock.letter_missing
        assert any(a.kind == "ApologyOwed" and not a.retracted for a in clock.alerts)


def test_who_is_sent_back_twice_is_counted_so(simulated: SimulatedDay, decided: Decided) -> None:
    demands = Counter(fact.subject for fact in decided.of(intake.SupplementDemanded))
    twice = {code for code, number in demands.items() if number == 2}
    assert twice
    assert twice == {fact.subject for fact in decided.of(sla.SupplementRepeated)}


# -- other settings -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gap", [1, 15, 120, 240])
def test_no_other_seed_and_gap_brings_a_refusal_or_a_delay_by_accident(
    seed: int,
    gap: int,
    draw: Callable[..., SimulatedDay],
    catalogue: Catalogue,
    calendars: Calendars,
) -> None:
    simulated = draw(
        carried_over=250,
        dossiers=100,
        seed=seed,
        late_share=0.2,
        min_gap_minutes=min(gap, 15),
        min_gap_minutes_before=gap,
    )
    assert_as_planned(simulated, decide(simulated, catalogue, calendars))


def test_a_city_in_which_everything_goes_wrong_is_as_consistent(
    draw: Callable[..., SimulatedDay],
    catalogue: Catalogue,
    calendars: Calendars,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SUPPLEMENT", "REASSIGNED", "HANDED_OVER", "TO_BE_REFUSED", "PAYMENT_ELSEWHERE"):
        monkeypatch.setattr(f"motcua.simulate.odds.{name}", 0.5)
    for name in ("PAID_TOO_MUCH", "CONSULTED", "SUPPLEMENT_AGAIN", "LETTER_AGAIN"):
        monkeypatch.setattr(f"motcua.simulate.odds.{name}", 0.5)
    simulated = draw(carried_over=400, dossiers=100, late_share=0.3)
    decided = decide(simulated, catalogue, calendars)
    assert_as_planned(simulated, decided)
    for clock in fated(simulated, decided, Fate.EXTENDED, Fate.EXTENDED_IN_VAIN):
        assert all(letter.in_time for letter in clock.letters)
