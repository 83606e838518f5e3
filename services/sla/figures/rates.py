"""The three on-time rates, by time of event and by time of entry, each computed from integers at
the very end.

No rate flatters or slanders: 100 stands only for all, and 0 only for none. A dossier that could not
be judged is neither on time nor late: it is in no rate, neither as a part nor in the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

Counts = Mapping[str, int]

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Rate:
    """One of the rates, under its own name."""

    name: str
    vi: str
    en: str
    on_time: Callable[[Counts], int]
    of: Callable[[Counts], int]

    def __call__(self, counts: Counts) -> str | None:
        """Return percent to two decimals; None, "no figure", if there is nothing to count."""
        return percent(self.on_time(counts), self.of(counts))


def percent(part: int, whole: int) -> str | None:
    """Return a share in percent, rounded half up to two decimals; None if the whole is 0.

    A part that is not the whole gives at most 99.99, and a part that is not 0 at least 0.01.
    """
    if not whole:
        return None
    shown = (Decimal(100 * part) / Decimal(whole)).quantize(_CENT, ROUND_HALF_UP)
    if part < whole:
        shown = min(shown, 100 - _CENT)
    if part > 0:
        shown = max(shown, _CENT)
    return str(shown)


def _resolved(counts: Counts) -> int:
    return counts["resolved"] - counts["resolved_unjudged"]


def _open(counts: Counts) -> int:
    return counts["open"] - counts["open_unjudged"]


def _resolved_on_time(counts: Counts) -> int:
    return _resolved(counts) - counts["resolved_late"]


def _open_in_time(counts: Counts) -> int:
    return _open(counts) - counts["open_late"]


def _by_decision_766(counts: Counts) -> int:
    repeated = counts["resolved_repeated"] + counts["open_repeated"]
    return _resolved_on_time(counts) + _open_in_time(counts) - repeated


OF_RESOLVED = Rate(
    "on_time_of_resolved",
    "Tỷ lệ đúng hạn trên số hồ sơ đã giải quyết",
    "On time, of those resolved",
    _resolved_on_time,
    _resolved,
)
"""Resolved in time, of all that were resolved in the period, withdrawn ones included and unjudged
ones left out.

The periodic reports on administrative procedures show it (Circular 01/2020/TT-VPCP). It says
nothing about what is open and late.
"""

DECISION_766 = Rate(
    "on_time_decision_766",
    "Tỷ lệ đúng hạn theo Quyết định 766/QĐ-TTg",
    "On time by Decision 766/2022",
    _by_decision_766,
    lambda counts: _resolved(counts) + _open(counts),
)
"""Decision 766/QĐ-TTg of 23 June 2022: of those resolved and those still open, the ones resolved in
time or still in time. Unjudged ones are left out of both.

Time spent waiting for the citizen is subtracted, as everywhere here: the clock is stopped then. A
dossier with one more supplement demanded than allowed counts as late, whenever it is resolved.
"""

OF_ALL_TO_PROCESS = Rate(
    "on_time_of_all_to_process",
    "Tỷ lệ giải quyết đúng hạn trên tổng số hồ sơ phải giải quyết",
    "Resolved on time, of all that were to be processed",
    _resolved_on_time,
    lambda counts: counts["carried_over"] + counts["received"] - counts["unjudged"],
)
"""Resolved in time, of all that were carried over or received, unjudged ones left out. It is the
strictest of the three, since what is still open counts against it, in time or not."""

RATES = (OF_RESOLVED, DECISION_766, OF_ALL_TO_PROCESS)


def _by_entry(rate: Rate, taken_back: str) -> Rate:
    """Return the rate by time of entry: what was overdue until something was entered late stays
    so."""
    return Rate(
        f"{rate.name}_by_entry",
        f"{rate.vi}, theo thời điểm nhập",
        f"{rate.en}, by time of entry",
        lambda counts: rate.on_time(counts) - counts[taken_back],
        rate.of,
    )


RATES_BY_ENTRY = (
    _by_entry(OF_RESOLVED, "resolved_taken_back"),
    _by_entry(DECISION_766, "taken_back_unrepeated"),
    _by_entry(OF_ALL_TO_PROCESS, "resolved_taken_back"),
)
"""The same three by what had been entered when each dossier was due. They are published beside the
others: where both are the same, no late entry made the city look better."""

TAKEN_BACK_SHARE = Rate(
    "taken_back_share",
    "Tỷ lệ quá hạn đã rút lại do nhập muộn",
    "Breaches taken back by late entries, of all breaches",
    lambda counts: counts["taken_back"],
    lambda counts: counts["taken_back"] + counts["resolved_late"] + counts["open_late"],
)
"""Of all that were overdue by what had been entered at their due time."""

SHOWN = (*RATES, *RATES_BY_ENTRY, TAKEN_BACK_SHARE)
"""Every percentage that stands beside the numbers."""


def rates(counts: Counts) -> dict[str, str | None]:
    """Return all of them, by name."""
    return {rate.name: rate(counts) for rate in SHOWN}
