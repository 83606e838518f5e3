"""The page that the demo ends on, for 80 columns and one screen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.sla.figures.counting import MEASURES
from services.sla.figures.rates import RATES

_TEMPLATES = 10
"""How many kinds of messages are named; the rest are added up."""

Balance = Mapping[str, int]

_BALANCE = ("carried_over", "received", "resolved", "open")
_NUMBERS = (
    "resolved_late", "open_late", "letter_in_time", "letter_late", "late_without_letter", "exempt",
    "extended", "kept_second_date", "unjudged",
)  # fmt: skip


@dataclass(frozen=True)
class Rebuilt:
    """The states of all services, folded anew from the log alone."""

    records: int
    equal: int
    """How many states are as they were."""
    faults: Sequence[str]
    """A line for each that is not."""
    seconds: float


@dataclass(frozen=True)
class Day:
    """What became of the day, as the services count it."""

    begins: datetime
    """Midnight in Vietnam."""
    balances: Mapping[str, Balance]
    """Each service's own balance, by the service's name."""
    figures: Mapping[str, Any]
    """Sla's totals, with the rates."""
    messages: Mapping[str, Any]
    """Notify's figures."""
    events: int
    """How many records the log has."""
    seconds: Mapping[str, float]
    """The seconds that each stage took, by its name."""
    rebuilt: Rebuilt | None = None
    """None if the services go on running."""

    @property
    def agrees(self) -> bool:
        """Whether every service's balance reconciles, all are the same, and the log gives the same
        states."""
        rows = list(self.balances.values())
        same = all(_even(row) for row in rows) and all(row == rows[0] for row in rows)
        return same and not (self.rebuilt and self.rebuilt.faults)


def demo_page(
    day: Day, story: RenderableType | None, to_open: Sequence[tuple[str, str]]
) -> RenderableType:
    """Lay out the page. `to_open` says what can be seen, and by which address or command."""
    parts: list[RenderableType] = [
        _balance(day),
        *([_folded(day.rebuilt)] if day.rebuilt else []),
        _head("On time"),
        _rates(day.figures),
        _head("What citizens and officers were told"),
        *_messages(day.messages),
    ]
    if story is not None:
        parts += [Text(), story]
    parts += [
        _head("Open next"),
        _grid((Text(what), Text(why)) for what, why in to_open),
        _took(day),
    ]
    if not day.agrees:
        parts.append(Text("the services do not agree", style="bold red"))
    return Group(*parts)


def _head(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _even(row: Balance) -> bool:
    return row["carried_over"] + row["received"] == row["resolved"] + row["open"]


def _balance(day: Day) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(f"Balance {day.begins:%d/%m/%Y}")
    for name in ("carried over", "+ received", "= resolved", "+ open"):
        table.add_column(name, justify="right")
    table.add_column("")
    for service, row in day.balances.items():
        word = ("reconciles", "green") if _even(row) else ("does not", "red")
        numbers = (f"{row[name]:,}" for name in _BALANCE)
        table.add_row(Text(service), *numbers, Text(*word))
    return table


def _folded(rebuilt: Rebuilt) -> Text:
    rate = rebuilt.records / rebuilt.seconds if rebuilt.seconds else 0
    if not rebuilt.faults:
        return Text(
            f"folded anew from the log: {rebuilt.equal:,} states, all the same "
            f"({rate:,.0f} records/s)"
        )
    lines = [f"folded anew from the log, {len(rebuilt.faults):,} states are other ones:"]
    return Text("\n".join([*lines, *rebuilt.faults[:5]]), style="red")


def _rates(figures: Mapping[str, Any]) -> RenderableType:
    rows = [
        (Text("no figure" if figures[r.name] is None else f"{figures[r.name]} %"), Text(r.en))
        for r in RATES
    ]
    numbers = "; ".join(
        f"{MEASURES[name].en.lower()} {figures[name]:,}" for name in _NUMBERS if figures[name]
    )
    return Group(_grid(rows), *([Text(numbers)] if numbers else []))


def _messages(messages: Mapping[str, Any]) -> list[Text]:
    planned = Counter(messages["planned"])
    most = planned.most_common(_TEMPLATES)
    if others := planned.total() - sum(number for _, number in most):
        most.append(("others", others))
    delivered = messages["delivered"]
    not_sent = ", ".join(f"{number:,} {why}" for why, number in messages["not_sent"].items())
    return [
        Text(", ".join(f"{template} {number:,}" for template, number in most)),
        Text(
            f"sent {delivered['sent']:,}, still waiting {delivered['pending']:,}, "
            f"not sent: {not_sent or 'none'}"
        ),
    ]


def _took(day: Day) -> Text:
    parts = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in day.seconds.items())
    return Text(f"\n{day.events:,} events on the log; {parts}", style="dim")


def _grid(rows: Any) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
