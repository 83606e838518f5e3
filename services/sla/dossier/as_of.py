"""How a dossier's time stood at some moment, by all that is known now."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.shared.lifecycle import phases, span_of
from services.sla.dossier.state import Sla


def as_of(state: Sla, moment: datetime) -> Sla:
    """Return the state of the facts up to that moment, that very moment included.

    A fact that was told late counts from when it happened: this is how things stood, not how they
    were thought to stand. Only what times depend on is cut back, and nothing is judged.
    """
    marks = tuple(mark for mark in state.marks if mark.time <= moment)
    exemption = state.exemption
    return msgspec.structs.replace(
        state,
        marks=marks,
        span=span_of(phases(marks)),
        handlers=tuple(each for each in state.handlers if each.since <= moment),
        steps=tuple(
            step
            if step.completed_at is None or step.completed_at <= moment
            else msgspec.structs.replace(step, completed_at=None)
            for step in state.steps
            if step.started_at <= moment
        ),
        consultations=tuple(each for each in state.consultations if each.at <= moment),
        letters=tuple(each for each in state.letters if each.at <= moment),
        foresights=tuple(each for each in state.foresights if each.at <= moment),
        exemption=exemption if exemption is None or exemption.at <= moment else None,
        deadlines=tuple(each for each in state.deadlines if each.at <= moment),
        alerts=tuple(each for each in state.alerts if each.at <= moment),
    )


def newest(state: Sla) -> datetime | None:
    """Return when the last known thing happened; None if nothing is known."""
    times = [mark.time for mark in state.marks[-1:]]
    times += [each.since for each in state.handlers[-1:]]
    times += [each.at for each in state.consultations[-1:]]
    times += [each.at for each in state.letters[-1:]]
    times += [each.at for each in state.foresights[-1:]]
    times += [step.completed_at or step.started_at for step in state.steps]
    if state.exemption is not None:
        times.append(state.exemption.at)
    return max(times, default=None)
