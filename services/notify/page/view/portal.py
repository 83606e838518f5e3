"""A dossier for other portals: what the page shows, as JSON in both languages. Pure.

States are those of the national portal, 1 to 10. Times are RFC 3339 with the offset +07:00.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from contracts.values import Locale
from services.notify.dossier.state import Notify
from services.notify.page.text.phrase import Phrase
from services.notify.page.text.texts import Texts
from services.notify.page.text.words import Office, Words
from services.notify.page.view.asked import OpenDemand
from services.notify.page.view.promise import Appointment
from services.notify.page.view.status import Letter, StatusView, status_view
from services.runtime import described

DateTime = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@described
class BothLanguages(TypedDict):
    """A text in Vietnamese and in English."""

    vi: str
    en: str


@described
class StateView(TypedDict):
    """The dossier's state."""

    code: Annotated[int, Field(ge=1, le=10)]
    """The national portal's own number."""
    name: BothLanguages | None


@described
class ProcedureView(TypedDict):
    """The procedure, by number and name."""

    code: str | None
    name: BothLanguages


@described
class ReasonView(TypedDict):
    """A reason for the date."""

    code: str
    """For programs."""
    vi: str
    en: str


@described
class ApologyView(TypedDict):
    """The unit's letter of apology."""

    reason: str
    due: DateTime | None
    """The new date; null if none was given."""
    unit: str
    missed: bool
    """Whether the new date was missed too."""


@described
class AskedView(TypedDict):
    """A demand on the citizen."""

    kind: str
    """``supplement`` or ``payment``."""
    reason: str
    documents: tuple[str, ...]
    amount: int | None
    """In dong; null for a demand of papers."""
    until: DateTime | None


@described
class StepView(TypedDict):
    """One step of the dossier's workflow."""

    title: BothLanguages
    state: Literal["done", "now", "later"]


@described
class UnitView(TypedDict):
    """A unit and where it is."""

    code: str
    name_vi: str
    name_en: str
    address: str


@described
class EventView(TypedDict):
    """Something that happened."""

    at: DateTime
    event: str
    """The fact's name."""
    unit: str | None
    text: BothLanguages
    reason: str | None
    """In the officer's words."""


@described
class PortalView(TypedDict):
    """A dossier as its citizen may see it. Times have the offset +07:00."""

    code: str
    status: StateView
    procedure: ProcedureView
    now: BothLanguages | None
    """What happens now."""
    next: BothLanguages | None
    """What comes next."""
    reason: str | None
    """Why the dossier is in this state, in the officer's words."""
    received_at: DateTime | None
    ended_at: DateTime | None
    outcome: str | None
    """``granted`` or ``denied``."""
    due: DateTime | None
    original_due: DateTime | None
    due_reason: ReasonView | None
    due_moved: ReasonView | None
    """Why the date differs from the one promised first."""
    late: bool
    paused: bool
    """Whether the dossier's clock is stopped: the due time is computed again when it goes on."""
    apology: ApologyView | None
    asked: list[AskedView]
    steps: list[StepView]
    handling_unit: UnitView | None
    receiving_unit: UnitView | None
    returning_unit: UnitView | None
    history: list[EventView]
    """Newest first."""
    older: int
    """Lines of the history that are not shown."""
    rating: int | None


def portal(
    state: Notify,
    words: Mapping[Locale, Words],
    texts: Mapping[Locale, Texts],
    now: datetime | None = None,
) -> PortalView:
    """Return the dossier for portals. It names no person. `now` as in `status_view`."""
    vi, en = (status_view(state, words[locale], now) for locale in (Locale.VI, Locale.EN))
    promise = vi.promise

    def at(moment: datetime | None) -> str | None:
        return words[Locale.VI].moment(moment).iso if moment else None

    def both(of: Callable[[StatusView], Phrase | None]) -> BothLanguages | None:
        said = of(vi), of(en)
        if said[0] is None or said[1] is None:
            return None
        return {"vi": texts[Locale.VI].say(said[0]), "en": texts[Locale.EN].say(said[1])}

    def unit(of: Callable[[StatusView], Office | None]) -> UnitView | None:
        found = of(vi), of(en)
        if found[0] is None or found[1] is None:
            return None
        office = found[0]
        return {
            "code": office.code,
            "name_vi": office.name,
            "name_en": found[1].name,
            "address": office.address,
        }

    def because(of: Callable[[Appointment], Phrase | None]) -> ReasonView | None:
        """Return a reason for the date, with the text's key as the code for programs."""
        said = both(lambda shown: of(shown.promise) if shown.promise else None)
        reason = of(promise) if promise else None
        if reason is None or said is None:
            return None
        return {"code": reason.key.partition(".")[2], "vi": said["vi"], "en": said["en"]}

    return {
        "code": vi.code,
        "status": {"code": int(vi.status), "name": both(lambda shown: shown.state)},
        "procedure": {
            "code": state.procedure,
            "name": {"vi": vi.procedure, "en": en.procedure},
        },
        "now": both(lambda shown: shown.now),
        "next": both(lambda shown: shown.next),
        "reason": vi.reason or None,
        "received_at": at(state.span.received_at),
        "ended_at": at(state.span.ended_at),
        "outcome": state.outcome,
        "due": at(state.due),
        "original_due": at(state.original_due),
        "due_reason": because(lambda given: given.why),
        "due_moved": because(lambda given: given.moved),
        "late": bool(promise and promise.late),
        "paused": bool(promise and promise.paused),
        "apology": _apology(vi.apology) if vi.apology else None,
        "asked": [_asked(wish) for wish in vi.asked],
        "steps": [
            {"title": {"vi": step.title, "en": english.title}, "state": step.state}
            for step, english in zip(vi.steps, en.steps, strict=True)
        ],
        "handling_unit": unit(lambda shown: shown.handling),
        "receiving_unit": unit(lambda shown: shown.receiving),
        "returning_unit": unit(lambda shown: shown.returning),
        "history": [
            {
                "at": line.at.iso,
                "event": line.event,
                "unit": line.unit or None,
                "text": {
                    "vi": texts[Locale.VI].say(line.what),
                    "en": texts[Locale.EN].say(english.what),
                },
                "reason": line.words or None,
            }
            for line, english in zip(vi.history, en.history, strict=True)
        ],
        "older": vi.older,
        "rating": vi.rating,
    }


def _apology(letter: Letter) -> ApologyView:
    return {
        "reason": letter.reason,
        "due": letter.due.iso if letter.due else None,
        "unit": letter.unit.code,
        "missed": letter.missed,
    }


def _asked(wish: OpenDemand) -> AskedView:
    return {
        "kind": wish.kind,
        "reason": wish.reason,
        "documents": wish.documents,
        "amount": wish.amount or None,
        "until": wish.until.iso if wish.until else None,
    }
