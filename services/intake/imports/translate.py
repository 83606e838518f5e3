"""From a trace of an older system to the facts of a dossier's history. Pure.

The result depends on the trace and the mapping alone: the same two give the same events with the
same ids, on any machine, however often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
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
    untold: tuple[str, ...] = ()
    """Facts of the rule that the dossier's state could not take."""


class SkippedEvent(NamedTuple):
    """An event of the file that became nothing."""

    line: int
    activity: str | None
    reason: str
    rule: int | None = None
    """The number of the rule that skips it on purpose; None if it could not be used."""


class UnlistedText(NamedTuple):
    """A text that the table of one of the mapping's values does not have."""

    line: int
    value: str
    text: str


@dataclass
class TranslatedTrace:
    """The result of one trace. Every event of it is either taken or skipped."""

    line: int
    case: str | None
    code: str | None = None
    facts: list[Event] = field(default_factory=list)
    taken: list[TakenEvent] = field(default_factory=list)
    skipped: list[SkippedEvent] = field(default_factory=list)
    unlisted: list[UnlistedText] = field(default_factory=list)
    """At most one per event, value and text. Of broken traces too: it may be why they are."""
    status: PublicStatus | None = None
    """The dossier's public state after all facts."""
    broken: str | None = None
    """Why nothing of the trace can be told; there are no facts then."""

    def breaks(self, trace: LoggedTrace, why: str, activity: str | None) -> None:
        """Take everything back: half a history would be wrong."""
        self.broken = why
        self.facts = []
        self.taken = []
        self.status = None
        self.skipped = [
            SkippedEvent(e.line, e.attributes.get(activity or ""), f"its trace is broken: {why}")
            for e in trace.events
        ]


class _Usable(NamedTuple):
    time: datetime
    order: tuple[int, int]
    """Its place among events of the same time."""
    activity: str
    id: tuple[str, ...]
    """What tells it from the other events of its case."""
    line: int
    attributes: Mapping[str, str]


_FIRST, _ROWS, _LAST = range(3)


def translate(
    compiled: CompiledMapping, trace: LoggedTrace, entered: datetime | None = None
) -> TranslatedTrace:
    """Return the facts that the trace tells, in event-time order, and what became of each event.

    What happened later than `entered`, when the import is made, cannot be told; None asks nothing.
    """
    case = trace.attributes.get(compiled.source.case) or None
    told = TranslatedTrace(trace.line, case)
    try:
        _tell(compiled, trace, told, entered)
    except (NoCode, Differs, _Untellable) as error:
        told.breaks(trace, str(error), compiled.source.activity)
    return told


class _Untellable(Exception):
    pass


def _tell(
    compiled: CompiledMapping,
    trace: LoggedTrace,
    told: TranslatedTrace,
    entered: datetime | None,
) -> None:
    if told.case is None:
        raise _Untellable(f"it has no {compiled.source.case!r}, so its case is not known")
    if not trace.events and not compiled.source.columns:
        raise _Untellable("it has no events")
    match = compiled.number.search(told.case)
    if match is None or not match["value"]:
        raise _Untellable(f"source.number finds no number in the case's id {told.case!r}")
    number = match["value"]
    case = CaseAttributes(trace, columns=isinstance(compiled.source, CsvSource))
    usable, first = _usable(compiled.source, trace, case, told, entered)
    told.code = dossier_code(compiled.source.agency, told.case, number, first)
    sequence = ActivitySequence([event.activity for event in usable])
    history = History(compiled, told.case, number, told.code, case, sequence)
    for place, event in enumerate(usable):
        attribute, state = partial(_attribute, event.attributes, case), history.state
        rule = next((r for r in compiled.rules if r.holds(sequence, place, state, attribute)), None)
        if rule is not None and rule.skip is not None:
            told.skipped.append(SkippedEvent(event.line, event.activity, rule.skip, rule.number))
            continue
        emits = rule.emits if rule else ()
        try:
            facts = history.tell(emits, place, event.time, event.id, event.attributes)
        except (Missing, Differs, NoTime, ValidationError) as error:
            what = _short(error) if isinstance(error, ValidationError) else str(error)
            by = f" (rules[{rule.number}])" if rule else ""
            raise _Untellable(f"line {event.line}, {event.activity!r}{by}: {what}") from error
        finally:
            told.unlisted += (UnlistedText(event.line, *each) for each in sorted(history.unlisted))
        number_of_rule = rule.number if rule else None
        told.taken.append(
            TakenEvent(event.line, event.activity, facts, number_of_rule, history.untold)
        )
    told.status = history.status
    if told.status is None:
        raise _Untellable("no rule registers or receives it")
    told.facts = history.facts
    told.facts.append(_closed(compiled.source, told, usable[-1].time))


def _attribute(attributes: Mapping[str, str], case: CaseAttributes, key: str) -> str | None:
    own = attributes.get(key)
    if own is None and key.startswith("case:"):
        return case.get(key.removeprefix("case:"))
    return own


def _usable(
    source: XesSource | CsvSource,
    trace: LoggedTrace,
    case: CaseAttributes,
    told: TranslatedTrace,
    entered: datetime | None,
) -> tuple[list[_Usable], datetime]:
    """Return the events that can be told, in time order, and the case's earliest time."""
    columns = _of_columns(source, case, entered)
    if source.activity is None or source.time is None:
        # A row tells of a case, and only its columns of events.
        rows: list[_Usable] = []
        earliest: datetime | None = None
        told.skipped += [SkippedEvent(r.line, None, r.fault) for r in trace.events if r.fault]
    else:
        rows, earliest = _of_rows(source, source.activity, trace, told, entered)
    usable = [*columns, *rows]
    times = [event.time for event in columns] + ([earliest] if earliest else [])
    if not usable or not times:
        either = ", and none of source.columns is filled" if source.columns else ""
        raise _Untellable(f"none of its events has both a time and an activity{either}")
    usable.sort(key=lambda event: (event.time, event.order))
    return usable, min(times)


def _of_columns(
    source: XesSource | CsvSource, case: CaseAttributes, entered: datetime | None
) -> list[_Usable]:
    # Beside rows with events, a column says nothing of the event but its time.
    alone = isinstance(source, XesSource) or source.activity is None
    attributes: Mapping[str, str] = case if alone else {}
    found: list[_Usable] = []
    for number, column in enumerate(source.columns, start=1):
        said = case.said(column.time)
        if said is None:
            continue
        times = Times(column.time_format or source.time_format, source.time_zone, entered)
        try:
            time = times.read(said.text, end_of_day=column.last)
        except NoTime as error:
            # It may be the case's first event, whose day is part of the code.
            raise _Untellable(
                f"line {said.line}, {column.time!r}: {error}: mend it, or say how it is written"
                f" in source.columns[{number}].time_format and source.time_zone"
            ) from error
        order = (_LAST if column.last else _FIRST, number)
        own = ("column", column.time)
        found.append(_Usable(time, order, column.activity, own, said.line, attributes))
    return found


def _of_rows(
    source: XesSource | CsvSource,
    named: str,
    trace: LoggedTrace,
    told: TranslatedTrace,
    entered: datetime | None,
) -> tuple[list[_Usable], datetime | None]:
    usable: list[_Usable] = []
    earliest: datetime | None = None
    ids: dict[str, int] = {}
    for position, event in enumerate(trace.events, start=1):
        activity = event.attributes.get(named, "").strip() or None
        time, why = None, event.fault
        if why is None:
            time, why = _time(source, event, entered)
        if time is None and position == 1:
            # The day of the first event is part of the code. If it were guessed now and the file
            # corrected later, the same dossier would come in twice, under two codes.
            raise _Untellable(f"line {event.line}: its first event has no usable time: {why}")
        if time is not None and (earliest is None or time < earliest):
            earliest = time
        if why is None and activity is None:
            why = f"no activity: {named!r} is missing or empty"
        if why is None and source.event_id:
            why = _second(ids, event.attributes.get(source.event_id), event.line)
        if why is not None or time is None or activity is None:
            told.skipped.append(SkippedEvent(event.line, activity, why or "no time"))
            continue
        own, place = None, str(position)
        if source.event_id:
            # An event without an id of its own must not get the id of another.
            own, place = event.attributes.get(source.event_id), f"#{position}"
        order = (_ROWS, position)
        usable.append(_Usable(time, order, activity, (own or place,), event.line, event.attributes))
    return usable, earliest


def _second(ids: dict[str, int], own: str | None, line: int) -> str | None:
    if own is None:
        return None
    first = ids.setdefault(own, line)
    return None if first == line else f"the event {own!r} stands in the case already, line {first}"


def _time(
    source: XesSource | CsvSource, event: LoggedEvent, entered: datetime | None
) -> tuple[datetime | None, str | None]:
    text = event.attributes.get(source.time or "")
    if not text:
        return None, f"no time: {source.time!r} is missing or empty"
    try:
        return Times(source.time_format, source.time_zone, entered).read(text), None
    except NoTime as error:
        return None, str(error)


def _closed(source: XesSource | CsvSource, told: TranslatedTrace, last: datetime) -> Event:
    time = to_utc_millis(last if source.as_of is None else max(last, source.as_of.astimezone(UTC)))
    # What a later delivery adds opens the history again, so its close must be another event:
    # services ignore an id that they know. Late entries may leave the time as it was.
    facts = (fact.id for fact in told.facts)
    return Event(
        id=derive_id("import", source.name, told.case or "", "closed", time.isoformat(), *facts),
        source=f"/import/{source.name}",
        subject=told.code or "",
        time=time,
        data=HistoryClosed(),
        history=True,
    )


def _short(error: ValidationError) -> str:
    return "; ".join(
        f"{error.title}.{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors()
    )
