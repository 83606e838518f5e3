"""The result of reading a log: what was taken, what was skipped, where and why."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.events.intake import DossierReceived, Promise
from services.intake.imports.log import LogError
from services.intake.imports.translate import TranslatedTrace

MAX_LISTED = 10_000
"""The most skipped events, and broken traces, that are listed; the rest are only counted."""
MAX_ACTIVITIES = 1_000
"""The most activities that are counted by name."""
_SHOWN = 20


@dataclass
class Report:
    """Adds up the results of every trace, in bounded memory."""

    file: str
    source: str
    traces: int = 0
    traces_taken: int = 0
    events: int = 0
    events_taken: int = 0
    events_skipped: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    activities: dict[str, Counter[str]] = field(default_factory=dict)
    """By activity: what it became, e.g. ``DossierReceived + DossierRouted``, and how often."""
    rules: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    promises: Counter[str] = field(default_factory=Counter)
    """By kind of promise: how many dossiers were received with it."""
    skipped: list[dict[str, Any]] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    """Why the file was not read to its end."""
    sent: int = 0
    """Facts that were acknowledged in this run."""
    already_sent: int = 0
    """Traces that an earlier run had sent."""

    @property
    def good(self) -> bool:
        """Whether everything could be told."""
        return not self.error and self.traces_taken == self.traces

    def add(self, told: TranslatedTrace) -> None:
        """Count one trace."""
        self.traces += 1
        self.events += len(told.taken) + len(told.skipped)
        self.events_taken += len(told.taken)
        self.events_skipped += len(told.skipped)
        if told.broken is not None:
            if len(self.broken) < MAX_LISTED:
                self.broken.append({"line": told.line, "case": told.case, "reason": told.broken})
        else:
            self.traces_taken += 1
            assert told.status is not None
            self.states[told.status.word.replace("_", " ")] += 1
        for fact in told.facts:
            self.facts[type(fact.data).__name__] += 1
            if isinstance(fact.data, DossierReceived):
                self.promises[_kind_of(fact.data.promise)] += 1
        for taken in told.taken:
            name = taken.activity
            if name not in self.activities and len(self.activities) == MAX_ACTIVITIES:
                name = "(other activities)"
            became = self.activities.setdefault(name, Counter())
            became[" + ".join(taken.facts)] += 1
            self.rules["no rule" if taken.rule is None else f"rules[{taken.rule}]"] += 1
        for skipped in told.skipped:
            if len(self.skipped) < MAX_LISTED:
                self.skipped.append(
                    {
                        "line": skipped.line,
                        "case": told.case,
                        "activity": skipped.activity,
                        "reason": skipped.reason,
                    }
                )

    def stopped_by(self, error: LogError) -> None:
        """Note why reading ended before the file did."""
        self.error = str(error)

    def as_json(self) -> dict[str, Any]:
        """Return the whole report, for programs."""
        return {
            "file": self.file,
            "source": self.source,
            "complete": self.good,
            "error": self.error,
            "traces": {
                "read": self.traces,
                "taken": self.traces_taken,
                "broken": self.traces - self.traces_taken,
                "sent_before": self.already_sent,
            },
            "events": {
                "read": self.events,
                "taken": self.events_taken,
                "skipped": self.events_skipped,
            },
            "facts": {"told": self.facts.total(), "sent": self.sent, "by_type": dict(self.facts)},
            "final_states": dict(self.states),
            "promises": {kind: self.promises[kind] for kind in _PROMISES},
            "activities": {name: dict(became) for name, became in self.activities.items()},
            "rules": dict(self.rules),
            "broken_traces": self.broken,
            "skipped_events": self.skipped,
        }

    def save(self, path: Path) -> None:
        """Write the report as JSON. Raise OSError if that fails."""
        text = json.dumps(self.as_json(), ensure_ascii=False, indent=2)
        path.write_text(text + "\n", encoding="utf-8")

    def show(self, console: Console, *, brief: bool = False) -> None:
        """Print the report."""
        became = Table("activity", "became", "times", title="What the events became")
        for activity in sorted(self.activities):
            for facts, times in self.activities[activity].most_common():
                became.add_row(escape(activity), facts, f"{times:,}")
        if not brief:
            console.print(became)
        states = Table("final state", "dossiers", title="Where the dossiers stand")
        for state, times in self.states.most_common():
            states.add_row(state, f"{times:,}")
        console.print(states)
        console.print(
            f"{self.traces:,} traces read: {self.traces_taken:,} taken, "
            f"{self.traces - self.traces_taken:,} broken. "
            f"{self.events:,} events read: {self.events_taken:,} taken, "
            f"{self.events_skipped:,} skipped. {self.facts.total():,} facts."
        )
        if self.promises:
            said = (f"{self.promises[kind]:,} {words}" for kind, words in _PROMISES.items())
            console.print(f"Promised to {self.promises.total():,}: {', '.join(said)}.")
        _listing(console, "Broken traces", self.broken, self.traces - self.traces_taken)
        lone = [skip for skip in self.skipped if not skip["reason"].startswith("its trace")]
        _listing(console, "Skipped events", lone, len(lone))
        if self.error:
            console.print(f"[red]Not read to the end:[/red] {escape(self.error)}")


_PROMISES = {
    "date": "a date of their own",
    "standard": "the standard time",
    "none": "nothing that is known: they are unjudged",
}
"""The kinds of promises, and how the report says them."""


def _kind_of(promise: Promise | None) -> str:
    if promise is None:
        return "none"
    return "date" if promise.due is not None else "standard"


def _listing(console: Console, title: str, entries: list[dict[str, Any]], number: int) -> None:
    if not entries:
        return
    console.print(f"[bold]{title}[/bold]")
    for entry in entries[:_SHOWN]:
        what = f"{entry['case'] or 'no case'}: {entry['reason']}"
        console.print(f"  line {entry['line']}: {escape(what)}", highlight=False)
    if number > _SHOWN:
        console.print(f"  and {number - _SHOWN:,} more; --report FILE lists them")
