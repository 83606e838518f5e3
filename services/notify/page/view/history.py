"""A dossier's history, line by line, newest first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.events import intake, routing, sla
from contracts.values import Channel
from services.notify.dossier.state import Entry, Notify
from services.notify.page.text.phrase import Say
from services.notify.page.text.words import Moment, Words
from services.notify.page.view.room import shortened

_SHOWN = 40
_WORDS_ROOM = 400
"""Of an officer's words in a line. What stands is shown whole, above the history."""

_IN_PART = "story.PaymentReceivedInPart"
_RETURNED_BY = {channel: f"story.ResultReturned-{channel}" for channel in Channel}
_FACTS = (
    intake.DossierReceived,
    intake.DossierRegistered,
    intake.DossierNotReceived,
    intake.SupplementDemanded,
    intake.SupplementDelivered,
    intake.PaymentDemanded,
    intake.PaymentReceived,
    intake.DossierWithdrawn,
    routing.DossierRouted,
    routing.StepStarted,
    routing.DossierHandedOver,
    routing.ConsultationOpened,
    routing.ConsultationAnswered,
    routing.DossierStopped,
    routing.DossierResumed,
    routing.DossierProcessed,
    routing.ResultReturned,
    sla.ApologyIssued,
)
STORY_KEYS = frozenset(
    {f"story.{fact.NAME}" for fact in _FACTS} | {_IN_PART} | set(_RETURNED_BY.values())
)
"""The texts that a history is told with."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened."""

    at: Moment
    event: str
    """The fact's name."""
    unit: str
    """The unit's code; empty if none is named."""
    what: Say
    words: str
    """A reason in an officer's words; may be cut short."""


def history(state: Notify, words: Words) -> tuple[Line, ...]:
    """The newest lines."""
    return tuple(_line(state, entry, words) for entry in reversed(state.story[-_SHOWN:]))


def older(state: Notify) -> int:
    """How many lines there are that are not shown."""
    return max(0, len(state.story) - _SHOWN)


def _line(state: Notify, entry: Entry, words: Words) -> Line:
    key, said = f"story.{entry.what}", entry.text
    fields = {"unit": words.office(entry.unit).name} if entry.unit else {}
    if entry.of(routing.StepStarted):
        fields["step"], said = words.step(state.workflow, entry.text), ""
    elif entry.of(intake.PaymentReceived) and entry.text:
        key, said = _IN_PART, ""
        fields["amount"] = words.money(int(entry.text))
    elif entry.channel:
        key = _RETURNED_BY[Channel(entry.channel)]
    said = shortened(said, _WORDS_ROOM)
    return Line(words.moment(entry.at), entry.what, entry.unit, Say(key, fields), said)
