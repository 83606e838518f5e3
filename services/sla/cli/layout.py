"""Tables that fit the terminal. A head or a name may be broken; a number or a code never is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

_GAP = 3
"""The width of a column besides its content; the table's edge takes one more."""
_NAME_WIDTH = 26
"""The least width to which a column of names is broken."""


@dataclass(frozen=True)
class Column:
    """A column of a table, from its head to its foot."""

    head: str
    cells: Sequence[Text]
    foot: Text | None = None
    names: bool = False
    """Whether its cells are names, which may be broken."""

    def longest(self, head: Iterable[str]) -> int:
        """Return the length of the longest of its cells and of these pieces of its head."""
        cells = self.cells if self.foot is None else (*self.cells, self.foot)
        return max((*map(len, cells), *map(len, head)))


def table(title: str, keys: Sequence[Column], numbers: Sequence[Column], width: int) -> Table:
    """Return a table of numbers, known by their keys, for a terminal of that many columns.

    It is wider than the terminal if the numbers are: a line that the terminal breaks is better than
    half a number.
    """
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    made.show_footer = any(column.foot for column in (*keys, *numbers))
    taken = 1 + sum(
        _GAP + (_NAME_WIDTH if key.names else key.longest(key.head.split("\n"))) for key in keys
    )
    for key in keys:
        made.add_column(key.head, key.foot or "", no_wrap=not key.names)
    widths = [column.longest(column.head.split("\n")) for column in numbers]
    if taken + sum(widths) + _GAP * len(widths) > width:
        widths = [column.longest(column.head.split()) for column in numbers]
    for column, wide in zip(numbers, widths, strict=True):
        made.add_column(
            column.head, column.foot or "", justify="right", footer_style="bold", width=wide
        )
    for cells in zip(*(column.cells for column in (*keys, *numbers)), strict=True):
        made.add_row(*cells)
    made.width = max(width, taken + sum(widths) + _GAP * len(widths))
    return made
