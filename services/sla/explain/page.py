"""The explanation as a page, for a terminal or as plain text."""

from __future__ import annotations

from datetime import datetime
from io import StringIO

from rich.box import SIMPLE
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.shared.working_time import DayKind
from services.sla.clock.segments import Reason, Segment
from services.sla.clock.side_clocks import ConsultationTime, StepTime
from services.sla.explain.drawing.picture import LATE, PROJECTED
from services.sla.explain.drawing.text import draw
from services.sla.explain.explanation import Explanation

_WORD, _TIME, _HOURS = 9, 10, 7
"""The least columns for words, for a time in two lines, and for hours with minutes."""
_PADDING = (0, 1, 0, 0)
_PLAIN = 100
"""The width of a page without colours, in columns."""
_STYLES = {
    Reason.HANDLING: "green",
    Reason.CONSULTATION: "cyan",
    Reason.SUPPLEMENT: "yellow",
    Reason.PAYMENT: "magenta",
    Reason.STOPPED: "bright_black",
    LATE: "bold red",
    PROJECTED: "green",
    DayKind.HOLIDAY: "red",
    DayKind.WEEKEND: "bright_black",
    "lane": "blue",
    "limit": "bold",
    "scale": "dim",
    "due": "bold",
    "overdue-since": "bold red",
    "now": "cyan",
}
"""How the drawing's styles look in a terminal; a style that is not listed is plain."""


def page(told: Explanation, width: int) -> Group:
    """Return the page for a console of that width; the drawing takes at least 60 columns."""
    shown = told.shown
    mood = "bold red" if shown.overdue is not None else "bold"
    drawing = Text("\n").join(
        Text.assemble(*((text, _STYLES.get(style, "")) for text, style in line))
        for line in draw(told.picture, told.words, max(60, width - 1))
    )
    drawing.no_wrap = True
    why = Table.grid(padding=(0, 1))
    why.add_column(justify="right", style="dim")
    why.add_column()
    for number, sentence in enumerate(told.sentences, start=1):
        last = number == len(told.sentences)
        why.add_row(f"{number}.", Text(sentence, style="bold" if last else ""))
    return Group(
        Text(told.title, style="bold"),
        Text(told.headline, style=mood),
        Padding(drawing, (1, 0)),
        _segments(told),
        *([_beside(told)] if shown.steps or shown.consultations else []),
        Text(told.words.word("why"), style="bold"),
        why,
    )


def plain_page(told: Explanation) -> str:
    """Return the page without colours, 100 columns wide."""
    file = StringIO()
    console = Console(file=file, width=_PLAIN, color_system=None, force_terminal=False)
    console.print(page(told, _PLAIN))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _segments(told: Explanation) -> Table:
    words, shown = told.words, told.shown
    table = Table(box=SIMPLE, show_footer=True, padding=_PADDING)
    for name in ("from", "to"):
        table.add_column(words.word(name), min_width=_TIME)
    for name in ("reason", "account"):
        table.add_column(words.word(name), min_width=_WORD)
    table.add_column(words.word("place"), words.word("total"), no_wrap=True)
    for name, seconds in (("elapsed", shown.elapsed_seconds), ("used", shown.used_seconds)):
        total = words.hours_and_minutes(seconds)
        table.add_column(words.word(name), total, justify="right", min_width=len(total))
    for part in shown.segments:
        table.add_row(
            words.short(part.begin),
            words.short(part.end) if part.end is not None else words.word("still"),
            Text(_reason(part, told), style=_STYLES[part.reason]),
            words.word(part.account),
            part.unit,
            words.hours_and_minutes(part.elapsed_seconds),
            words.hours_and_minutes(part.used_seconds) if part.runs else "–",
        )
    return table


def _reason(part: Segment, told: Explanation) -> str:
    word = told.words.word(part.reason)
    return " ".join([word, *part.consulted]) if part.reason is Reason.CONSULTATION else word


def _beside(told: Explanation) -> Table:
    """Return the table of the other clocks: each step's, and each consulted authority's."""
    words, shown = told.words, told.shown
    table = Table(box=SIMPLE, padding=_PADDING)
    table.add_column(words.word("beside"), min_width=_WORD)
    ask = words.word("ask")
    for name in ("from", "to", "limit"):
        table.add_column(words.word(name), min_width=_TIME)
    for name in ("budget", "used"):
        table.add_column(words.word(name), justify="right", min_width=_HOURS)
    clocks: list[tuple[str, datetime, datetime | None, StepTime | ConsultationTime]] = [
        *((words.step(shown.workflow, s.step), s.begin, s.end, s) for s in shown.steps),
        *((f"{ask} {c.unit}", c.asked_at, c.answered_at, c) for c in shown.consultations),
    ]
    for name, begin, end, clock in clocks:
        budget = clock.budget_seconds
        table.add_row(
            Text(f"{name} ({words.word('late').lower()})" if clock.late else name),
            words.short(begin),
            words.short(end) if end is not None else words.word("still"),
            words.short(clock.due) if clock.due is not None else "–",
            "–" if budget is None else words.hours_and_minutes(budget),
            words.hours_and_minutes(clock.used_seconds),
            style="red" if clock.late else "",
        )
    return table
