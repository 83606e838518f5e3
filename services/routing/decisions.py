"""What routing decides: pure functions from a dossier's state and a request to facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from contracts.catalogue import Catalogue, Unit
from contracts.events import intake, refusals, routing
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData, Kind, registered
from contracts.values import EARLIEST, rfc3339
from contracts.wire.envelope import Event
from services.routing.competence import competent_unit, lead_for
from services.routing.state import FixedWorkflow, Routing, StepRecord
from services.runtime import NO_GRANTS, Grant, Grants
from services.shared.authority import judging as authority
from services.shared.authority.judging import Bonds, who
from services.shared.consultations import Answer, is_asked_for, unanswered_since
from services.shared.entry_limit import EntryLimit
from services.shared.lifecycle import PublicStatus
from services.shared.refused import Decision, Refused, decide_by, must_be
from services.shared.room import check_room

Facts = Sequence[EventData]


def decide(
    catalogue: Catalogue,
    limit: EntryLimit,
    state: Routing,
    request: Event,
    *,
    signed_in: bool = False,
    grants: Grants = NO_GRANTS,
) -> Facts:
    """Return the facts that a request comes to, or its one refusal.

    `signed_in`: whether the city has a sign-in; `grants`: who may act for whom.
    """

    def check() -> None:
        check_room(state, request)
        limit.check(state, request, state.unit_in_charge or "")

    grant: Grant | None = None

    def permit(refused: Refused | None) -> None:
        nonlocal grant
        grant = authority.check(
            request,
            lambda: _bonds(catalogue, state, request.data),
            refused,
            signed_in=signed_in,
            grants=grants,
        )

    facts = decide_by(_DECISIONS, catalogue, state, request, check, permit)
    return authority.under(grant, facts)


def _bonds(catalogue: Catalogue, state: Routing, data: EventData) -> Bonds:
    handling = state.unit_in_charge
    unit = catalogue.units.get(handling) if handling is not None else None
    return Bonds(
        receiving=state.receiving_unit,
        handling=handling,
        named=data.unit if isinstance(data, routing.ResultReturnRequested) else None,
        consulted=data.unit if isinstance(data, routing.ConsultationAnswerRequested) else None,
        lead=state.lead,
        head=unit.head if unit is not None else None,
        procedure=state.procedure or "",
    )


def react(catalogue: Catalogue, state: Routing, fact: Event, data: intake.DossierReceived) -> Facts:
    """Route a dossier once it is received. An imported one tells its own routing."""
    if fact.history or state.plan is not None:
        return ()
    return _route(catalogue, fact, data)


def _route(catalogue: Catalogue, fact: Event, data: intake.DossierReceived) -> Facts:
    found = competent_unit(catalogue, data.procedure, data.place, fact.time)
    if isinstance(found, str):
        return [routing.DossierUnroutable(reason=found)]
    return _begin(catalogue, fact.subject, data.procedure, found.unit.code, found.rule)


def _begin(
    catalogue: Catalogue, dossier: str, procedure: str, unit_code: str, rule: str
) -> tuple[routing.DossierRouted, routing.StepStarted]:
    workflow = catalogue.workflow(catalogue.procedures[procedure].workflow)
    unit = catalogue.units[unit_code]
    steps = tuple(step.name for step in workflow.steps)
    return (
        routing.DossierRouted(
            procedure=procedure,
            handling_unit=unit.code,
            workflow=workflow.id,
            workflow_version=workflow.version,
            steps=steps,
            rule=rule,
        ),
        routing.StepStarted(
            step=steps[0], ordinal=0, unit=unit.code, lead=lead_for(unit, dossier, steps[0])
        ),
    )


def _complete_step(
    catalogue: Catalogue, state: Routing, request: Event, data: routing.StepCompletionRequested
) -> Facts:
    _is(state, request, _WORKING, to="go on")
    step = _open_step(state, request)
    if step.step != data.step:
        raise Refused(RefusalReason.WRONG_STEP, f"the open step is {step.step}, not {data.step}")
    unit, plan = _routed(state)
    done = routing.StepCompleted(step=step.step, ordinal=step.ordinal, unit=unit, by=who(request))
    following = step.ordinal + 1
    if following >= len(plan.steps):
        return [
            done,
            routing.DossierProcessed(outcome=data.outcome, handling_unit=unit, by=who(request)),
        ]
    name = plan.steps[following]
    lead = lead_for(_known_unit(catalogue, unit), request.subject, name)
    return [done, routing.StepStarted(step=name, ordinal=following, unit=unit, lead=lead)]


def _reassign(
    catalogue: Catalogue,
    state: Routing,
    request: Event,
    data: routing.StepReassignmentRequested,
) -> Facts:
    _is(state, request, _WORKING, to="get another lead")
    step = _open_step(state, request)
    unit, _ = _routed(state)
    if data.lead not in _known_unit(catalogue, unit).officers:
        raise Refused(
            RefusalReason.NOT_COMPETENT, f"officer {data.lead} does not work at unit {unit}"
        )
    return [
        routing.StepReassigned(
            step=step.step, ordinal=step.ordinal, lead=data.lead, by=who(request)
        )
    ]


def _hand_over(
    catalogue: Catalogue, state: Routing, request: Event, data: routing.HandOverRequested
) -> Facts:
    _is(state, request, _WORKING, to="be handed over")
    target = _unit_at(catalogue, data.to_unit, request.time)
    if target.code == state.handling_unit:
        raise Refused(RefusalReason.WRONG_STATE, f"unit {target.code} handles it already")
    if state.plan is not None:
        step = _open_step(state, request).step if state.open_step is not None else "routing"
        return [_over(state, request, data, target, step)]
    # No unit was found competent: the hand-over by hand routes it.
    assert state.procedure is not None
    if state.procedure not in catalogue.procedures:
        raise Refused(RefusalReason.UNKNOWN_PROCEDURE, f"there is no procedure {state.procedure}")
    begin = _begin(catalogue, request.subject, state.procedure, target.code, "by hand")
    return [_over(state, request, data, target, begin[0].steps[0]), *begin]


def _over(
    state: Routing, request: Event, data: routing.HandOverRequested, target: Unit, step: str
) -> EventData:
    return routing.DossierHandedOver(
        from_unit=state.handling_unit,
        to_unit=target.code,
        reason=data.reason,
        lead=lead_for(target, request.subject, step),
        by=who(request),
    )


def _consult(
    catalogue: Catalogue,
    state: Routing,
    request: Event,
    data: routing.ConsultationOpeningRequested,
) -> Facts:
    _is(state, request, _OPEN, to="be put to another authority")
    target = _unit_at(catalogue, data.unit, request.time)
    unit, _ = _routed(state)
    if target.code == unit:
        raise Refused(RefusalReason.WRONG_STATE, f"unit {unit} handles it and cannot ask itself")
    asked = unanswered_since(state.questions, state.answers, target.code, request.time)
    if asked is not None:
        raise Refused(
            RefusalReason.WRONG_STATE,
            f"unit {target.code} was asked at {rfc3339(asked)} and has not answered yet",
        )
    return [
        routing.ConsultationOpened(
            unit=target.code, question=data.question, budget=data.budget, by=who(request)
        )
    ]


def _answer(
    _: Catalogue, state: Routing, request: Event, data: routing.ConsultationAnswerRequested
) -> Facts:
    # An authority may answer while the dossier is stopped: that may be the reason for the stop.
    _is(state, request, _OPEN | _STOPPED, to="be answered")
    answer = Answer(request.time, request.id, data.unit, data.answer, who(request))
    if not is_asked_for(state.questions, state.answers, answer):
        # An answer entered late may not take the question from an answer that is known.
        raise Refused(
            RefusalReason.NOTHING_OUTSTANDING,
            f"no question to unit {data.unit} waits for an answer of {rfc3339(request.time)}",
        )
    return [routing.ConsultationAnswered(unit=data.unit, answer=data.answer, by=who(request))]


def _stop(_: Catalogue, state: Routing, request: Event, data: routing.StopRequested) -> Facts:
    _is(state, request, _OPEN, to="be stopped")
    return [routing.DossierStopped(reason=data.reason, by=who(request))]


def _resume(
    _: Catalogue, state: Routing, request: Event, data: routing.ResumptionRequested
) -> Facts:
    _is(state, request, _STOPPED, to="be resumed")
    return [routing.DossierResumed(reason=data.reason, by=who(request))]


def _return_result(
    catalogue: Catalogue, state: Routing, request: Event, data: routing.ResultReturnRequested
) -> Facts:
    _is(state, request, _PROCESSED, to="have its result returned")
    _known_unit(catalogue, data.unit)
    if state.returned_at is not None:
        # Entered late, for a time before the known return: it can happen only once.
        raise Refused(RefusalReason.WRONG_STATE, "the result was returned already")
    return [routing.ResultReturned(unit=data.unit, channel=data.channel, by=who(request))]


def _approve_late_entry(
    catalogue: Catalogue, state: Routing, request: Event, data: routing.LateEntryRequested
) -> Facts:
    code = state.unit_in_charge
    if code is None:
        raise Refused(RefusalReason.UNKNOWN_DOSSIER, f"there is no dossier {request.subject}")
    _known_unit(catalogue, code)
    if data.request not in late_entry_names():
        raise Refused(
            RefusalReason.UNKNOWN_REQUEST, f"there is no request {data.request} to date back"
        )
    if not EARLIEST <= data.at <= request.time:
        raise Refused(
            RefusalReason.WRONG_DATE,
            f"a request cannot be dated to {rfc3339(data.at)}: it is {rfc3339(request.time)}",
        )
    return [
        routing.LateEntryApproved(
            request=data.request, at=data.at, reason=data.reason, unit=code, by=who(request)
        )
    ]


@lru_cache(maxsize=1)
def late_entry_names() -> frozenset[str]:
    """Return the names of the requests that may be dated back with an approval: all but the request
    for one."""
    names = {cls.NAME for cls in registered().values() if cls.KIND is Kind.REQUEST}
    return frozenset(names - {routing.LateEntryRequested.NAME})


_DECISIONS: dict[type[EventData], tuple[Decision[Catalogue, Routing], type[Refusal]]] = {
    routing.StepCompletionRequested: (_complete_step, refusals.StepCompletionRefused),
    routing.StepReassignmentRequested: (_reassign, refusals.StepReassignmentRefused),
    routing.HandOverRequested: (_hand_over, refusals.HandOverRefused),
    routing.ConsultationOpeningRequested: (_consult, refusals.ConsultationOpeningRefused),
    routing.ConsultationAnswerRequested: (_answer, refusals.ConsultationAnswerRefused),
    routing.StopRequested: (_stop, refusals.StopRefused),
    routing.ResumptionRequested: (_resume, refusals.ResumptionRefused),
    routing.ResultReturnRequested: (_return_result, refusals.ResultReturnRefused),
    routing.LateEntryRequested: (_approve_late_entry, refusals.LateEntryRefused),
}

REQUESTS = tuple(_DECISIONS)
"""The requests that routing decides."""


# -- what a dossier must be ---------------------------------------------------------

_WORKING = frozenset({PublicStatus.RECEIVED, PublicStatus.IN_PROCESS})
_OPEN = _WORKING | {PublicStatus.SUPPLEMENT_REQUESTED, PublicStatus.PAYMENT_REQUESTED}
_STOPPED = frozenset({PublicStatus.STOPPED})
_PROCESSED = frozenset({PublicStatus.PROCESSED})


def _is(state: Routing, request: Event, allowed: frozenset[PublicStatus], *, to: str) -> None:
    if state.procedure is None:
        raise Refused(RefusalReason.UNKNOWN_DOSSIER, f"there is no dossier {request.subject}")
    must_be(state, request.time, allowed, to=to)


def _open_step(state: Routing, request: Event) -> StepRecord:
    step = state.open_step
    if step is None:
        raise Refused(RefusalReason.WRONG_STEP, "no step is open")
    if request.time < step.started_at:
        # Entered late, for a time at which another step was open: it would end the wrong step.
        raise Refused(
            RefusalReason.WRONG_STEP,
            f"step {step.step} was started at {rfc3339(step.started_at)}, after the time given",
        )
    return step


def _routed(state: Routing) -> tuple[str, FixedWorkflow]:
    if state.handling_unit is None or state.plan is None:
        # An older system may tell of a step without a competent authority.
        raise Refused(RefusalReason.WRONG_STATE, "nobody handles the dossier: hand it over first")
    return state.handling_unit, state.plan


def _known_unit(catalogue: Catalogue, code: str) -> Unit:
    unit = catalogue.units.get(code)
    if unit is None:
        raise Refused(RefusalReason.UNKNOWN_UNIT, f"there is no unit {code}")
    return unit


def _unit_at(catalogue: Catalogue, code: str, at: datetime) -> Unit:
    unit = _known_unit(catalogue, code)
    if not unit.exists_at(at):
        heir = catalogue.heir(code, at).code
        follows = f"; its successor is {heir}" if heir != code else ""
        raise Refused(
            RefusalReason.UNKNOWN_UNIT, f"unit {code} was not there at {rfc3339(at)}{follows}"
        )
    return unit
