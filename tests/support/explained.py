"""Dossiers of three working days to be explained."""

from __future__ import annotations

from datetime import datetime

from contracts.model import EventData
from contracts.values import Locale
from services.sla.explain.explanation import Explanation, explanation
from services.sla.explain.texts import load_texts
from tests.support.event import CODE
from tests.support.facts import (
    received,
    routed,
)
from tests.support.sla_dossiers import Dossier, told
from tests.support.times import at

LANGUAGES = load_texts()


def explain(dossier: Dossier, at: datetime, locale: Locale = Locale.EN) -> Explanation:
    found = explanation(CODE, dossier.state, dossier.rules, LANGUAGES[locale], at)
    assert found is not None
    return found


def dossier(*facts: tuple[datetime, EventData], until: datetime | None = None) -> Dossier:
    return told([(at(4), received()), (at(4), routed()), *facts], until=until)
