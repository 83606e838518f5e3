"""Which message a fact calls for: one for every public change of status and every alert.

A message is planned from the fact and the little that is known of the dossier. Its id follows from
dossier, cause, recipient and channel, so that planning it again is planning it once.

What takes a notice back goes to the notice's recipient by the notice's channel, whatever the
citizen has chosen since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from contracts.events import intake, notify, routing, sla
from contracts.events.notify import Audience, MessageChannel, NotSentReason
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.envelope import Event, derive_id
from services.notify.dossier.params import params_of
from services.notify.dossier.policy import LEGAL, ROUTINE, Policy
from services.notify.dossier.state import Notify
from services.notify.quiet_hours import QuietHours, clock_text, clock_time
from services.notify.wording.template import Template
from services.shared.lifecycle import ENDED, PublicStatus, status_at

_STATUS_OF: dict[type[EventData], PublicStatus] = {
    intake.DossierRegistered: PublicStatus.REGISTERED,
    intake.DossierNotReceived: PublicStatus.NOT_RECEIVED,
    intake.DossierWithdrawn: PublicStatus.WITHDRAWN,
    routing.StepStarted: PublicStatus.IN_PROCESS,
    routing.DossierStopped: PublicStatus.STOPPED,
    routing.DossierProcessed: PublicStatus.PROCESSED,
    routing.ResultReturned: PublicStatus.RETURNED,
}
"""Facts that are told only if the dossier's state allowed them."""

_OF_WORK: frozenset[type[EventData]] = frozenset(
    {
        intake.SupplementDemanded,
        intake.SupplementDelivered,
        intake.PaymentDemanded,
        intake.PaymentReceived,
        routing.DossierResumed,
    }
)
"""Facts that are told only if the dossier was under way: once it has ended, nothing is asked and it
does not go on. A demand is told even if the dossier is stopped or waits for something else: the
order in which two demands, or a demand and a stop, arrive makes no difference."""
_UNDER_WAY = frozenset(PublicStatus) - ENDED - {PublicStatus.REGISTERED}


def plan(policy: Policy, state: Notify, fact: Event) -> Sequence[EventData]:
    """Return the messages to the citizen that a fact calls for; the state knows the fact."""
    template = _template(policy, state, fact)
    if template is None or state.citizen is None:
        return ()
    params = params_of(state, fact)
    if isinstance(fact.data, sla.AlertRetracted):
        return list(_taken_back(policy, state, template, params, fact, fact.data))
    return list(
        messages(
            policy,
            state,
            template,
            params,
            cause=fact.id,
            dossier=fact.subject,
            at=fact.time,
            urgent=_urgent(policy, fact),
            history=state.history or fact.history,
        )
    )


def messages(
    policy: Policy,
    state: Notify,
    template: Template,
    params: dict[str, str],
    *,
    cause: str,
    dossier: str,
    at: datetime,
    urgent: bool = False,
    history: bool = False,
) -> Iterator[EventData]:
    """Yield one message to the citizen for each of their channels, or why there is none."""
    assert state.citizen is not None
    choice = state.choice
    for channel in channels(policy, state):
        message_id = derive_id("message", dossier, cause, state.citizen, channel)
        not_sent: NotSentReason | None = None
        if history:
            not_sent = NotSentReason.HISTORICAL
        elif choice is not None and choice.opted_out and template not in LEGAL:
            not_sent = NotSentReason.OPTED_OUT
        if not_sent is not None:
            yield notify.MessageNotSent(
                message_id=message_id, channel=channel, reason=not_sent, detail=template
            )
            continue
        if template in ROUTINE and not urgent and _often(policy, state, channel, at):
            waiting = [g.digest_at for g in state.gathered if g.channel == channel]
            after = min(waiting, default=at)
            if after <= at:
                after = quiet_hours(policy, state).over(at + policy.digest_after)
            yield notify.MessageGathered(
                message_id=message_id,
                cause_id=cause,
                citizen=state.citizen,
                channel=channel,
                template=template,
                locale=locale(state),
                params=params,
                digest_at=after,
            )
            continue
        yield planned(
            policy,
            state,
            template,
            params,
            message_id=message_id,
            cause=cause,
            citizen=state.citizen,
            channel=channel,
            at=at,
            urgent=urgent,
        )


def planned(
    policy: Policy,
    state: Notify,
    template: str,
    params: dict[str, str],
    *,
    message_id: str,
    cause: str,
    citizen: str,
    channel: MessageChannel,
    at: datetime,
    urgent: bool = False,
    tells: Sequence[str] = (),
    takes_back: str | None = None,
) -> notify.MessagePlanned:
    """Return a message to the citizen; unless it is urgent, it is sent only outside quiet hours.

    `tells`: the templates of all that it tells, if that is more than its own.
    """
    quiet = quiet_hours(policy, state)
    send_at = at if urgent else quiet.over(at)
    held = not urgent and quiet.begins != quiet.ends
    return notify.MessagePlanned(
        message_id=message_id,
        cause_id=cause,
        recipient=citizen,
        channel=channel,
        template=template,
        locale=locale(state),
        params=params,
        send_at=send_at if send_at > at else None,
        expires_at=max(_expires(policy, state, told, send_at) for told in tells or (template,)),
        # A late entry is planned for a past moment by day, and may be handed off at night.
        quiet_from=clock_text(quiet.begins) if held else None,
        quiet_until=clock_text(quiet.ends) if held else None,
        takes_back=takes_back,
    )


def _taken_back(
    policy: Policy,
    state: Notify,
    template: Template,
    params: dict[str, str],
    fact: Event,
    data: sla.AlertRetracted,
) -> Iterator[EventData]:
    for waiting in state.gathered:
        if waiting.cause_id == data.alert_id:
            yield notify.MessageNotSent(
                message_id=waiting.message_id,
                channel=waiting.channel,
                reason=NotSentReason.TAKEN_BACK,
                detail=waiting.template,
            )
    for notice in state.noticed(data.alert_id, Audience.CITIZEN):
        yield planned(
            policy,
            state,
            template,
            params,
            message_id=derive_id(
                "message", fact.subject, fact.id, notice.recipient, notice.channel
            ),
            cause=fact.id,
            citizen=notice.recipient,
            channel=notice.channel,
            at=fact.time,
            takes_back=notice.message_id or None,
        )


def channels(policy: Policy, state: Notify) -> tuple[MessageChannel, ...]:
    """Return the channels by which the citizen is told. With ``ledger`` alone, nobody can choose.

    A chosen channel that has no provider (any more) is ignored: its messages would reach nobody.
    """
    if policy.channels == (MessageChannel.LEDGER,) or state.choice is None:
        return policy.channels
    chosen = tuple(channel for channel in state.choice.channels if channel in policy.carried)
    return chosen or policy.channels


def locale(state: Notify) -> Locale:
    """Return the language in which the citizen is told things."""
    return Locale((state.choice and state.choice.locale) or state.locale)


def quiet_hours(policy: Policy, state: Notify) -> QuietHours:
    """Return the hours in which the citizen is not to be disturbed.

    If only one end is set, the city's hours hold. Filled up with the city's other end, hours from
    seven on would run from seven until seven, which is never, and messages would go out at night.
    """
    choice = state.choice
    if choice is None or choice.quiet_from is None or choice.quiet_until is None:
        return policy.quiet
    return QuietHours(clock_time(choice.quiet_from), clock_time(choice.quiet_until))


def _often(policy: Policy, state: Notify, channel: MessageChannel, at: datetime) -> bool:
    """Return whether the citizen has heard of the dossier often enough for now.

    Messages of the very same instant do not count, so that the order in which two facts of one
    instant arrive makes no difference.
    """
    since = at - policy.often_within
    told = sum(
        1
        for message in state.messages
        if since < message.at < at
        and message.channel == channel
        and message.audience is Audience.CITIZEN
        and message.not_sent is None
        and message.digest_at is None
    )
    return told >= policy.often


def _expires(policy: Policy, state: Notify, template: str, send_at: datetime) -> datetime:
    expires = send_at + policy.lasts_of(template)
    if template == Template.SOON_DUE and state.due is not None and state.due > send_at:
        return min(expires, state.due)
    return expires


def _urgent(policy: Policy, fact: Event) -> bool:
    data = fact.data
    if isinstance(data, intake.SupplementDemanded | intake.PaymentDemanded):
        return data.until is not None and data.until - fact.time < policy.urgent_within
    return False


def _template(policy: Policy, state: Notify, fact: Event) -> Template | None:
    template = _called_for(policy, state, fact.data)
    if template is None:
        return None
    told = _STATUS_OF.get(type(fact.data))
    if told is not None and status_at(state.marks, fact.time) is not told:
        return None
    if type(fact.data) in _OF_WORK and status_at(state.marks, fact.time) not in _UNDER_WAY:
        return None
    return template


def _called_for(policy: Policy, state: Notify, data: EventData) -> Template | None:
    """Return what a fact calls for if the dossier's state allowed it."""
    match data:
        case intake.DossierRegistered():
            return Template.REGISTERED
        case sla.DeadlineSet():
            # Told with the date that is promised, so once sla has set it.
            return Template.RECEIVED
        case sla.DeadlineMoved() if data.cause is not sla.MoveCause.EXTENDED:
            return Template.NEW_DATE
        case sla.ApologyIssued():
            return Template.APOLOGY
        case intake.DossierNotReceived():
            return Template.NOT_RECEIVED
        case routing.StepStarted() if data.ordinal == 0:
            return Template.IN_PROCESS
        case intake.SupplementDemanded():
            return Template.SUPPLEMENT_DEMANDED
        case intake.SupplementDelivered():
            return Template.SUPPLEMENT_DELIVERED
        case intake.PaymentDemanded():
            return Template.PAYMENT_DEMANDED
        case intake.PaymentReceived() if data.outstanding == 0:
            return Template.PAYMENT_RECEIVED
        case intake.DossierWithdrawn():
            return Template.WITHDRAWN
        case routing.DossierStopped():
            return Template.STOPPED
        case routing.DossierResumed():
            return Template.RESUMED
        case routing.DossierProcessed():
            return Template.PROCESSED
        case routing.ResultReturned():
            return Template.RETURNED
        case sla.DossierSoonDue() if _last_warning(policy, state, data):
            return Template.SOON_DUE
        case sla.DossierOverdue():
            return Template.OVERDUE
        case sla.AlertRetracted():
            return Template.RETRACTED
        case _:
            return None


def _last_warning(policy: Policy, state: Notify, data: sla.DossierSoonDue) -> bool:
    """Return whether this is the last share: the citizen is warned once, officers at each share."""
    procedure = policy.catalogue.procedures.get(state.procedure or "")
    return data.share is None or procedure is None or data.share == procedure.soon_due_shares[-1]
