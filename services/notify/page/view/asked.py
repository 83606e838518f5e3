"""The city's open demands: papers or money, why, by when, and where to hand them in. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from contracts.events import intake
from services.notify.dossier.state import Demand, Notify
from services.notify.page.text.phrase import Phrase
from services.notify.page.text.words import LocalTime, Words
from services.notify.page.view.byte_budget import html_bytes
from services.shared.lifecycle import ENDED, Mark, Move

_LISTED, _LISTED_ROOM = 20, 12_000
"""The page lists at most this many papers in at most this many bytes, to stay small; programs get
all of them."""
ASKED_KEYS = frozenset(
    {"asked.supplement", "asked.payment", "asked.supplement-where", "asked.payment-where"}
)


@dataclass(frozen=True, slots=True)
class OpenDemand:
    """One open demand."""

    kind: str
    """``supplement`` or ``payment``."""
    title: Phrase
    reason: str
    """In the officer's words."""
    documents: tuple[str, ...]
    """All papers, however many."""
    amount: int
    """In dong; 0 for papers."""
    until: LocalTime | None
    where: Phrase

    @property
    def listed(self) -> tuple[str, ...]:
        """The papers that the page lists."""
        listed = self.documents[:_LISTED]
        fits = sum(taken <= _LISTED_ROOM for taken in accumulate(map(html_bytes, listed)))
        return listed[: max(1, fits)]

    @property
    def unlisted(self) -> int:
        """How many papers there are that the page does not list."""
        return len(self.documents) - len(self.listed)


def open_demands(state: Notify, words: Words) -> tuple[OpenDemand, ...]:
    """Return the open demands; none once the dossier has ended."""
    if state.status is None or state.status in ENDED:
        return ()
    found = []
    supplement, payment = state.supplement, state.payment
    if supplement and _open(state.marks, Move.SUPPLEMENT_DEMANDED, Move.SUPPLEMENT_DELIVERED):
        found.append(_asked("supplement", supplement, 0, state, words))
    if payment and _open(state.marks, Move.PAYMENT_DEMANDED, Move.PAYMENT_SETTLED):
        found.append(_asked("payment", payment, _outstanding(state, payment), state, words))
    return tuple(found)


def _asked(kind: str, demand: Demand, amount: int, state: Notify, words: Words) -> OpenDemand:
    title = Phrase(f"asked.{kind}", {"amount": words.money(amount)} if amount else {})
    office = words.office(state.receiving_unit or "")
    return OpenDemand(
        kind,
        title,
        demand.reason,
        demand.documents,
        amount,
        words.moment(demand.until) if demand.until else None,
        Phrase(f"asked.{kind}-where", {"unit": office.name, "address": office.address}),
    )


def _open(marks: Sequence[Mark], demanded: Move, settled: Move) -> bool:
    moves = [mark.move for mark in marks if mark.move in (demanded, settled)]
    return bool(moves) and moves[-1] is demanded


def _outstanding(state: Notify, demand: Demand) -> int:
    """Return what is left of a demand after a payment in part."""
    paid = [
        entry.text
        for entry in state.story
        if entry.of(intake.PaymentReceived) and entry.at >= demand.at and entry.text
    ]
    return int(paid[-1]) if paid else demand.amount
