"""How facts change what routing knows, in whatever order they arrive."""

from __future__ import annotations

import msgspec

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.routing.state import FixedWorkflow, HandOver, Reassignment, Routing, StepRecord
from services.shared.consultations import Answer, Question
from services.shared.lifecycle import track


def evolve(state: Routing, fact: Event) -> Routing:
    """Return the state after a fact. A fact that does not concern routing changes nothing."""
    state = track(state, fact)
    return _evolve(state, fact, fact.data)


def _evolve(state: Routing, fact: Event, data: EventData) -> Routing:
    replace = msgspec.structs.replace
    match data:
        case intake.DossierReceived():
            return replace(state, procedure=data.procedure, place=data.place)
        case routing.DossierRouted():
            plan = FixedWorkflow(data.workflow, data.workflow_version, data.steps, data.rule)
            return replace(state, plan=plan, routed_unit=data.handling_unit)
        case routing.DossierUnroutable():
            return replace(state, unroutable=data.reason)
        case routing.StepStarted():
            started = StepRecord(data.ordinal, data.step, fact.time, data.unit, data.lead)
            return replace(state, steps=_with_step(state.steps, started))
        case routing.StepCompleted():
            return replace(state, steps=_completed(state.steps, fact, data))
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
        case _:
            return state


def _with_step(steps: tuple[StepRecord, ...], started: StepRecord) -> tuple[StepRecord, ...]:
    # A completion that came first has already made the record: the start completes it.
    for index, known in enumerate(steps):
        alone = known.started_at == known.completed_at and known.lead == known.completed_by
        if known.ordinal == started.ordinal and alone:
            merged = msgspec.structs.replace(
                known, started_at=started.started_at, unit=started.unit, lead=started.lead
            )
            return _in_order((*steps[:index], merged, *steps[index + 1 :]))
    return _in_order((*steps, started))


def _completed(
    steps: tuple[StepRecord, ...], fact: Event, data: routing.StepCompleted
) -> tuple[StepRecord, ...]:
    done = {"completed_at": fact.time, "completed_by": data.by}
    for index in reversed(range(len(steps))):
        if steps[index].ordinal == data.ordinal and steps[index].completed_at is None:
            finished = msgspec.structs.replace(steps[index], **done)
            return (*steps[:index], finished, *steps[index + 1 :])
    # An older system may tell of a step's end without its start.
    record = StepRecord(data.ordinal, data.step, fact.time, data.unit, data.by, fact.time, data.by)
    return _in_order((*steps, record))


def _in_order(steps: tuple[StepRecord, ...]) -> tuple[StepRecord, ...]:
    return tuple(sorted(steps, key=lambda s: (s.started_at, s.ordinal)))
