"""A dossier's time with its explanation, in one language: what every format shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.sla.clock.ledger import Ledger, ledger
from services.sla.deciding.rules import Rules
from services.sla.dossier.as_of import newest
from services.sla.dossier.entered import known_at
from services.sla.dossier.state import Sla
from services.sla.explain.drawing.picture import Picture, picture
from services.sla.explain.drawing.svg import svg
from services.sla.explain.outcome import headline
from services.sla.explain.sentences import explain
from services.sla.explain.texts import Texts
from services.sla.explain.words import Words


@dataclass(frozen=True, slots=True)
class Explanation:
    """The ledger, with its sentences and drawing."""

    code: str
    shown: Ledger
    words: Words
    title: str
    headline: str
    sentences: Sequence[str]
    picture: Picture

    def svg(self) -> str:
        """Return the drawing as an SVG document."""
        return svg(self.title, self.headline, self.sentences, self.picture, self.words)


def explanation(
    code: str,
    state: Sla,
    rules: Rules,
    texts: Texts,
    at: datetime,
    known: datetime | None = None,
) -> Explanation | None:
    """Return the dossier's time as of `at`, by the rules in force now and, with `known`, by what
    had been entered by that moment alone.

    None if the clock had not begun, or if the dossier is unjudged (see `why_unjudged`).

    Raise OutsideCalendar if `at` is later than the calendars know.
    """
    if state.procedure is None or state.unjudged is not None:
        return None
    terms = rules.terms(state)
    shown = ledger(state if known is None else known_at(state, known), terms, at)
    if shown is None:
        return None
    words = Words(texts, rules.catalogue)
    title = f"{words.word('title')} {code}"
    if known is not None:
        title = f"{title}, {words.word('known-at')} {words.short(known)}"
    return Explanation(
        code,
        shown,
        words,
        title,
        headline(shown, words),
        explain(code, shown, terms, rules.catalogue, words),
        picture(shown, terms, words),
    )


def why_unjudged(code: str, state: Sla, texts: Texts) -> str | None:
    """Return the sentence that says why the dossier is unjudged; None if it is not."""
    if state.unjudged is None:
        return None
    return texts.say(f"unjudged-{state.unjudged}", code=code)


def asked_at(state: Sla, now: datetime, known: datetime | None = None) -> datetime:
    """Return the default `at`: when the knowledge that is asked for was had; else now or, if a
    replay is ahead of now, the newest known moment."""
    return known or max(now, newest(state) or now)
