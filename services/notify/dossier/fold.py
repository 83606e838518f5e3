"""How facts change what notify knows, in whatever order they arrive."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from contracts.catalogue import WorkflowRef
from contracts.events import intake, notify, routing, sla
from contracts.events.notify import Audience, MessageChannel, NotSentReason
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.dossier.corrected import corrected
from services.notify.dossier.state import (
    Choice,
    Demand,
    Gathered,
    HistoryEntry,
    Letter,
    Notice,
    Notify,
    OnDesk,
    OpenStep,
    Papers,
    Planned,
)
from services.notify.wording.template import Template
from services.shared.corrections import is_replaced
from services.shared.lead import Lead, handed_over, reassigned, started, with_lead
from services.shared.lifecycle import handled_by, track

ALERTS = frozenset({Template.SOON_DUE, Template.OVERDUE})
"""The templates that tell a citizen of an alert."""

_PAPERS = 30
"""This many papers are kept by name: a filing may list hundreds, and every state is read whole."""


def evolve(state: Notify, fact: Event) -> Notify:
    """Return the state after a fact. A fact that does not concern notify changes nothing."""
    if is_replaced(state, fact):
        return state
    if fact.data.OWNER not in ("sla", "notify"):
        # What follows from a told history may come after the history's end: it is no history
        # itself.
        state = track(state, fact)
    entry = _entry(fact)
    if entry is not None:
        story = state.story
        ordered = not story or story[-1] < entry
        story = (*story, entry) if ordered else tuple(sorted({*story, entry}))
        state = msgspec.structs.replace(state, story=story)
    return state if type(fact.data) in _TOLD_ALONE else _evolve(state, fact, fact.data)


_TOLD_ALONE: frozenset[type[EventData]] = frozenset(
    {sla.DossierSoonDue, sla.LastCallGiven, sla.StepOverdue, routing.ResultReturned}
)
"""Frequent facts that are told, and of which only the history keeps something."""


def _evolve(state: Notify, fact: Event, data: EventData) -> Notify:
    replace = msgspec.structs.replace
    match data:
        case notify.MessagePlanned():  # first, like the next two: most of what it folds
            if data.template in ALERTS:
                state = _noticed(
                    state,
                    Notice(
                        data.cause_id,
                        data.audience,
                        data.recipient,
                        data.channel,
                        data.message_id,
                    ),
                )
            alone = [g for g in state.gathered if g.message_id != data.message_id]
            if len(alone) < len(state.gathered):
                return replace(state, gathered=tuple(alone))  # told at last, in its own name
            planned = Planned(
                fact.time, data.message_id, data.template, data.channel, data.audience
            )
            return _with(state, planned)
        case routing.StepStarted():
            state = _led(state, started(fact.time, data.ordinal, fact.id, data.lead, data.unit))
            step = OpenStep(fact.time, data.ordinal, data.step, data.unit)
            return replace(state, step=step) if state.step is None or state.step < step else state
        case notify.UnitAlerted():
            put = OnDesk(data.morning, data.at or fact.time, data.alert, data.due, data.lead)
            alerted = {**state.alerted, data.alert_id: put}
            return replace(state, alerted=dict(sorted(alerted.items())))
        case intake.DossierReceived() | intake.DossierRegistered():
            known = replace(
                state,
                citizen=data.citizen,
                locale=data.locale,
                procedure=data.procedure,
                receiving_unit=data.receiving_unit,
                returning_unit=data.returning_unit,
                papers=_papers(data.documents),
            )
            return _chosen(known, fact, data.preferences) if data.preferences else known
        case routing.StepReassigned():
            return _led(state, reassigned(fact.time, data.ordinal, fact.id, data.lead))
        case routing.DossierRouted():
            workflow = str(WorkflowRef(data.workflow, data.workflow_version))
            known = replace(state, plan=data.steps, workflow=workflow)
            return handled_by(known, fact, data.handling_unit)
        case routing.DossierHandedOver():
            state = _led(state, handed_over(fact.time, fact.id, data.lead, data.to_unit))
            return handled_by(state, fact, data.to_unit, by=fact.id)
        case intake.HistoryCorrected():
            return corrected(state, data)
        case intake.SupplementDemanded():
            asked = Demand(fact.time, data.reason, data.documents, until=data.until)
            return replace(state, supplement=_newest(state.supplement, asked))
        case intake.PaymentDemanded():
            asked = Demand(fact.time, data.reason, amount=data.amount, until=data.until)
            return replace(state, payment=_newest(state.payment, asked))
        case routing.DossierProcessed():
            return replace(state, outcome=data.outcome)
        case sla.DeadlineSet():
            # What sla said last counts: after a late fact, its time may be the earlier one.
            budget = data.budget
            return replace(
                state,
                due=data.due,
                original_due=data.due,
                moved_by=None,
                budget=budget.amount if budget else 0,
                counted_in=budget.unit if budget else "",
            )
        case sla.DeadlineMoved():
            return replace(state, due=data.due, original_due=data.original, moved_by=data.cause)
        case sla.DossierOverdue():
            overdue = {**state.overdue, fact.id: data.due}
            return replace(state, overdue=dict(sorted(overdue.items())))
        case sla.AlertRetracted():
            overdue = {key: due for key, due in state.overdue.items() if key != data.alert_id}
            return replace(state, overdue=overdue)
        case sla.ApologyIssued():
            delegated = data.delegation is not None
            letter = Letter(fact.time, data.reason, data.due, data.unit, data.previous, delegated)
            return replace(state, letter=_with_letter(state.letter, letter))
        case sla.ExemptionGranted():
            return replace(state, exempt=True)
        case notify.PreferencesSet():
            return _chosen(state, fact, data)
        case notify.RatingGiven():
            return state if state.rating is not None else replace(state, rating=data.score)
        case notify.MessageGathered():
            gathered = Gathered(
                fact.time,
                data.message_id,
                data.cause_id,
                data.channel,
                data.template,
                data.params,
                data.digest_at,
            )
            waiting = sorted((*state.gathered, gathered), key=lambda g: (g.at, g.message_id))
            planned = Planned(
                fact.time,
                data.message_id,
                data.template,
                data.channel,
                digest_at=data.digest_at,
            )
            return _with(replace(state, gathered=tuple(waiting)), planned)
        case notify.MessageNotSent():
            ended = [g for g in state.gathered if g.message_id == data.message_id]
            if ended:
                if data.reason is NotSentReason.IN_DIGEST:
                    state = _told_in_digest(state, ended[0])
                waiting = [g for g in state.gathered if g.message_id != data.message_id]
                return replace(state, gathered=tuple(waiting))
            template = data.detail or ""
            kept = Planned(fact.time, data.message_id, template, data.channel, not_sent=data.reason)
            return _with(state, kept)
        case notify.UnitAlertCleared():
            if not data.wrong and data.alert_id in state.overdue:
                return state  # resolved, but the breach was told: it may still prove wrong
            alerted = {key: day for key, day in state.alerted.items() if key != data.alert_id}
            return replace(state, alerted=alerted)
        case _:
            return state


def _papers(documents: tuple[str, ...]) -> Papers | None:
    if not documents:
        return None
    return Papers(documents[:_PAPERS], max(0, len(documents) - _PAPERS))


def _with(state: Notify, message: Planned) -> Notify:
    messages = (*state.messages, message)
    if len(messages) > 1 and _place(messages[-2]) > _place(message):
        messages = tuple(sorted(messages, key=_place))
    return msgspec.structs.replace(state, messages=messages)


_place = attrgetter("at", "message_id")


def _noticed(state: Notify, notice: Notice) -> Notify:
    return msgspec.structs.replace(state, notices=tuple(sorted({*state.notices, notice})))


def _told_in_digest(state: Notify, gathered: Gathered) -> Notify:
    if gathered.template not in ALERTS:
        return state
    assert state.citizen is not None  # for whom it was gathered
    return _noticed(
        state, Notice(gathered.cause_id, Audience.CITIZEN, state.citizen, gathered.channel)
    )


def _led(state: Notify, lead: Lead) -> Notify:
    known = state.leads or ((state.lead,) if state.lead is not None else ())
    return msgspec.structs.replace(state, leads=with_lead(known, lead), lead=None)


def _with_letter(known: Letter | None, letter: Letter) -> Letter:
    """Return the newest letter, with the newest date that one gave."""
    if known is None:
        return letter
    older, newer = (known, letter) if known.at <= letter.at else (letter, known)
    return newer if newer.due else msgspec.structs.replace(newer, due=older.due)


def _newest(known: Demand | None, asked: Demand) -> Demand:
    return asked if known is None or known.at <= asked.at else known


def _chosen(state: Notify, fact: Event, data: notify.Preferences) -> Notify:
    if state.choice is not None and state.choice.at > fact.time:
        return state
    # By ``ledger`` nobody is told anything, not even what the law demands.
    channels = tuple(c for c in data.channels or () if c is not MessageChannel.LEDGER)
    choice = Choice(
        fact.time,
        channels,
        data.locale,
        data.opted_out,
        data.quiet_from,
        data.quiet_until,
    )
    return msgspec.structs.replace(state, choice=choice)


def _entry(fact: Event) -> HistoryEntry | None:
    """Return the history's line for a fact; None for facts that the citizen is not shown."""
    data = fact.data
    shown = _SHOWN.get(type(data))
    if shown is None:
        return None
    return HistoryEntry(fact.time, data.NAME, fact.id[:13], *shown(data))


_SHOWN: dict[type[EventData], Callable[[Any], tuple[str, ...]]] = {
    intake.DossierReceived: lambda data: (data.receiving_unit,),
    intake.DossierRegistered: lambda data: (data.receiving_unit,),
    intake.DossierNotReceived: lambda data: ("", data.reason),
    intake.SupplementDemanded: lambda data: ("", data.reason),
    intake.PaymentDemanded: lambda data: ("", data.reason),
    intake.DossierWithdrawn: lambda data: ("", data.reason),
    routing.DossierStopped: lambda data: ("", data.reason),
    routing.DossierResumed: lambda data: ("", data.reason),
    intake.SupplementDelivered: lambda data: (data.unit,),
    routing.ResultReturned: lambda data: (data.unit, "", data.channel),
    intake.PaymentReceived: lambda data: ("", str(data.outstanding) if data.outstanding else ""),
    routing.DossierRouted: lambda data: (data.handling_unit,),
    routing.DossierProcessed: lambda data: (data.handling_unit,),
    routing.StepStarted: lambda data: (data.unit, data.step),
    routing.DossierHandedOver: lambda data: (data.to_unit, data.reason),
    routing.ConsultationOpened: lambda data: (data.unit,),
    routing.ConsultationAnswered: lambda data: (data.unit,),
    sla.ApologyIssued: lambda data: (data.unit, data.reason),
}
"""Unit, text and channel of the lines of history."""
