"""A dossier's history, line by line, newest first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.events import intake, routing, sla
from contracts.values import FilingChannel
from services.notify.dossier.state import HistoryEntry, Notify
from services.notify.page.text.phrase import Phrase
from services.notify.page.text.words import LocalTime, Words
from services.notify.page.view.byte_budget import shortened

_SHOWN = 40
_WORDS_ROOM = 400
"""Bytes of an officer's words in a line. The reason in force is shown whole, above the history."""

_IN_PART = "story.PaymentReceivedInPart"
_RETURNED_BY = {channel: f"story.ResultReturned-{channel}" for channel in FilingChannel}
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
"""The texts of a history."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """Something that happened."""

    at: LocalTime
    event: str
    """The fact's name."""
    unit: str
    """The unit's code; empty if none is named."""
    what: Phrase
    words: str
    """A reason in an officer's words; may be cut short."""


def history(state: Notify, words: Words) -> tuple[HistoryLine, ...]:
    """Return the newest lines, newest first."""
    return tuple(_line(state, entry, words) for entry in reversed(state.story[-_SHOWN:]))


def older(state: Notify) -> int:
    """Return how many lines are not shown."""
    return max(0, len(state.story) - _SHOWN)


def _line(state: Notify, entry: HistoryEntry, words: Words) -> HistoryLine:
    key, said = f"story.{entry.what}", entry.text
    fields = {"unit": words.office(entry.unit).name} if entry.unit else {}
    if entry.of(routing.StepStarted):
        fields["step"], said = words.step(state.workflow, entry.text), ""
    elif entry.of(intake.PaymentReceived) and entry.text:
        key, said = _IN_PART, ""
        fields["amount"] = words.money(int(entry.text))
    elif entry.channel:
        key = _RETURNED_BY[FilingChannel(entry.channel)]
    said = shortened(said, _WORDS_ROOM)
    return HistoryLine(words.moment(entry.at), entry.what, entry.unit, Phrase(key, fields), said)
