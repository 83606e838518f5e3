"""One dossier's story as a page: a heading per day, a line per decision, one for all messages.

Pure: from the dossier's events, in the order of their times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contracts.events import intake, notify, sla
from contracts.events.refusals import Refusal
from contracts.model import Kind
from contracts.wire.envelope import Event

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

_TOLD = (
    notify.MessagePlanned,
    notify.MessageGathered,
    notify.MessageSent,
    notify.MessageNotSent,
    notify.MessageDelivered,
    notify.MessageUndelivered,
)
"""The events that a day's line of messages is made of."""
_FIELDS = (
    "procedure", "receiving_unit", "handling_unit", "unit", "to_unit", "step", "lead", "reason",
    "question", "answer", "documents", "amount", "outstanding", "due", "outcome", "template",
    "channel", "detail",
)  # fmt: skip
"""The fields of an event that are shown, in order."""
_LATER = timedelta(hours=1)
"""From then on it is said when something was entered: a desk writes down soon what it does."""


@dataclass(frozen=True)
class Line:
    """One line of the story."""

    day: date
    """In Vietnam."""
    time: str
    """Empty for a line about a whole day."""
    who: str
    what: str
    told: tuple[str, ...]
    """What it is about: for an event, its fields."""
    style: str = ""

    @property
    def about(self) -> str:
        """All of that in one text."""
        return ", ".join(self.told)


def story_page(code: str, events: Sequence[Event], *, everything: bool = False) -> RenderableType:
    """Lay the story out for 60 columns or more: long text is wrapped, never cut.

    `everything` shows each request and each message on its own line, with all that it says.
    """
    lines = story_lines(events, everything=everything)
    widths = [max((len(getattr(line, name)) for line in lines), default=0) for name in _COLUMNS]
    parts: list[RenderableType] = [Text(f"{code}: from start to end", style="bold")]
    for day, of_day in groupby(lines, key=lambda line: line.day):
        parts.append(Text(f"{day:%a %d/%m/%Y}", style="underline"))
        parts.append(_table(of_day, widths))
    return Group(*parts)


_COLUMNS = ("time", "who", "what")


def _table(lines: Iterable[Line], widths: Sequence[int]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for width in widths:
        table.add_column(width=width)
    table.add_column(overflow="fold")
    before = ""
    for line in lines:
        time = "" if line.time == before else line.time
        before = line.time
        table.add_row(time, Text(line.who), line.what, Text(line.about), style=line.style)
    return table


def story_lines(events: Sequence[Event], *, everything: bool = False) -> list[Line]:
    """Tell the story line by line. Without `everything`, no line repeats what was said."""
    answered = {event.cause for event in events}
    said: dict[str, str] | None = None if everything else {}
    lines: list[Line] = []
    for day, of_day in groupby(events, key=lambda event: _local(event.time).date()):
        told = []
        for event in of_day:
            if not everything and isinstance(event.data, _TOLD):
                told.append(event)
            elif everything or event.data.KIND is Kind.FACT or event.id not in answered:
                lines.append(_line(day, event, said))
        lines += _messages(day, told, events)
    return lines


def _line(day: date, event: Event, said: dict[str, str] | None) -> Line:
    style = ""
    if event.data.KIND is Kind.REQUEST or isinstance(event.data, _TOLD):
        style = "dim"
    elif isinstance(event.data, (*sla.ALERTS, sla.AlertRetracted, Refusal)):
        style = "red"
    who = event.source.removeprefix("/motcua/")
    return Line(
        day, f"{_local(event.time):%H:%M}", who, event.data.NAME, _about(event, said), style
    )


def _messages(day: date, told: Sequence[Event], events: Sequence[Event]) -> Iterator[Line]:
    """Fold the messages that were planned on a day into one line, if there were any."""
    planned: dict[str, notify.MessagePlanned | notify.MessageGathered] = {}
    for event in told:
        if isinstance(event.data, notify.MessagePlanned | notify.MessageGathered):
            planned.setdefault(event.data.message_id, event.data)
    if not planned:
        return
    outcomes = _outcomes(events)
    ways: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, message in planned.items():
        outcome = outcomes.get(name, "waits")
        if message.channel is notify.MessageChannel.LEDGER:
            outcome = "written down"
        if isinstance(message, notify.MessageGathered):
            outcome = "in a digest"
        channels = ways[_subject(message)][outcome]
        if message.channel not in channels:
            channels.append(message.channel)
    alike: dict[str, list[str]] = defaultdict(list)
    for subject, way in ways.items():
        parts = (f"{' and '.join(channels)} ({outcome})" for outcome, channels in way.items())
        alike[" and ".join(parts)].append(subject)
    about = "; ".join(f"{', '.join(subjects)} by {way}" for way, subjects in alike.items())
    number = f"{len(planned)} message{'s' if len(planned) > 1 else ''}"
    yield Line(day, "", "notify", number, (about,), "cyan")


def _subject(message: notify.MessagePlanned | notify.MessageGathered) -> str:
    audience = getattr(message, "audience", notify.Audience.CITIZEN)
    to = "" if audience is notify.Audience.CITIZEN else f" to {audience}"
    return f"{message.template}{to}"


def _outcomes(events: Sequence[Event]) -> dict[str, str]:
    """Return what became of each message in the end, without those that still wait."""
    found: dict[str, str] = {}
    for event in events:
        match event.data:
            case notify.MessageSent():
                found.setdefault(event.data.message_id, "sent")
            case notify.MessageNotSent():
                found[event.data.message_id] = f"not sent: {event.data.reason}"
            case notify.MessageDelivered():
                found[event.data.message_id] = "delivered"
            case notify.MessageUndelivered():
                found[event.data.message_id] = f"undelivered: {event.data.reason}"
    return found


def _local(time: datetime) -> datetime:
    return time.astimezone(VIETNAM)


def _about(event: Event, said: dict[str, str] | None = None) -> tuple[str, ...]:
    """List an event's fields, without those that `said` has with the same value."""
    parts = []
    fields = {name: _shown(value) for name, value in event.data if value not in (None, ())}
    for name in _FIELDS:
        if name not in fields:
            continue
        if said is not None:
            if name == "documents" and isinstance(event.data, intake.Filing):
                continue  # what was demanded is news, what was handed in is a long list
            kind = "unit" if name.endswith("unit") else name
            if said.get(kind) == fields[name]:
                continue
            said[kind] = fields[name]
        parts.append(f"{name.replace('_', ' ')} {fields[name]}")
    if event.recorded is not None and event.recorded - event.time >= _LATER:
        entered = _shown(event.recorded)
        if said is None or said.get("entered") != entered:
            parts.append(f"entered {entered}")
        if said is not None:
            said["entered"] = entered
    return tuple(parts)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{_local(value):%H:%M %d/%m/%Y}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)
