"""Why a dossier was due when it was, by the recorded facts and by those that are decided now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from difflib import ndiff
from typing import Any

from contracts.values import Locale
from services.runtime import World
from services.shared.working_time import OutsideCalendar
from services.sla.deciding.decider import judging
from services.sla.dossier.state import Sla
from services.sla.explain.explanation import asked_at, explanation, why_unjudged
from services.sla.explain.texts import load_texts


def other_reasons(
    code: str,
    recorded: Mapping[str, Any],
    decided: Mapping[str, Any],
    world: World,
    at: datetime,
) -> list[str]:
    """Return the sentences of `motcua why` that are others: `-` as recorded, `+` as decided.

    Both states, by service, are explained by this release, as of `at`.
    """
    was, now = (_sentences(code, states.get("sla"), world, at) for states in (recorded, decided))
    return [line.rstrip() for line in ndiff(was, now) if line[0] in "-+"]


def _sentences(code: str, state: Sla | None, world: World, at: datetime) -> list[str]:
    if state is None or state.procedure is None:
        return []
    texts = load_texts()[Locale.EN]
    if (unjudged := why_unjudged(code, state, texts)) is not None:
        return [unjudged]
    try:
        told = explanation(code, state, judging(world, state), texts, asked_at(state, at))
    except OutsideCalendar as error:
        return [str(error)]
    return [] if told is None else [told.headline, *told.sentences]
