"""What ``motcua rules`` prints of a difference, within 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from rich.console import Group, RenderableType
from rich.text import Text

from contracts.catalogue.load import VIETNAM
from contracts.events.sla import Budget
from motcua.rules.difference import Difference, ProcedureChange
from services.sla.deciding.moved import MovedDate

_SHOWN = 20
"""As many of a kind are listed; the sums have all."""


def difference_page(found: Difference) -> RenderableType:
    """Return the page of a difference: what is cut, in sum and by procedure, then the rest."""
    if not found:
        return Text("nothing would change")
    lines: list[Text] = []
    if found.procedures:
        lines.append(Text(_sum(found), style="bold"))
        largest = sorted(found.procedures, key=lambda each: (each.hours, each.code))
        lines += _listed(map(_procedure, largest), len(largest))
    for title, names in (("new procedures", found.begun), ("procedures gone", found.ended)):
        if names:
            lines.append(Text(f"{title}: {', '.join(names[:_SHOWN])}"))
    if found.units:
        lines.append(Text(f"{len(found.units)} changes of units", style="bold"))
        lines += _listed(found.units, len(found.units))
    if found.other:
        lines.append(Text("the rest", style="bold"))
        lines += _listed(found.other, len(found.other))
    return Group(*lines)


def moved_page(moved: Sequence[MovedDate], looked: int) -> RenderableType:
    """Return which dates of open dossiers would move, and why."""
    lines = [Text(f"{len(moved):,} of {looked:,} open dossiers would get another date", "bold")]
    lines += [Text(f"  {count:,} by {why}") for why, count in Counter(m.why for m in moved).items()]
    lines += _listed(
        (f"{m.code}  {_local(m.before)} -> {_local(m.after)}" for m in moved), len(moved)
    )
    return Group(*lines)


def _sum(found: Difference) -> str:
    times = sum(each.hours != 0 for each in found.procedures)
    steps = sum(each.steps[0] != each.steps[1] for each in found.procedures)
    said = []
    if times:
        said.append(f"standard time {found.hours:+,} working hours in {times} procedures")
    if steps:
        said.append(f"steps {found.steps:+,} in {steps} procedures")
    return "; ".join(said) or "calendar days"


def _procedure(each: ProcedureChange) -> str:
    before, after = each.budget
    time = f"{_budget(before)} -> {_budget(after)}" if before != after else _budget(after)
    was, now = each.steps
    steps = f", steps {was} -> {now}" if was != now else ""
    return f"{each.code:<10} {time}{steps}  {each.name}"


def _budget(budget: Budget) -> str:
    return f"{budget.amount} {budget.unit.replace('-', ' ')}"


def _listed(lines: Iterable[str], count: int) -> list[Text]:
    shown = [Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in islice(lines, _SHOWN)]
    if count > _SHOWN:
        shown.append(Text(f"  and {count - _SHOWN} more"))
    return shown


def _local(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
