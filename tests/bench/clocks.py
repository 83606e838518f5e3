"""What working time costs, beside the one library that answers the same questions."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any, Literal

from rich.table import Table

from motcua.deciders import calendars
from services.shared.working_time.holidays_vn import FIRST_YEAR, LAST_YEAR
from tests.bench.measure import in_turn, per_call
from tests.bench.office_time import Contestant, contestants
from tests.bench.report import Report

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_SPANS = {
    "5 to 60 min": (5 * _MINUTE, 60 * _MINUTE),
    "1 to 24 hours": (_HOUR, _DAY),
    "1 to 10 days": (_DAY, 10 * _DAY),
    "10 to 60 days": (10 * _DAY, 60 * _DAY),
}
_QUESTIONS = 100
"""Of each kind about each span."""
_FIRST, _LAST = (
    datetime(FIRST_YEAR - 1, 12, 31, 17, tzinfo=UTC),
    datetime(LAST_YEAR, 8, 31, 17, tzinfo=UTC),
)
"""Midnights in Vietnam between which spans begin; the last ends within the calendar's years."""
_DESK_MINUTES = (450, 690, 780, 1_020)
"""Opening, noon, afternoon and closing, in minutes after midnight."""


@dataclass(frozen=True)
class Series:
    """Questions of one kind about spans of like length."""

    kind: Literal["measure", "add"]
    span: str
    questions: list[tuple[datetime, Any]]
    """When the span begins, and its end or the working seconds that are to be added."""

    def answers(self, who: Contestant) -> list[Any]:
        """What a contestant says to them."""
        ask = getattr(who, self.kind)
        return [ask(start, what) for start, what in self.questions]


def clocks_run(rounds: int, report: Report) -> dict[str, Any]:
    """Asks all contestants the same, each in its turn; neither broker nor database is needed.

    Raises AssertionError if they would compare what is not the same.
    """
    ours, library, readme = field = contestants()
    asked = _asked()
    report.step("clocks: the same answers?")
    for series in asked:
        _same_answers(series, field)
    otherwise = sum(_answered_otherwise(series, ours) for series in asked)
    names = [who.name for who in field]
    table = Table("asked", "span", *names, "times faster", title="CPU µs a question")
    rows: list[dict[str, Any]] = []
    for series in asked:
        taken: dict[str, list[float]] = {name: [] for name in names}
        report.step(f"clocks: {series.kind}, {series.span}")
        for number in range(rounds):
            for who in in_turn(field, number):
                seconds = per_call(partial(series.answers, who))
                taken[who.name].append(seconds / _QUESTIONS * 1e6)
        ratios = _ratios(taken, library, ours)
        faster = statistics.median(ratios)
        rows.append(
            {
                "question": series.kind,
                "span": series.span,
                "microseconds": taken,
                "times_faster": faster,
                "spread": [min(ratios), max(ratios)],
                "times_faster_than_its_readme": statistics.median(_ratios(taken, readme, ours)),
            }
        )
        table.add_row(
            series.kind,
            series.span,
            *(_figure(statistics.median(taken[name])) for name in names),
            f"{faster:,.0f} ({min(ratios):,.0f} to {max(ratios):,.0f})",
        )
    least = min(row["times_faster"] for row in rows)
    package = f"businesstimedelta {version('businesstimedelta')}"
    questions = _QUESTIONS * len(asked)
    report.show(
        table,
        f"[bold]{least:,.0f} times faster[/bold] at the least than {package} at its quickest. "
        f"{questions} questions, the same answers. To {otherwise} of them the city's own calendar "
        "gives another, for its swapped days: the library has no rule for a make-up Saturday",
    )
    return {
        "library": package,
        "questions": questions,
        "disagreements": 0,
        "otherwise_with_swapped_days": otherwise,
        "least_times_faster": least,
        "rows": rows,
    }


def _asked() -> list[Series]:
    """The same questions in every run."""
    rng = random.Random("motcua clocks")
    found: list[Series] = []
    for span, (shortest, longest) in _SPANS.items():
        drawn = [(_start(rng, n), rng.randint(shortest, longest)) for n in range(_QUESTIONS)]
        ends = [(start, start + timedelta(seconds=length)) for start, length in drawn]
        # A week of 168 hours has 40 of work: about as far forward as the span reaches.
        amounts = [(start, length * 40 // 168) for start, length in drawn]
        found += [Series("measure", span, ends), Series("add", span, amounts)]
    return found


def _start(rng: random.Random, number: int) -> datetime:
    """Any second of any day; each fourth time the very second that a desk opens or closes."""
    midnight = _FIRST + timedelta(days=rng.randrange((_LAST - _FIRST).days))
    if number % 4 == 0:
        return midnight + timedelta(minutes=rng.choice(_DESK_MINUTES))
    return midnight + timedelta(seconds=rng.randrange(_DAY))


def _same_answers(series: Series, field: Sequence[Contestant]) -> None:
    """Raises AssertionError, naming the question, if two contestants answer differently."""
    first, *others = field
    answers = series.answers(first)
    for other in others:
        for question, ours, theirs in zip(
            series.questions, answers, series.answers(other), strict=True
        ):
            if ours != theirs:
                raise AssertionError(
                    f"{series.kind} from {question[0]}, {question[1]}: "
                    f"{ours} says {first.name}, {theirs} says {other.name}"
                )


def _answered_otherwise(series: Series, ours: Contestant) -> int:
    """How many answers are others by the calendar in force, which has swapped days too."""
    in_force = calendars().for_unit("H29")
    real = Contestant("in force", in_force.measure, in_force.add)
    return sum(a != b for a, b in zip(series.answers(ours), series.answers(real), strict=True))


def _ratios(taken: dict[str, list[float]], slow: Contestant, fast: Contestant) -> list[float]:
    """How many times faster one was than the other, in each round."""
    return [a / b for a, b in zip(taken[slow.name], taken[fast.name], strict=True)]


def _figure(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"
