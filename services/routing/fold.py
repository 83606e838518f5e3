"""How facts change what routing knows, in whatever order they arrive."""

from __future__ import annotations

from typing import Any

import msgspec

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.routing.state import FixedWorkflow, HandOver, Reassignment, Routing
from services.routing.steps import StepTold, with_step, without_steps
from services.shared.consultations import Answer, Question
from services.shared.corrections import is_replaced, kept, taken_back, told_key
from services.shared.lifecycle import Move, track


def evolve(state: Routing, fact: Event) -> Routing:
    """Return the state after a fact. A fact that does not concern routing changes nothing."""
    if is_replaced(state, fact):
        return state
    state = track(state, fact)
    if not state.code:
        state = msgspec.structs.replace(state, code=fact.subject)
    return _evolve(state, fact, fact.data)


def _evolve(state: Routing, fact: Event, data: EventData) -> Routing:
    replace = msgspec.structs.replace
    match data:
        case intake.DossierReceived():
            return replace(
                state,
                procedure=data.procedure,
                place=data.place,
                receiving_unit=data.receiving_unit,
            )
        case intake.DossierRegistered():
            return replace(state, receiving_unit=data.receiving_unit)
        case routing.DossierRouted():
            plan = FixedWorkflow(
                data.workflow, data.workflow_version, data.steps, data.rule, told_key(fact)
            )
            return replace(state, plan=plan, routed_unit=data.handling_unit)
        case routing.DossierUnroutable():
            return replace(state, unroutable=data.reason)
        case routing.StepStarted():
            key = told_key(fact)
            begun = StepTold(fact.time, True, data.ordinal, data.step, data.unit, data.lead, key)
            return replace(state, steps=with_step(state.steps, begun))
        case routing.StepCompleted():
            key = told_key(fact)
            done = StepTold(fact.time, False, data.ordinal, data.step, data.unit, data.by, key)
            return replace(state, steps=with_step(state.steps, done))
        case routing.StepReassigned():
            change = Reassignment(fact.time, fact.id, data.lead, data.ordinal)
            ordered = sorted((*state.reassignments, change), key=lambda c: (c.at, c.id))
            return replace(state, reassignments=tuple(ordered))
        case routing.DossierHandedOver():
            over = HandOver(fact.time, fact.id, data.to_unit, data.reason, data.lead)
            overs = sorted((*state.hand_overs, over), key=lambda o: (o.at, o.id))
            return replace(state, hand_overs=tuple(overs))
        case routing.ConsultationOpened():
            asked = Question(fact.time, fact.id, data.unit, data.question, data.by)
            questions = sorted((*state.questions, asked), key=lambda q: (q.at, q.id))
            return replace(state, questions=tuple(questions))
        case routing.ConsultationAnswered():
            answered = Answer(fact.time, fact.id, data.unit, data.answer, data.by)
            answers = sorted((*state.answers, answered), key=lambda a: (a.at, a.id))
            return replace(state, answers=tuple(answers))
        case routing.DossierProcessed():
            return replace(state, outcome=data.outcome)
        case routing.ResultReturned():
            return replace(state, returned_at=fact.time, returned_by_unit=data.unit)
        case intake.HistoryCorrected():
            return _corrected(state, data)
        case _:
            return state


def _corrected(state: Routing, data: intake.HistoryCorrected) -> Routing:
    state, keys, moves = taken_back(state, data)
    changes: dict[str, Any] = {
        "steps": without_steps(state.steps, keys),
        "hand_overs": kept(state.hand_overs, keys),
        "reassignments": kept(state.reassignments, keys),
        "questions": kept(state.questions, keys),
        "answers": kept(state.answers, keys),
    }
    if state.plan is not None and state.plan.told in keys:
        changes |= {"plan": None, "routed_unit": None}
    if Move.RECEIVED in moves:
        changes |= {"procedure": None, "place": None}
    if Move.PROCESSED in moves:
        changes["outcome"] = None
    if Move.RETURNED in moves:
        changes |= {"returned_at": None, "returned_by_unit": None}
    return msgspec.structs.replace(state, **changes)
