"""An SMS before it is sent: its words, what it costs, and what is left of it where it is cut."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from services.notify.channels import segments


def sms(short: str, most: int, *, plain: bool, sent: bool) -> Panel:
    """One form of the SMS; `sent`: whether it is the one that the settings choose."""
    whole = segments.plain(short) if plain else short
    told = segments.fit(whole, most)
    shown: list[RenderableType] = [Text(told), Text(_cost(told), style="dim")]
    if told != whole:
        shown = [
            Text(whole),
            Text(_cost(whole), style="dim"),
            Rule(f"cut to {_segments(most)}"),
            *shown,
        ]
    form = "without diacritics" if plain else "with diacritics"
    return Panel(Group(*shown), title=f"SMS {form}{', as it is sent' if sent else ''}")


def _cost(text: str) -> str:
    return f"{len(text)} characters, {segments.encoding(text)}, {_segments(segments.parts(text))}"


def _segments(count: int) -> str:
    return f"{count} segment{'' if count == 1 else 's'}"
