"""By when a letter of apology is in time, when the last call for it is given, and since when it is
owed. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from contracts.events.sla import AlertKind, DebtCause
from services.sla.clock.running import Reached
from services.sla.dossier.state import Expected, Sla


def of_a_letter(
    state: Sla, begin: datetime, first: Reached | None, by: Reached | None
) -> Iterator[Expected]:
    """Yield the last call for a letter in time, and since when a letter is owed.

    `first` is the first date, `by` the last moment for a letter in time. A letter is owed from the
    breach of the first date on; before that, from when the lead or the head said that it will be
    missed, unless it was kept after all. Neither follows if a letter had come by then, nor for a
    dossier that is exempt (Decree 61/2018, article 19).
    """
    if state.exemption is not None:
        return
    letter = next((each.at for each in state.letters if each.at >= begin), None)

    def unless_written(at: datetime, kind: AlertKind, about: str, certain: bool) -> list[Expected]:
        if letter is not None and letter <= at:
            return []
        due = first.at if first is not None else at
        return [Expected(at, kind, about, due, certain or letter is not None)]

    if by is not None and by.happened:
        yield from unless_written(by.at, AlertKind.LAST_CALL, "", by.certain)
    missed = first if first is not None and first.happened else None
    foreseen = next((each.at for each in state.foresights if each.at >= begin), None)
    open_or_late = missed is not None or state.span.ended_at is None
    if foreseen is not None and open_or_late and (missed is None or foreseen < missed.at):
        yield from unless_written(foreseen, AlertKind.APOLOGY_OWED, DebtCause.FORESEEN, True)
    elif missed is not None:
        yield from unless_written(
            missed.at, AlertKind.APOLOGY_OWED, DebtCause.BREACH, missed.certain
        )
