"""From a trace of an older system to the facts of a dossier's history. Pure.

The result depends on the trace and the mapping alone: the same two give the same events with the
same ids, on any machine, however often.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import ValidationError

from contracts.events.intake import HistoryClosed
from contracts.values import to_utc_millis
from contracts.wire.envelope import Event, derive_id
from services.intake.imports.activities import ActivitySequence
from services.intake.imports.case_attributes import CaseAttributes, Differs
from services.intake.imports.codes import NoCode, dossier_code
from services.intake.imports.history import History
from services.intake.imports.log import LoggedEvent, LoggedTrace
from services.intake.imports.mapping import CsvSource, XesSource
from services.intake.imports.rules import CompiledMapping
from services.intake.imports.template import Missing
from services.intake.imports.times import NoTime, Times
from services.shared.lifecycle import PublicStatus


class TakenEvent(NamedTuple):
    """An event of the file that became facts."""

    line: int
    activity: str
    facts: tuple[str, ...]
    rule: int | None
    """The deciding rule's number, from 1; None if no rule fits and it became a remark."""


class SkippedEvent(NamedTuple):
    """An event of the file that became nothing."""

    line: int
    activity: str | None
    reason: str


@dataclass
class TranslatedTrace:
    """The result of one trace. Every event of it is either taken or skipped."""

    line: int
    case: str | None
    code: str | None = None
    facts: list[Event] = field(default_factory=list)
    taken: list[TakenEvent] = field(default_factory=list)
    skipped: list[SkippedEvent] = field(default_factory=list)
    status: PublicStatus | None = None
    """The dossier's public state after all facts."""
    broken: str | None = None
    """Why nothing of the trace can be told; there are no facts then."""

    def breaks(self, trace: LoggedTrace, why: str, activity: str) -> None:
        """Take everything back: half a history would be wrong."""
        self.broken = why
        self.facts = []
        self.taken = []
        self.status = None
        self.skipped = [
            SkippedEvent(e.line, e.attributes.get(activity), f"its trace is broken: {why}")
            for e in trace.events
        ]


class _Usable(NamedTuple):
    time: datetime
    position: int
    """The position in the trace as the file has it, from 1."""
    activity: str
    logged: LoggedEvent


def translate(compiled: CompiledMapping, trace: LoggedTrace) -> TranslatedTrace:
    """Return the facts that the trace tells, in event-time order, and what became of each event."""
    case = trace.attributes.get(compiled.source.case) or None
    told = TranslatedTrace(trace.line, case)
    try:
        _tell(compiled, trace, told)
    except (NoCode, Differs, _Untellable) as error:
        told.breaks(trace, str(error), compiled.source.activity)
    return told


class _Untellable(Exception):
    pass


def _tell(compiled: CompiledMapping, trace: LoggedTrace, told: TranslatedTrace) -> None:
    if told.case is None:
        raise _Untellable(f"it has no {compiled.source.case!r}, so its case is not known")
    if not trace.events:
        raise _Untellable("it has no events")
    match = compiled.number.search(told.case)
    if match is None or not match["value"]:
        raise _Untellable(f"source.number finds no number in the case's id {told.case!r}")
    number = match["value"]
    usable, first = _usable(compiled.source, trace, told)
    told.code = dossier_code(compiled.source.agency, told.case, number, first)
    sequence = ActivitySequence([event.activity for event in usable])
    attributes_of_case = CaseAttributes(trace, columns=isinstance(compiled.source, CsvSource))
    history = History(compiled, told.case, number, told.code, attributes_of_case, sequence)
    for place, event in enumerate(usable):
        attributes = event.logged.attributes
        state = history.state
        rule = next(
            (r for r in compiled.rules if r.holds(sequence, place, state, attributes)), None
        )
        if rule is not None and rule.skip is not None:
            told.skipped.append(SkippedEvent(event.logged.line, event.activity, rule.skip))
            continue
        own, position = None, str(event.position)
        if compiled.source.event_id:
            # An event without an id of its own must not get the id of another.
            own, position = attributes.get(compiled.source.event_id), f"#{position}"
        try:
            facts = history.tell(
                rule.emits if rule else (), place, event.time, own or position, attributes
            )
        except (Missing, Differs, NoTime, ValidationError) as error:
            what = _short(error) if isinstance(error, ValidationError) else str(error)
            by = f" (rules[{rule.number}])" if rule else ""
            raise _Untellable(
                f"line {event.logged.line}, {event.activity!r}{by}: {what}"
            ) from error
        told.taken.append(
            TakenEvent(event.logged.line, event.activity, facts, rule.number if rule else None)
        )
    told.status = history.status
    if told.status is None:
        raise _Untellable("no rule registers or receives it")
    told.facts = history.facts
    told.facts.append(_closed(compiled.source, told, usable[-1].time))


def _usable(
    source: XesSource | CsvSource, trace: LoggedTrace, told: TranslatedTrace
) -> tuple[list[_Usable], datetime]:
    usable: list[_Usable] = []
    earliest: datetime | None = None
    ids: dict[str, int] = {}
    for position, event in enumerate(trace.events, start=1):
        activity = event.attributes.get(source.activity, "").strip() or None
        time, why = None, event.fault
        if why is None:
            time, why = _time(source, event.attributes.get(source.time))
        if time is None and position == 1:
            # The day of the first event is part of the code. If it were guessed now and the file
            # corrected later, the same dossier would come in twice, under two codes.
            raise _Untellable(f"line {event.line}: its first event has no usable time: {why}")
        if time is not None and (earliest is None or time < earliest):
            earliest = time
        if why is None and activity is None:
            why = f"no activity: {source.activity!r} is missing or empty"
        if why is None and source.event_id:
            why = _second(ids, event.attributes.get(source.event_id), event.line)
        if why is not None or time is None or activity is None:
            told.skipped.append(SkippedEvent(event.line, activity, why or "no time"))
            continue
        usable.append(_Usable(time, position, activity, event))
    if not usable or earliest is None:
        raise _Untellable("none of its events has both a time and an activity")
    usable.sort(key=lambda event: (event.time, event.position))
    return usable, earliest


def _second(ids: dict[str, int], own: str | None, line: int) -> str | None:
    if own is None:
        return None
    first = ids.setdefault(own, line)
    return None if first == line else f"the event {own!r} stands in the case already, line {first}"


def _time(source: XesSource | CsvSource, text: str | None) -> tuple[datetime | None, str | None]:
    if not text:
        return None, f"no time: {source.time!r} is missing or empty"
    try:
        return Times(source.time_format, source.time_zone).read(text), None
    except NoTime as error:
        return None, str(error)


def _closed(source: XesSource | CsvSource, told: TranslatedTrace, last: datetime) -> Event:
    time = last if source.as_of is None else max(last, source.as_of.astimezone(UTC))
    return Event(
        id=derive_id("import", source.name, told.case or "", "closed"),
        source=f"/import/{source.name}",
        subject=told.code or "",
        time=to_utc_millis(time),
        data=HistoryClosed(),
        history=True,
    )


def _short(error: ValidationError) -> str:
    return "; ".join(
        f"{error.title}.{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors()
    )
