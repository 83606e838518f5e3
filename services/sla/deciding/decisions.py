"""What sla decides when it is asked: letters of apology and exemptions from them."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.catalogue import FormKind
from contracts.catalogue.load import VIETNAM
from contracts.events import refusals, sla
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData
from contracts.values import rfc3339
from contracts.wire.envelope import Event, caused
from services.shared.lifecycle import PublicStatus
from services.shared.refused import Decision, Refused, decide_by, must_be
from services.shared.working_time import LAST_YEAR
from services.sla.deciding.rules import Rules
from services.sla.dossier.as_of import as_of
from services.sla.dossier.fold import evolve
from services.sla.dossier.state import Sla, unit_at

Facts = Sequence[EventData]

_RUNNING = frozenset({PublicStatus.RECEIVED, PublicStatus.IN_PROCESS})
_PROMISED = frozenset(PublicStatus) - {PublicStatus.REGISTERED, PublicStatus.NOT_RECEIVED}


def decide(rules: Rules, state: Sla, request: Event) -> Facts:
    """Return the fact that a request comes to and what follows from it, or its one refusal."""
    facts = decide_by(_DECISIONS, rules, state, request)
    (fact,) = caused(request, "/motcua/sla", facts)
    if isinstance(fact.data, Refusal):
        return facts
    # A service does not react to what it decided itself: what follows is announced at once.
    known = rules.assessed(evolve(state, fact))
    return [*facts, *rules.announcements(known, fact)]


_NO_DATE = "it has no date: nobody knows what was promised, or no calendar knows its years"


def _apologise(rules: Rules, state: Sla, request: Event, data: sla.ApologyRequested) -> Facts:
    unit = _signed_by_head(rules, state, request, data.by)
    must_be(state, request.time, _RUNNING, to="get a new date: its clock does not run")
    if len(state.letters) >= max(1, rules.book.apology.max_extensions):
        raise Refused(
            RefusalReason.ALREADY_EXTENDED,
            f"a letter was issued at {rfc3339(state.letters[-1].at)}; the date moves no more",
        )
    # As of when it was signed: it may be entered late, while the clock is stopped.
    now = rules.assessed(as_of(state, request.time)).assessment
    if now is None or now.due is None or now.letter_by is None:
        raise Refused(RefusalReason.WRONG_STATE, _NO_DATE)
    after = max(now.due, request.time)
    if data.due <= after:
        raise Refused(RefusalReason.WRONG_DATE, f"the new date must be after {rfc3339(after)}")
    if data.due.astimezone(VIETNAM).year > LAST_YEAR:
        raise Refused(RefusalReason.WRONG_DATE, f"the calendars end with the year {LAST_YEAR}")
    if rules.calendars.for_unit(unit).measure(after, data.due) == 0:
        raise Refused(
            RefusalReason.WRONG_DATE,
            f"no office hours lie between {rfc3339(after)} and the new date",
        )
    found = rules.catalogue.form(FormKind.APOLOGY, request.time)
    assert found is not None
    circular, form = found
    return [
        sla.ApologyIssued(
            reason=data.reason,
            due=data.due,
            previous=now.due,
            letter_by=now.letter_by,
            in_time=request.time <= now.letter_by,
            unit=unit,
            by=data.by,
            form=f"{form.number}/{circular.id}",
        )
    ]


def _exempt(rules: Rules, state: Sla, request: Event, data: sla.ExemptionRequested) -> Facts:
    unit = _signed_by_head(rules, state, request, data.by)
    must_be(state, request.time, _PROMISED, to="be exempt: nothing was promised")
    if state.exemption is not None:
        raise Refused(
            RefusalReason.ALREADY_EXEMPT, f"exempt already, on the ground {state.exemption.ground}"
        )
    return [sla.ExemptionGranted(ground=data.ground, reason=data.reason, unit=unit, by=data.by)]


def _signed_by_head(rules: Rules, state: Sla, request: Event, officer: str) -> str:
    """Return the unit handling it at the request's time. Raise Refused if another heads it."""
    if state.procedure is None:
        raise Refused(RefusalReason.UNKNOWN_DOSSIER, f"there is no dossier {request.subject}")
    code = unit_at(state, request.time)
    unit = rules.catalogue.units.get(code) if code else None
    if unit is None:
        raise Refused(RefusalReason.UNKNOWN_UNIT, f"the unit {code} is not in the catalogue")
    if unit.head != officer:
        raise Refused(
            RefusalReason.NOT_THE_HEAD, f"only the head of unit {unit.code} signs: {unit.head}"
        )
    return unit.code


_DECISIONS: dict[type[EventData], tuple[Decision[Rules, Sla], type[Refusal]]] = {
    sla.ApologyRequested: (_apologise, refusals.ApologyRefused),
    sla.ExemptionRequested: (_exempt, refusals.ExemptionRefused),
}

REQUESTS = tuple(_DECISIONS)
"""The requests that sla decides."""
