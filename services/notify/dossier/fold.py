"""How facts change what notify knows, in whatever order they arrive."""

from __future__ import annotations

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
    return _evolve(state, fact, fact.data)


def _evolve(state: Notify, fact: Event, data: EventData) -> Notify:
    replace = msgspec.structs.replace
    match data:
        case notify.MessagePlanned():  # first: most of what it folds
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
        case routing.StepStarted():
            state = _led(state, started(fact.time, data.ordinal, fact.id, data.lead, data.unit))
            step = OpenStep(fact.time, data.ordinal, data.step, data.unit)
            return replace(state, step=step) if state.step is None or state.step < step else state
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
            letter = Letter(fact.time, data.reason, data.due, data.unit, data.previous)
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
        case notify.UnitAlerted():
            put = OnDesk(data.morning, data.at or fact.time, data.alert, data.due, data.lead)
            alerted = {**state.alerted, data.alert_id: put}
            return replace(state, alerted=dict(sorted(alerted.items())))
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
    messages = sorted((*state.messages, message), key=lambda m: (m.at, m.message_id))
    return msgspec.structs.replace(state, messages=tuple(messages))


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
    if data.OWNER == "notify":
        return None
    unit = text = channel = ""
    match data:
        case intake.DossierReceived() | intake.DossierRegistered():
            unit = data.receiving_unit
        case (
            intake.DossierNotReceived()
            | intake.SupplementDemanded()
            | intake.PaymentDemanded()
            | intake.DossierWithdrawn()
            | routing.DossierStopped()
            | routing.DossierResumed()
        ):
            text = data.reason
        case intake.SupplementDelivered():
            unit = data.unit
        case routing.ResultReturned():
            unit, channel = data.unit, data.channel
        case intake.PaymentReceived():
            text = str(data.outstanding) if data.outstanding else ""
        case routing.DossierRouted() | routing.DossierProcessed():
            unit = data.handling_unit
        case routing.StepStarted():
            unit, text = data.unit, data.step
        case routing.DossierHandedOver():
            unit, text = data.to_unit, data.reason
        case routing.ConsultationOpened() | routing.ConsultationAnswered():
            unit = data.unit
        case sla.ApologyIssued():
            unit, text = data.unit, data.reason
        case _:
            return None
    return HistoryEntry(fact.time, data.NAME, fact.id[:13], unit, text, channel)
