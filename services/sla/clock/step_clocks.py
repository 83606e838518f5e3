"""The clocks of a dossier's steps, and which of them are late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from contracts.events.sla import AlertKind
from services.sla.clock.course import Course
from services.sla.clock.running import Reached, RunningSpans
from services.sla.clock.terms import Terms
from services.sla.dossier.state import Expected, Sla, StepSpan


@dataclass(frozen=True, slots=True)
class StepClock:
    """A step's own clock: it runs and stops with the dossier's."""

    step: StepSpan
    end: datetime | None
    """When it was completed, the next one began or the dossier ended; None while it is open."""
    budget: int | None
    """Working seconds; None if its only deadline is the dossier's."""
    running: RunningSpans

    @property
    def due(self) -> Reached | None:
        """When its budget is used up; None without a budget, or if the clock never ran since."""
        if self.budget is None:
            return None
        return self.running.reached(self.step.started_at, self.budget)


def step_clocks(state: Sla, terms: Terms, found: Course) -> Iterator[StepClock]:
    """Yield the clock of each step that was started, in that order."""
    steps, ended = state.steps, state.span.ended_at
    for index, step in enumerate(steps):
        budget = _budget(step, terms.step_shares, found.total)
        yield StepClock(step, _end(steps, index, ended), budget, found.running)


class LateSteps(msgspec.Struct, frozen=True, eq=False):
    """The steps that are late, or will be if nothing changes."""

    steps: tuple[StepSpan, ...]
    """What they were made of; so are the next three."""
    running: RunningSpans
    budgets: tuple[int, tuple[float, ...]]
    ended: datetime | None
    over: tuple[Expected, ...]
    """Of all steps but the last: another one began since."""
    over_at: datetime | None
    """What happens from then on changes nothing about these; None if there are none."""
    expected: tuple[Expected, ...]
    """Of all steps."""


def late_steps(state: Sla, terms: Terms, found: Course, last: LateSteps | None = None) -> LateSteps:
    """Return the steps that are late; `last`: those before the newest facts."""
    steps, ended, running = state.steps, state.span.ended_at, found.running
    shares, total = terms.step_shares, found.total
    budgets = total, shares
    if last is not None and last.budgets == budgets:
        if steps == last.steps and running is last.running and ended == last.ended:
            return last
        over, over_at, begin = _over(steps, last, running.changed_since(last.running))
    else:
        over, over_at, begin = (), None, 0
    more = list(over)
    for index in range(begin, len(steps) - 1):
        end = _end(steps, index, ended)
        assert end is not None
        more += _late(steps[index], end, _budget(steps[index], shares, total), running)
        over_at = end if over_at is None or end > over_at else over_at
    over = tuple(more)
    if steps:
        end = _end(steps, len(steps) - 1, ended)
        more += _late(steps[-1], end, _budget(steps[-1], shares, total), running)
    return LateSteps(steps, running, budgets, ended, over, over_at, tuple(more))


def _over(
    steps: tuple[StepSpan, ...], last: LateSteps, since: datetime | None
) -> tuple[tuple[Expected, ...], datetime | None, int]:
    """Return what is known of the first steps for good, since when, and how many they are.

    `since`: from when on the clock ran otherwise than was known; None if nobody knows.
    """
    count = len(last.steps) - 1
    if (
        count < 1
        or len(steps) <= count
        or since is None
        or (last.over_at is not None and since < last.over_at)
        or steps[:count] != last.steps[:count]
        or steps[count].started_at != last.steps[count].started_at
    ):
        return (), None, 0
    return last.over, last.over_at, count


def _end(steps: Sequence[StepSpan], index: int, ended: datetime | None) -> datetime | None:
    end = steps[index].completed_at
    if ended is not None and (end is None or ended < end):
        end = ended
    if index + 1 < len(steps) and (end is None or steps[index + 1].started_at < end):
        end = steps[index + 1].started_at
    return end


def _budget(step: StepSpan, shares: Sequence[float], total: int) -> int | None:
    if len(shares) < 2 or step.ordinal >= len(shares):
        return None  # a single step has the dossier's own deadline
    return round(total * shares[step.ordinal])


def _late(
    step: StepSpan, end: datetime | None, budget: int | None, running: RunningSpans
) -> Sequence[Expected]:
    if budget is None:
        return ()
    if end is not None and (end - step.started_at).total_seconds() < budget:
        return ()  # it took less time than it has working seconds: most do, and this is cheap
    due = running.reached(step.started_at, budget)
    if due is None or not due.happened or (end is not None and due.at >= end):
        return ()
    about, certain = str(step.ordinal), due.certain or end is not None
    return (Expected(due.at, AlertKind.STEP_OVERDUE, about, due.at, certain),)
