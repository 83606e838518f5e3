"""The live view: a line for each instance, and the city's dossiers and messages below. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from motcua.top.reading import Change, Reading
from motcua.top.watch import Seen

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

_NAME, _WIDE, _NARROW = 8, 8, 6
_COLUMNS = (
    ("\nevents/s", _WIDE),
    ("\nlag", _WIDE),
    ("\ndead", _NARROW),
    ("decide\np50", _NARROW),
    ("\np99", _NARROW),
    ("batch\np50", _NARROW),
    ("\np99", _NARROW),
    ("delay\np50", _NARROW),
    ("\np99", _NARROW),
)
"""Together 79 columns with the service's name and the gaps, whatever the numbers are."""
_DOSSIERS = (
    ("open", "motcua_sla_open_dossiers"),
    ("soon due", "motcua_sla_soon_due_dossiers"),
    ("overdue", "motcua_sla_overdue_dossiers"),
    ("letters owed", "motcua_sla_letters_owed_dossiers"),
)
_UNJUDGED = "motcua_sla_unjudged_dossiers"


def view(seen: Sequence[Seen], title: str = "") -> RenderableType:
    """Show what is seen on 80 columns and 24 lines; `title` stands behind the city's time."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("\nservice", width=_NAME, overflow="fold")
    for head, width in _COLUMNS:
        table.add_column(head, width=width, justify="right", overflow="fold")
    for each in seen:
        table.add_row(*_row(each))
    here = [each.change for each in seen if each.change is not None]
    away = [each for each in seen if each.change is None]
    return Group(
        _title(here, len(seen), title),
        table,
        Text(),
        *_below([change.after for change in here], here),
        *(Text(f"{each.name} is away ({each.url}): {each.away}", style="red") for each in away),
    )


def _row(each: Seen) -> list[Text]:
    name = Text(each.name, style="bold" if each.change else "red")
    change = each.change
    if change is None:
        return [name, Text("away", style="red"), *[Text("-", style="dim")] * (len(_COLUMNS) - 1)]
    now = change.after
    dead = now.total("motcua_dead_letters_total")
    cells = [
        Text(_count(change.rate("motcua_events_total"))),
        Text(_count(now.total("motcua_lag_records"))),
        Text(_count(dead), style="red" if dead else ""),
    ]
    for name_of, labels, shown in (
        ("motcua_phase_seconds", {"phase": "decide"}, _time),
        ("motcua_batch_records", {}, _count),
        ("motcua_event_delay_seconds", {}, _time),
    ):
        cells += [_quantile(change.quantile(name_of, q, **labels), shown) for q in (0.5, 0.99)]
    return [name, *cells]


def _title(here: Sequence[Change], instances: int, title: str) -> Text:
    clock = max((change.after.largest("motcua_clock_seconds") for change in here), default=0.0)
    shown = f"{datetime.fromtimestamp(clock, VIETNAM):%a %d/%m/%Y %H:%M}" if clock else "no clock"
    answer = f"{len(here)} of {instances} answer"
    return Text("   ".join(part for part in (shown, title, answer) if part), style="bold")


def _below(now: Sequence[Reading], here: Sequence[Change]) -> list[Text]:
    dossiers = [f"{name} {_all(now, metric):,.0f}" for name, metric in _DOSSIERS]
    if unjudged := _all(now, _UNJUDGED):
        dossiers.append(f"unjudged {unjudged:,.0f}")
    ended: Counter[str] = Counter()
    for reading in now:
        ended += reading.by("motcua_messages_total", "outcome")
    messages = [f"{outcome} {number:,}" for outcome, number in ended.most_common()]
    sent = sum(change.rate("motcua_messages_total", outcome="sent") for change in here)
    oldest = max((reading.largest("motcua_messages_oldest_seconds") for reading in now), default=0)
    waiting = f"waiting in {_all(now, 'motcua_messages_pending'):,.0f} dossiers"
    if oldest:
        waiting += f", the oldest for {_time(oldest)}"
    return [
        Text.assemble(("dossiers  ", "bold"), ", ".join(dossiers)),
        Text.assemble(("messages  ", "bold"), ", ".join([*messages, waiting])),
        Text.assemble(("sending   ", "bold"), f"{_count(sent)} a second"),
        Text(
            "p50 and p99 of the last seconds: of deciding a batch, of its records, and of a "
            "record's way from the log until its effects are stored",
            style="dim",
        ),
    ]


def _all(readings: Sequence[Reading], name: str) -> float:
    return sum(reading.total(name) for reading in readings)


def _quantile(value: float | None, shown: Callable[[float], str]) -> Text:
    return Text("-", style="dim") if value is None else Text(shown(value))


def _count(number: float) -> str:
    """Write a number in at most seven characters."""
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:,.0f}"


def _time(seconds: float) -> str:
    """Write a time in at most six characters, from 0.1 ms to days."""
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    for size, unit, most in ((60, "min", 99.5), (3600, "h", 99.5)):
        if seconds < size * most:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds / 86400:.0f}d"
