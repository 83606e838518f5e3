"""What a phone gets, before it is sent: its words, its cost, and what is left if it is cut."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from services.notify.channels import segments


def sms(short: str, most: int, *, plain: bool, sent: bool) -> Panel:
    """Return a panel with one form of the SMS; `sent`: whether the settings choose this form."""
    whole = segments.plain(short) if plain else short
    form = "without diacritics" if plain else "with diacritics"
    title = f"SMS {form}{', as it is sent' if sent else ''}"
    return _panel(title, whole, segments.fit(whole, most), _cost, _segments(most))


def zalo(short: str, most: int) -> Panel:
    """Return a panel with the Zalo message."""
    told = segments.fit(short, most, segments.characters)
    return _panel("Zalo", short, told, _length, f"{most} characters")


def _panel(title: str, whole: str, told: str, cost: Callable[[str], str], most: str) -> Panel:
    shown: list[RenderableType] = [Text(told), Text(cost(told), style="dim")]
    if told != whole:
        shown = [Text(whole), Text(cost(whole), style="dim"), Rule(f"cut to {most}"), *shown]
    return Panel(Group(*shown), title=title)


def _length(text: str) -> str:
    return f"{segments.characters(text)} characters"


def _cost(text: str) -> str:
    return f"{len(text)} characters, {segments.encoding(text)}, {_segments(segments.parts(text))}"


def _segments(count: int) -> str:
    return f"{count} segment{'' if count == 1 else 's'}"
