"""What sla announces: the difference between what follows now and what it has announced so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

import msgspec
from msgspec import UnsetType

from contracts.catalogue import Catalogue, WorkflowRef
from contracts.events import intake, routing, sla
from contracts.events.sla import (
    AlertKind,
    Budget,
    DebtCause,
    MoveCause,
    RetractionCause,
    TimeUnit,
)
from contracts.model import EventData
from contracts.rules import RuleSet
from contracts.wire.envelope import Event
from services.runtime import BEGINNING, Timer
from services.shared.city import city_of
from services.shared.lifecycle import CLOCK_STOPPED, ENDED, phases
from services.shared.rulebook.book import RuleBook, load_rule_book
from services.shared.working_time import Calendars, OutsideCalendar
from services.sla.clock.assess import reassess
from services.sla.clock.retraction import retraction_cause
from services.sla.clock.terms import Terms, rule_of
from services.sla.dossier.state import (
    Alert,
    Assessment,
    Expected,
    Promised,
    Sla,
    Unjudged,
    promised_budget,
    unit_at,
)

UNKNOWN_PROCEDURE_BUDGET = Budget(amount=20, unit=TimeUnit.WORKING_DAYS)
"""What was promised, before promises were on the log, where the catalogue lacks the procedure."""
_DEFAULT_SHARES = (0.8,)


class TimerKind(StrEnum):
    """What sla waits for besides its alerts, whose timers have the alert's kind."""

    RULES = "rules"


@dataclass(frozen=True)
class Rules:
    """The rules in force: calendars and rule book, and the catalogue's warnings and steps."""

    catalogue: Catalogue
    calendars: Calendars
    book: RuleBook = field(default_factory=load_rule_book)
    number: int = 0
    """The number of the set that they come from."""
    since: datetime = BEGINNING
    """From when they are in force; then, open dossiers judged by earlier ones are judged anew."""
    # Not copied when these rules are made as a changed copy of others.
    _budgets: dict[tuple[Promised, str, str | None], Terms] = field(
        init=False, default_factory=dict, compare=False
    )

    def terms(self, state: Sla) -> Terms:
        """Return the promise and the rules for a dossier. Raise ValueError if none is known."""
        promised, code = state.promised, state.procedure
        if promised is None or code is None:
            raise ValueError("nobody knows what was promised")
        if isinstance(promised, UnsetType):
            promised, first = self._standard(code), state.first_budget
            if first is not None:
                promised = msgspec.structs.replace(first, basis=promised.basis)
        if promised.due is not None:
            return self._terms(promised.due, promised.basis, code, state.workflow)
        key = promised, code, state.workflow
        found = self._budgets.get(key)
        if found is None:
            assert promised.budget is not None
            found = self._terms(promised.budget, promised.basis, code, state.workflow)
            self._budgets[key] = found
        return found

    def _terms(
        self, promise: Budget | datetime, basis: str, code: str, workflow: str | None
    ) -> Terms:
        procedure = self.catalogue.procedures.get(code)
        return Terms(
            promise,
            procedure.soon_due_shares if procedure else _DEFAULT_SHARES,
            self._step_shares(workflow),
            self.book,
            self.calendars,
            basis,
        )

    def _standard(self, code: str) -> Promised:
        procedure = self.catalogue.procedures.get(code)
        if procedure is None:
            return promised_budget(UNKNOWN_PROCEDURE_BUDGET)
        return promised_budget(procedure.budget, procedure.source or "")

    def _step_shares(self, workflow: str | None) -> tuple[float, ...]:
        known = self.catalogue.workflows.get(WorkflowRef.parse(workflow)) if workflow else None
        return known.shares if known else ()

    @cached_property
    def rule(self) -> str:
        """The text beside a deadline that says which rules and which calendar made it."""
        return rule_of(self.book, self.calendars)

    def assessed(self, state: Sla) -> Sla:
        """Return the state with the assessment that follows from it."""
        if state.procedure is None or state.receiving_unit is None:
            return state
        found: Assessment | None = None
        unjudged: Unjudged | None = None
        if state.promised is None:
            unjudged = Unjudged.NO_PROMISE
        else:
            try:
                found = reassess(state, self.terms(state))
            except OutsideCalendar:
                unjudged = Unjudged.NO_CALENDAR
        if found is not None and found is state.assessment and state.rule == self.rule:
            return state  # a fact that moves nothing
        return msgspec.structs.replace(
            state, assessment=found, unjudged=unjudged, rule=self.rule, rules=self.number
        )

    def judged(self, state: Sla) -> bool:
        """Return whether other rules may judge the dossier in another way."""
        return (
            state.assessment is not None or state.unjudged is Unjudged.NO_CALENDAR
        ) and state.span.ended is None

    def agrees(self, other: Rules, state: Sla) -> bool:
        """Return whether these rules and the others judge the dossier alike."""
        if self.rule != other.rule:
            return False
        mine, theirs = self.terms(state), other.terms(state)
        return (mine.promise, mine.soon_due_shares, mine.step_shares) == (
            theirs.promise,
            theirs.soon_due_shares,
            theirs.step_shares,
        )

    def announcements(self, state: Sla, fact: Event) -> Sequence[EventData]:
        """Return the facts that correct what was announced to what is known since that fact."""
        return self._announcements(state, _CAUSES.get(type(fact.data)))

    def _announcements(self, state: Sla, cause: MoveCause | None) -> list[EventData]:
        now = state.assessment
        if not _handler_known(state):
            return []  # routing's word on who handles it tells whose office hours count
        if state.unjudged is Unjudged.NO_CALENDAR:
            return []  # nothing is known that would prove wrong what was said before
        # While an import tells its history anew, a part of it proves nothing wrong.
        said: list[EventData] = [] if state.correcting else _retractions(state, now)
        if now is None:
            return said  # withdrawn before reception, or a correction took the promise back
        said = [*self._deadline(state, now, cause), *said]
        said += [_alert(expected, state) for expected in _unsaid(state, now, certain=True)]
        return said

    def _deadline(
        self, state: Sla, now: Assessment, cause: MoveCause | None
    ) -> Sequence[EventData]:
        rule = self.rule
        if not state.deadlines:
            promise = self.terms(state).promise
            budget = promise if isinstance(promise, Budget) else None
            # What moved a date that is promised anew is said with the facts that follow.
            due = now.due if now.due is not None and not state.correcting else now.original_due
            return [sla.DeadlineSet(due=due, budget=budget, rule=rule)]
        last = state.due_told or state.deadlines[-1].due
        if now.due is None or now.due == last or state.span.ended in ENDED:
            return ()
        cause = cause or (MoveCause.TIME_GIVEN_BACK if _waited(state) else MoveCause.OTHER_HOURS)
        return [
            sla.DeadlineMoved(
                due=now.due,
                previous=last,
                original=state.deadlines[0].due,
                reason=_REASONS[cause],
                rule=rule,
                cause=cause,
            )
        ]

    def counts_from(self, state: Sla) -> datetime:
        """Return from when they judge the dossier: when they are in force, but not before it was
        received. The first set that a city enacts counts for earlier times, too."""
        return max(self.since, state.span.received_at or self.since)

    def timer(self, state: Sla, following: Rules | None = None) -> Timer | None:
        """Return the timer of the next alert, or of new rules, if nothing else happens.

        `following`: the rules that follow these and judge in another way, if there are any.
        """
        if not _handler_known(state):
            return None
        alert = self._alert_timer(state)
        if following is None:
            return alert
        since = following.counts_from(state)
        if alert is not None and alert.at < since:
            return alert
        # Sets that were enacted too late have one moment: there the number tells them apart.
        number = following.number if since == self.counts_from(state) else None
        return Timer(since, TimerKind.RULES, (), number, own_time=state.history)

    def _alert_timer(self, state: Sla) -> Timer | None:
        now = state.assessment
        waiting = _unsaid(state, now, certain=False) if now is not None else ()
        if not waiting:
            return None
        # The number tells a second announcement of the same moment from the first. It counts no
        # others: an instance that knows less gives the same one the same id.
        kind, at, about = key = _key(waiting[0])
        number = sum(_key(alert) == key for alert in state.alerts) if state.alerts else 0
        return Timer(at, kind, (about,), number, own_time=state.history)

    def fired(self, state: Sla, timer: Timer) -> Sequence[EventData]:
        """Return the alert that a timer raises."""
        assert state.assessment is not None
        wanted = timer.kind, timer.at, *timer.about
        return [_alert(e, state) for e in state.assessment.expected if _key(e) == wanted]

    def applied(self, state: Sla) -> Sequence[EventData]:
        """Return what follows for an open dossier when these rules come into force."""
        assert state.rule is not None
        anew = self.assessed(state)
        applied = sla.RulesApplied(rule=self.rule, previous=state.rule, number=self.number)
        return [applied, *self._announcements(anew, MoveCause.RULES_CHANGED)]


_read: dict[tuple[int, datetime, str], Rules] = {}
"""The rules of every set that was read."""


@lru_cache(maxsize=256)  # by the set's identity: each partition has read sets of its own
def rules_of(one: RuleSet) -> Rules:
    """Return the rules of a set; it is read once."""
    key = one.number, one.since, one.sha256
    found = _read.get(key)
    if found is None:
        city = city_of(one)
        found = Rules(city.catalogue, city.calendars, city.book, one.number, one.since)
        _read[key] = found
    return found


_REASONS = {
    MoveCause.TIME_GIVEN_BACK: "time spent waiting was given back",
    MoveCause.OTHER_HOURS: "a unit with other office hours handles the dossier",
    MoveCause.EXTENDED: "the unit's head apologised and gave a new date",
    MoveCause.RULES_CHANGED: "a rule or a calendar was changed",
}


_CAUSES: dict[type[EventData], MoveCause] = {
    sla.ApologyIssued: MoveCause.EXTENDED,
    routing.DossierRouted: MoveCause.OTHER_HOURS,
    routing.DossierHandedOver: MoveCause.OTHER_HOURS,
    routing.DossierUnroutable: MoveCause.OTHER_HOURS,
    intake.SupplementDelivered: MoveCause.TIME_GIVEN_BACK,
    intake.PaymentReceived: MoveCause.TIME_GIVEN_BACK,
    routing.DossierResumed: MoveCause.TIME_GIVEN_BACK,
}


def _waited(state: Sla) -> bool:
    return any(phase.status in CLOCK_STOPPED for phase in phases(state.marks))


def _handler_known(state: Sla) -> bool:
    # An older system need not tell who handled a dossier; then the receiving unit's hours count.
    imported = state.history or state.told_until is not None
    return state.unit_since is not None or (imported and state.unit is not None)


_Key = tuple[AlertKind, datetime, str]


def _key(alert: Alert | Expected) -> _Key:
    kind = alert.meant if isinstance(alert, Alert) else alert.kind
    # A warning is identified by its moment: the oldest on the log do not name their share.
    return kind, alert.at, "" if kind is AlertKind.SOON_DUE else alert.about


def _unsaid(state: Sla, now: Assessment, *, certain: bool) -> Sequence[Expected]:
    """Return what is expected, certain or not, and was not announced or is not standing."""
    wanted = [expected for expected in now.expected if expected.certain is certain]
    if not wanted or not state.alerts:
        return wanted  # as it is with nearly all
    standing = {_key(alert) for alert in state.alerts if not alert.retracted}
    return [expected for expected in wanted if _key(expected) not in standing]


def _alert(expected: Expected, state: Sla) -> EventData:
    at, due, about = expected.at, expected.due, expected.about
    unit = unit_at(state, at)
    assert unit is not None
    match expected.kind:
        case AlertKind.SOON_DUE:
            return sla.DossierSoonDue(at=at, due=due, unit=unit, share=float(about))
        case AlertKind.OVERDUE:
            return sla.DossierOverdue(due=due, unit=unit)
        case AlertKind.APOLOGY_OWED:
            return sla.ApologyOwed(at=at, due=due, unit=unit, cause=DebtCause(about))
        case AlertKind.LAST_CALL:
            return sla.LastCallGiven(at=at, due=due, unit=unit)
        case AlertKind.SUPPLEMENT_REPEATED:
            return sla.SupplementRepeated(at=at, number=int(about), unit=unit)
        case AlertKind.STEP_OVERDUE:
            step = next(s.step for s in state.steps if s.ordinal == int(about))
            return sla.StepOverdue(step=step, ordinal=int(about), due=due, unit=unit)
        case AlertKind.CONSULTATION_OVERDUE:
            return sla.ConsultationOverdue(consulted=about, due=due, unit=unit)


def _retractions(state: Sla, now: Assessment | None) -> list[EventData]:
    if not state.alerts:
        return []  # as it is with nearly all
    wanted = {_key(expected) for expected in now.expected} if now else set()
    standing: set[_Key] = set()
    found: list[EventData] = []
    for alert in state.alerts:
        if alert.retracted:
            continue
        own = alert.meant, alert.at, alert.about
        cause = None
        if _key(alert) in wanted:
            if own not in standing:
                standing.add(own)
                continue
            reason = _TWICE
        else:
            cause = retraction_cause(alert, state, now)
            reason = _RETRACTED[cause].format(alert.at.isoformat())
        found.append(
            sla.AlertRetracted(
                alert_id=alert.id,
                alert=alert.kind,
                reason=reason,
                due=now.due if now else None,
                cause=cause,
            )
        )
    return found


_RETRACTED = {
    RetractionCause.EXEMPT: "the dossier is exempt from a letter of apology",
    RetractionCause.KEPT: "the delay foreseen at {} did not come: the date was kept",
    RetractionCause.MOVED: "a fact that came late moved the moment from {}",
    RetractionCause.NOT_REACHED: "a fact that came late shows that {} was not missed",
}
_TWICE = "two instances announced it, each not knowing what the other knew: one of them stands"
