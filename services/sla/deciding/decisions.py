"""What sla decides when it is asked: letters of apology, delays foreseen, and exemptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts.catalogue import FormKind, Unit
from contracts.catalogue.load import VIETNAM
from contracts.events import refusals, sla
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData
from contracts.values import rfc3339
from contracts.wire.envelope import Event, caused
from services.runtime import NO_GRANTS, Grant, Grants
from services.shared.authority import judging as authority
from services.shared.authority.judging import Bonds, who
from services.shared.entry_limit import EntryLimit
from services.shared.lead import lead_at
from services.shared.lifecycle import ENDED, PublicStatus
from services.shared.refused import Decision, Refused, decide_by, must_be
from services.shared.room import check_room
from services.shared.working_time import LAST_YEAR
from services.sla.deciding.rules import Rules
from services.sla.dossier.as_of import as_of
from services.sla.dossier.fold import evolve
from services.sla.dossier.state import Assessment, Sla, unit_at

Facts = Sequence[EventData]

_RUNNING = frozenset({PublicStatus.RECEIVED, PublicStatus.IN_PROCESS})
_PROMISED = frozenset(PublicStatus) - {PublicStatus.REGISTERED, PublicStatus.NOT_RECEIVED}
_OPEN = _PROMISED - ENDED


def decide(
    rules: Rules,
    judging: Rules,
    state: Sla,
    request: Event,
    *,
    signed_in: bool = False,
    grants: Grants = NO_GRANTS,
) -> Facts:
    """Return the fact that a request comes to and what follows from it, or its one refusal.

    `rules`: those in force at the request's time; `judging`: those that the dossier is judged by;
    `signed_in`: whether the city has a sign-in; `grants`: who may act for whom.
    """

    def check() -> None:
        check_room(state, request)
        limit = EntryLimit(rules.book.late_entry, rules.calendars)
        limit.check(state, request, unit_at(state, request.time) or "")

    grant: Grant | None = None

    def permit(refused: Refused | None) -> None:
        nonlocal grant
        grant = authority.check(
            request,
            lambda: _bonds(rules, state, request),
            refused,
            signed_in=signed_in,
            grants=grants,
        )

    facts = decide_by(_DECISIONS, rules, state, request, check, permit)
    facts = authority.under(grant, facts)
    (fact,) = caused(request, "/motcua/sla", facts)
    if isinstance(fact.data, Refusal):
        return facts
    # A service does not react to what it decided itself: what follows is announced at once.
    known = judging.assessed(evolve(state, fact))
    return [*facts, *judging.announcements(known, fact)]


def _bonds(rules: Rules, state: Sla, request: Event) -> Bonds:
    handling = unit_at(state, request.time)
    unit = rules.catalogue.units.get(handling) if handling is not None else None
    return Bonds(
        receiving=state.receiving_unit,
        handling=handling,
        lead=lead_at(state.leads, request.time),
        head=unit.head if unit is not None else None,
        procedure=state.procedure or "",
    )


_NO_DATE = "it has no date: nobody knows what was promised, or no calendar knows its years"
_WITHOUT = "a letter without one is possible"


def _apologise(rules: Rules, state: Sla, request: Event, data: sla.ApologyRequested) -> Facts:
    unit = _unit_then(rules, state, request).code
    if data.due is not None:
        must_be(state, request.time, _RUNNING, to=f"get a new date: its clock stands ({_WITHOUT})")
        dated = [each.at for each in state.letters if each.due is not None]
        if len(dated) >= max(1, rules.book.apology.max_extensions):
            raise Refused(
                RefusalReason.ALREADY_EXTENDED,
                f"a letter of {rfc3339(dated[-1])} gave a new date; it moves no more ({_WITHOUT})",
            )
    else:
        must_be(state, request.time, _PROMISED, to="get a letter: nothing was promised")
    # As of when it was signed: it may be entered late, while the clock is stopped.
    then = as_of(state, request.time)
    now = rules.assessed(then).assessment
    if now is None or (now.due is None and data.due is not None):
        raise Refused(RefusalReason.WRONG_STATE, _NO_DATE)
    if data.due is not None:
        _must_be_allowed(rules, unit, data.due, after=max(now.due or request.time, request.time))
    elif not _is_owed(now, request.time):
        raise Refused(
            RefusalReason.NOT_OWED,
            "it was not late then, and nobody had said that it would be: no letter is owed; "
            "give a new date while its clock runs, or say first that it will be late",
        )
    told = then.deadlines[-1].due if then.deadlines else now.original_due
    found = rules.catalogue.form(FormKind.APOLOGY, request.time)
    assert found is not None
    circular, form = found
    return [
        sla.ApologyIssued(
            reason=data.reason,
            due=data.due,
            previous=now.due or now.breach_at or told,
            letter_by=now.letter_by,
            in_time=now.letter_by is None or request.time <= now.letter_by,
            unit=unit,
            by=who(request),
            form=f"{form.number}/{circular.id}",
        )
    ]


def _must_be_allowed(rules: Rules, unit: str, due: datetime, *, after: datetime) -> None:
    if due <= after:
        raise Refused(RefusalReason.WRONG_DATE, f"the new date must be after {rfc3339(after)}")
    if due.astimezone(VIETNAM).year > LAST_YEAR:
        raise Refused(RefusalReason.WRONG_DATE, f"the calendars end with the year {LAST_YEAR}")
    if rules.calendars.for_unit(unit).measure(after, due) == 0:
        raise Refused(
            RefusalReason.WRONG_DATE,
            f"no office hours lie between {rfc3339(after)} and the new date",
        )


def _is_owed(now: Assessment, at: datetime) -> bool:
    """Return whether the dossier was late then, or known to be: with a letter already, or exempt,
    too."""
    moments = (now.first_breach_at, now.breach_at, now.owed_at)
    return any(each is not None and each <= at for each in moments)


def _foresee(rules: Rules, state: Sla, request: Event, data: sla.DelayForeseenRequested) -> Facts:
    unit = _unit_then(rules, state, request)
    must_be(state, request.time, _OPEN, to="be foreseen to be late")
    then = as_of(state, request.time)
    now = rules.assessed(then).assessment
    if now is None:
        raise Refused(RefusalReason.WRONG_STATE, _NO_DATE)
    if then.foresights or _is_owed(now, request.time):
        raise Refused(
            RefusalReason.ALREADY_OWED, "it is late, or known to be: a letter is owed already"
        )
    return [sla.DelayForeseen(reason=data.reason, unit=unit.code, by=who(request))]


def _exempt(rules: Rules, state: Sla, request: Event, data: sla.ExemptionRequested) -> Facts:
    unit = _unit_then(rules, state, request).code
    must_be(state, request.time, _PROMISED, to="be exempt: nothing was promised")
    if state.exemption is not None:
        raise Refused(
            RefusalReason.ALREADY_EXEMPT, f"exempt already, on the ground {state.exemption.ground}"
        )
    return [
        sla.ExemptionGranted(ground=data.ground, reason=data.reason, unit=unit, by=who(request))
    ]


def _unit_then(rules: Rules, state: Sla, request: Event) -> Unit:
    if state.procedure is None:
        raise Refused(RefusalReason.UNKNOWN_DOSSIER, f"there is no dossier {request.subject}")
    code = unit_at(state, request.time)
    unit = rules.catalogue.units.get(code) if code else None
    if unit is None:
        raise Refused(RefusalReason.UNKNOWN_UNIT, f"the unit {code} is not in the catalogue")
    return unit


_DECISIONS: dict[type[EventData], tuple[Decision[Rules, Sla], type[Refusal]]] = {
    sla.ApologyRequested: (_apologise, refusals.ApologyRefused),
    sla.DelayForeseenRequested: (_foresee, refusals.DelayForeseenRefused),
    sla.ExemptionRequested: (_exempt, refusals.ExemptionRefused),
}

REQUESTS = tuple(_DECISIONS)
"""The requests that sla decides."""
