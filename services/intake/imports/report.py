"""The result of reading a log: what was taken, what was skipped, where and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.events.intake import DossierReceived, Promise
from services.intake.imports.log import LogError
from services.intake.imports.rules import CompiledMapping
from services.intake.imports.told_before import Comparison
from services.intake.imports.translate import TranslatedTrace

MAX_LISTED = 10_000
"""The most skipped events, broken traces and unlisted texts that are named; the rest are only
counted."""
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
    events_unusable: int = 0
    """Events of taken traces that were skipped though no rule says so."""
    facts: Counter[str] = field(default_factory=Counter)
    activities: dict[str, Counter[str]] = field(default_factory=dict)
    """By activity: what it became, e.g. ``DossierReceived + DossierRouted``, and how often."""
    rules: Counter[str] = field(default_factory=Counter)
    mapped: dict[str, str] = field(default_factory=dict)
    """Every rule of the mapping, and the activities that it names."""
    on_purpose: Counter[str] = field(default_factory=Counter)
    """By rule and its reason: how many events it skipped."""
    untold: Counter[str] = field(default_factory=Counter)
    """By rule and fact: how often the dossier's state could not take it."""
    unlisted: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """By value and text that its table does not have: how often, and the first line."""
    unlisted_times: int = 0
    states: Counter[str] = field(default_factory=Counter)
    promises: Counter[str] = field(default_factory=Counter)
    """By kind of promise: how many dossiers were received with it."""
    skipped: list[dict[str, Any]] = field(default_factory=list)
    """The unusable events."""
    broken: list[dict[str, Any]] = field(default_factory=list)
    differing: Counter[str] = field(default_factory=Counter)
    """``facts`` and ``cases`` that say something else than an earlier import told."""
    differing_facts: list[dict[str, Any]] = field(default_factory=list)
    gone: Counter[str] = field(default_factory=Counter)
    """``facts`` and their ``cases`` that an earlier import told, and this one does not."""
    corrects: bool = False
    """Whether what differs is corrected."""
    unfinished: Counter[str] = field(default_factory=Counter)
    """``facts`` of corrections that were begun and not confirmed, and their ``cases``."""
    not_corrected: list[dict[str, Any]] = field(default_factory=list)
    """The cases that differ and cannot be corrected."""
    error: str | None = None
    """Why the file was not read to its end."""
    sent: int = 0
    """Facts that were acknowledged in this run."""
    already_sent: int = 0
    """Traces that an earlier run had sent."""

    @classmethod
    def of(cls, file: str, compiled: CompiledMapping, *, corrects: bool = False) -> Self:
        """Return the report of an import that has read nothing yet."""
        rules = {f"rules[{rule.number}]": rule.text for rule in compiled.rules}
        return cls(file=file, source=compiled.source.name, mapped=rules, corrects=corrects)

    @property
    def left_out(self) -> int:
        """How much of what was read is not told, though nobody said so on purpose."""
        return (
            self.traces
            - self.traces_taken
            + self.events_unusable
            + self.unlisted_times
            + (0 if self.corrects else self.differing["facts"])
            + self.unfinished["facts"]
            + len(self.not_corrected)
        )

    @property
    def good(self) -> bool:
        """Whether everything was read and told."""
        return not self.error and self.left_out == 0

    @property
    def unfitting(self) -> dict[str, str]:
        """The rules that decided on no event, and the activities that they name."""
        return {rule: text for rule, text in self.mapped.items() if not self.rules[rule]}

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
            rule = "no rule" if taken.rule is None else f"rules[{taken.rule}]"
            self.rules[rule] += 1
            self.untold.update(f"{rule} {fact}" for fact in taken.untold)
        for value, text, line in ((each.value, each.text, each.line) for each in told.unlisted):
            self.unlisted_times += 1
            known = self.unlisted.get((value, text))
            if known is not None:
                known[0] += 1
            elif len(self.unlisted) < MAX_LISTED:
                self.unlisted[value, text] = [1, line]
        if told.broken is not None:
            return  # what is wrong with the trace says why its events are skipped
        for skipped in told.skipped:
            if skipped.rule is not None:
                self.rules[f"rules[{skipped.rule}]"] += 1
                self.on_purpose[f"rules[{skipped.rule}]: {skipped.reason}"] += 1
                continue
            self.events_unusable += 1
            if len(self.skipped) < MAX_LISTED:
                self.skipped.append(
                    {
                        "line": skipped.line,
                        "case": told.case,
                        "activity": skipped.activity,
                        "reason": skipped.reason,
                    }
                )

    def cannot_correct(self, told: TranslatedTrace, why: str) -> None:
        """Note a trace that tells otherwise than an earlier import did, and why it must."""
        self.not_corrected.append({"line": told.line, "case": told.case, "reason": why})

    def compare(self, told: TranslatedTrace, found: Comparison, *, unfinished: int = 0) -> None:
        """Count what one trace tells otherwise than an earlier import did.

        `unfinished`: how many facts of a correction may stand that was never confirmed.
        """
        if unfinished:
            self.unfinished["cases"] += 1
            self.unfinished["facts"] += unfinished
        if found.differing:
            self.differing["cases"] += 1
            self.differing["facts"] += len(found.differing)
        if found.gone:
            self.gone["cases"] += 1
            self.gone["facts"] += found.gone
        for fact in found.differing:
            if len(self.differing_facts) < MAX_LISTED:
                self.differing_facts.append(
                    {
                        "line": told.line,
                        "case": told.case,
                        "fact": fact.data.NAME,
                        "time": fact.time.isoformat(),
                        "id": fact.id,
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
                "skipped_on_purpose": self.on_purpose.total(),
            },
            "facts": {"told": self.facts.total(), "sent": self.sent, "by_type": dict(self.facts)},
            "final_states": dict(self.states),
            "promises": {kind: self.promises[kind] for kind in _PROMISES},
            "told_before": {
                "facts_that_differ": self.differing["facts"],
                "cases_that_differ": self.differing["cases"],
                "facts_that_are_gone": self.gone["facts"],
                "cases_with_facts_gone": self.gone["cases"],
                "differing_facts": self.differing_facts,
                "corrected": self.corrects,
                "cases_that_cannot_be_corrected": self.not_corrected,
                "cases_with_an_unfinished_correction": self.unfinished["cases"],
            },
            "activities": {name: dict(became) for name, became in self.activities.items()},
            "rules": dict(self.rules),
            "rules_that_fitted_no_event": self.unfitting,
            "untold_facts": dict(self.untold),
            "texts_that_no_table_has": [
                {"value": value, "text": text, "times": times, "line": line}
                for (value, text), (times, line) in self.unlisted.items()
            ],
            "broken_traces": self.broken,
            "skipped_events": self.skipped,
            "skipped_on_purpose": dict(self.on_purpose),
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
            console.print(f"{self.promises.total():,} received: {', '.join(said)}.")
        _listing(console, "Broken traces", self.broken, self.traces - self.traces_taken)
        _listing(console, "Skipped events", self.skipped, self.events_unusable)
        _lines(
            console,
            "Texts that no table has",
            (
                f"values.{value}.table has no {text!r}: {_often(times)}, first in line {line}"
                for (value, text), (times, line) in self.unlisted.items()
            ),
        )
        _lines(
            console,
            "Skipped on purpose",
            (f"{why}: {_often(times)}" for why, times in self.on_purpose.most_common()),
        )
        _lines(
            console,
            "Facts that the dossier's state could not take",
            (f"{what}: {_often(times)}" for what, times in self.untold.most_common()),
        )
        _lines(
            console,
            "Rules that fitted no event",
            (f"{rule}: {text}" for rule, text in self.unfitting.items()),
        )
        if self.differing:
            what = _facts_of_cases(self.differing)
            now = "They were corrected" if self.corrects else "They were not changed"
            console.print(f"Differ from what was told before: {what}. {now}.")
        if self.gone:
            what = _facts_of_cases(self.gone)
            now = "They were taken back" if self.corrects else "They stand"
            console.print(f"Were told before and are told no more: {what}. {now}.")
        if not self.corrects and (self.differing or self.gone):
            console.print("`--correct` tells these cases anew.")
        _listing(console, "Cannot be corrected", self.not_corrected, len(self.not_corrected))
        if self.unfinished:
            what = _facts_of_cases(self.unfinished)
            console.print(f"A correction was begun and not confirmed: {what}. Run --correct again.")
        if self.error:
            console.print(f"[red]Not read to the end:[/red] {escape(self.error)}")


_PROMISES = {
    "date": "with a date of their own",
    "standard": "with the standard time",
    "none": "with no known promise (unjudged)",
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
    _more(console, number)


def _lines(console: Console, title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if not found:
        return
    console.print(f"[bold]{title}[/bold]")
    for line in found[:_SHOWN]:
        console.print(f"  {escape(line)}", highlight=False)
    _more(console, len(found))


def _facts_of_cases(counted: Counter[str]) -> str:
    facts, cases = counted["facts"], counted["cases"]
    return f"{facts:,} fact{'s' * (facts != 1)} of {cases:,} case{'s' * (cases != 1)}"


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times:,} times"


def _more(console: Console, number: int) -> None:
    if number > _SHOWN:
        console.print(f"  and {number - _SHOWN:,} more; --report FILE lists them")
