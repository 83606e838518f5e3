"""A unit that ends leaves its open dossiers to its successor (sáp nhập, giải thể đơn vị)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from contracts.events import routing
from contracts.model import EventData
from services.routing.competence import lead_for
from services.routing.state import Routing
from services.runtime import Timer, World
from services.shared.city import city_at, city_of

REASON = "Đơn vị kết thúc hoạt động theo quy định; đơn vị kế thừa tiếp tục giải quyết hồ sơ"
_INSTANT = timedelta(milliseconds=1)
"""The least difference between two times on the log."""
_NOBODY = "motcua"
"""Who hands over under the sample, which nobody enacted."""


class TimerKind(StrEnum):
    """What routing waits for."""

    UNIT_ENDS = "unit-ends"


@lru_cache(maxsize=64)  # by the world's identity: each partition has worlds of its own
def ends(world: World) -> Mapping[str, Sequence[datetime]]:
    """Return when each unit ends that does so, by the sets in force by then."""
    found: dict[str, list[datetime]] = {}
    for rules in world.sets:
        for code, at in city_of(rules).catalogue.ending.items():
            at = max(at, rules.since)
            if world.at(at) is rules:
                found.setdefault(code, []).append(at)
    return found


def unit_end(world: World, state: Routing) -> Timer | None:
    """Return when the unit that handles an open dossier ends, or None."""
    unit = state.handling_unit
    if unit is None or state.span.ended_at is not None:
        return None
    times = ends(world).get(unit)
    if times is None:
        return None
    # It may be given to a unit that is gone: by an older system, or before the log says that it is.
    # Then it leaves right after that, never before.
    given = [one.at for one in state.hand_overs[-1:]]
    if state.span.received_at is not None:
        given.append(state.span.received_at)
    if given:
        since = max(given) + _INSTANT
        times = [at for at in times if at >= since]
        gone = city_at(world, since).catalogue.ending.get(unit)
        if gone is not None and gone <= since:
            times.append(since)
    if not times:
        return None
    return Timer(min(times), TimerKind.UNIT_ENDS, (unit,), own_time=state.history)


def taken_over(world: World, state: Routing, timer: Timer) -> Sequence[EventData]:
    """Return the hand-over to the successor, whose officer leads the open step."""
    (unit,) = timer.about
    rules = world.at(timer.at)
    catalogue = city_at(world, timer.at).catalogue
    heir = catalogue.heir(unit, timer.at)
    step = state.open_step.step if state.open_step is not None else "routing"
    return [
        routing.DossierHandedOver(
            from_unit=unit,
            to_unit=heir.code,
            reason=REASON,
            lead=lead_for(heir, state.code, step),
            by=rules.by or _NOBODY,
        )
    ]
