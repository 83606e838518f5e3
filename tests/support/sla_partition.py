"""One partition of the log, instances of sla that read it, and random lives to tell them of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiokafka import ConsumerRecord
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import intake, routing, sla
from contracts.events.sla import Budget, ExemptionGround, TimeUnit
from contracts.model import EventData
from contracts.wire.codec import decode, encode
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.core.batch import decide, pick
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Stored, from_document
from services.sla.dossier.fold import alert_of
from services.sla.dossier.state import Sla
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    OWED,
    PAID,
    PROCESSED,
    RESUMED,
    RETURNED,
    STOPPED,
    WITHDRAWN,
    completed,
    exempted,
    foreseen,
    handed_over,
    letter,
    received,
    routed,
    started,
)
from tests.support.rule_sets import WORLD
from tests.support.sla_dossiers import DECIDER
from tests.support.times import VIETNAM, vietnam

CODES = tuple(f"H29.15-240304-000{number}" for number in range(1, 4))


def _moments() -> list[datetime]:
    """Few enough that equal instants are common: openings, closings, noon, nights, weekends."""
    clocks = ("07:30", "08:00", "11:30", "12:00", "13:00", "16:59:59", "17:00", "22:00:00.500")
    days = ("2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-09", "2024-03-12")
    return [vietnam(f"{day} {clock}") for day in days for clock in clocks]


MOMENTS = _moments()
END = datetime(2024, 6, 28, 10, tzinfo=UTC)
"""Long after every deadline; whatever is still open then is overdue."""
UNITS = ("H29.15", "H29.1", "H29.6", "X9")
"""One with the usual hours, one with a Saturday desk, another, and one that no file knows."""
PROCEDURES = ("1.004194", "1.013225", "1.001193", "9.9")
"""Three working days, fifteen calendar days, eight hours, and one that the catalogue lacks."""
times = st.sampled_from(MOMENTS)
_units = st.sampled_from(UNITS)
_budgets = st.sampled_from(
    [
        None,
        Budget(amount=1, unit=TimeUnit.WORKING_DAYS),
        Budget(amount=4, unit=TimeUnit.WORKING_HOURS),
        Budget(amount=2, unit=TimeUnit.CALENDAR_DAYS),
    ]
)
_PART = intake.PaymentReceived(amount=100, outstanding=400, reference="p1")
_NOT_RECEIVED = intake.DossierNotReceived(reason="r", by="cb-1")


def _registered(procedure: str, unit: str) -> EventData:
    filing = received(procedure, unit).model_dump(exclude={"by"})
    return intake.DossierRegistered(**filing)


def _consultation(unit: str, budget: Budget | None) -> tuple[EventData, ...]:
    return (
        routing.ConsultationOpened(unit=unit, question="q", budget=budget, by="b"),
        routing.ConsultationAnswered(unit=unit, answer="a", by="b"),
    )


_ACTS: st.SearchStrategy[tuple[EventData, ...]] = st.one_of(
    st.sampled_from([(DEMANDED, DELIVERED), (OWED, _PART, PAID), (STOPPED, RESUMED)]),
    st.sampled_from([(DEMANDED, DELIVERED), (OWED, PAID), (STOPPED, RESUMED)]),
    st.sampled_from([(PROCESSED,), (RETURNED,), (WITHDRAWN,), (_NOT_RECEIVED,)]),
    st.builds(lambda n: (started(n), completed(n)), st.integers(0, 3)),
    st.builds(lambda unit: (handed_over(unit),), _units),
    st.builds(_consultation, _units, _budgets),
    st.builds(lambda *dates: (letter(min(dates), max(dates)),), times, times),
    st.builds(lambda due: (foreseen(), letter(due, None)), times),
    st.builds(lambda ground: (exempted(ground),), st.sampled_from(ExemptionGround)),
)


@st.composite
def lives(draw: st.DrawFn, code: str = CODES[0]) -> list[Event]:
    """What is told of a dossier, in the order of time; some of it nonsense, as in life.

    What was begun may never end, may end before it begins, and may be told twice.
    """
    procedure, unit = draw(st.sampled_from(PROCEDURES)), draw(_units)
    begin = draw(st.sampled_from(MOMENTS[:24]))
    told: list[tuple[datetime, EventData]] = [(begin, received(procedure, unit))]
    if draw(st.booleans()):
        told.append((draw(st.sampled_from(MOMENTS[:24])), _registered(procedure, unit)))
    unroutable = st.just(routing.DossierUnroutable(reason="r"))
    told.append((begin, draw(st.one_of(_units.map(routed), unroutable))))
    for act in draw(st.lists(_ACTS, max_size=7)):
        told += [(draw(times), fact) for fact in act[: draw(st.integers(1, len(act)))]]
    events = [
        Event(f"{number}-{code}", "/older", code, time, data)
        for number, (time, data) in enumerate(told)
    ]
    return sorted(events, key=lambda e: e.time)


@dataclass
class Instance:
    """What one instance holds of a partition in its memory."""

    position: int
    documents: dict[str, dict[str, Any]]
    """The states, as they were loaded or written last."""

    def states(self) -> dict[str, Stored[Sla]]:
        return {code: from_document(doc, Sla) for code, doc in self.documents.items()}


@dataclass
class Partition:
    """A partition of the log, with what is written and committed for it."""

    number: int = 0
    records: list[ConsumerRecord[Any, Any]] = field(default_factory=list)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    committed: int = 0

    def append(self, events: Iterable[Event]) -> None:
        for event in events:
            record = encode(event)
            self.records.append(
                ConsumerRecord(
                    topic=DOSSIER_EVENTS,
                    partition=self.number,
                    offset=len(self.records),
                    timestamp=0,
                    timestamp_type=0,
                    key=record.key,
                    value=record.value,
                    checksum=None,
                    serialized_key_size=0,
                    serialized_value_size=0,
                    headers=record.headers,
                )
            )

    def takes_over(self) -> Instance:
        """An instance that begins where the last one wrote and committed."""
        return Instance(self.committed, dict(self.documents))

    def batch(self, instance: Instance, records: int, *, until: str = "committed") -> None:
        """Handles so many records; dies or is fenced after `until` is reached."""
        taken = self.records[instance.position : instance.position + records]
        states = instance.states()
        wanted, _ = pick(DECIDER, taken)
        decided = decide(DECIDER, {self.number: WORLD}, wanted, states, END)
        assert not decided.dead_letters, decided.last_error
        self.append(decided.events)
        instance.position += len(taken)
        self._write(instance, decided.dirty, until)

    def timers(self, instance: Instance, before: datetime, *, until: str = "committed") -> None:
        """Fires what was due before that time."""
        fired: dict[str, Stored[Sla]] = {}
        for code, stored in instance.states().items():
            if stored.due is not None and stored.due < before:
                self.append(fire_timers(DECIDER, WORLD, stored, before))
                set_due(DECIDER, WORLD, stored)
                fired[code] = stored
        self._write(instance, fired, until)

    def _write(self, instance: Instance, dirty: dict[str, Stored[Sla]], until: str) -> None:
        if until == "published":
            return
        for code, stored in dirty.items():
            instance.documents[code] = self.documents[code] = stored.document()
        if until == "committed":
            self.committed = instance.position

    def settles(self) -> None:
        """A new instance reads all that stands there, and time passes until nothing is left."""
        instance = self.takes_over()
        while True:
            while instance.position < len(self.records):
                self.batch(instance, 100)
            end = len(self.records)
            self.timers(instance, END)
            if len(self.records) == end:
                return

    def state(self, code: str) -> Sla:
        return from_document(self.documents[code], Sla).state

    def said(self, code: str) -> dict[str, EventData]:
        """What sla said about a dossier, by id, as those who read the log know it."""
        events = (decode(r.key, r.value, r.headers) for r in self.records)
        return {e.id: e.data for e in events if e.subject == code and e.source == "/motcua/sla"}


def net(said: dict[str, EventData], code: str = CODES[0]) -> Counter[tuple[str, datetime, str]]:
    """The alerts that stand: raised less retracted. Checks that each step makes sense."""
    standing = {
        key: alert_of(Event(key, "/motcua/sla", code, END, data))
        for key, data in said.items()
        if isinstance(data, sla.ALERTS)
    }
    gone: set[str] = set()
    for data in said.values():
        if isinstance(data, sla.AlertRetracted):
            assert data.alert_id in standing, f"retracted, but never raised: {data}"
            assert data.alert_id not in gone, f"retracted twice: {data}"
            gone.add(data.alert_id)
    return Counter((a.kind, a.at, a.about) for key, a in standing.items() if key not in gone)


def plain(events: Sequence[Event]) -> tuple[Stored[Sla], dict[str, EventData]]:
    """The life as it was lived: in the order of time, one event after the other."""
    stored: Stored[Sla] = Stored(events[0].subject, 0, Sla())
    said = [caused for event in events for caused in handle(DECIDER, WORLD, stored, event)]
    said += fire_timers(DECIDER, WORLD, stored, END)
    return stored, {event.id: event.data for event in said}


def brief(events: Sequence[Event]) -> str:
    """A life as a person reads it, in the order of arrival."""
    return "\n".join(
        f"{e.time.astimezone(VIETNAM):%a %d %H:%M:%S.%f} {type(e.data).__name__} "
        f"{e.data.model_dump(exclude={'by', 'reason', 'lead', 'question', 'answer', 'place'})}"
        for e in events
    )


def agree(state: Sla, said: dict[str, EventData], events: Sequence[Event]) -> None:
    """Asserts that a life was told as it was lived, whatever happened to its records."""
    code = events[0].subject
    lived, told = plain(events)
    wanted, found = net(told, code), net(said, code)
    assert found == wanted
    assert max(found.values(), default=1) == 1
    assert Counter((a.kind, a.at, a.about) for a in state.alerts if not a.retracted) == wanted
    # What was announced and taken back leaves no trace in what is known and judged.
    assert _unspoken(state) == _unspoken(lived.state)
    now = state.assessment
    if now is not None and now.due is not None and state.span.ended_at is None:
        assert state.due_told == now.due


def _unspoken(state: Sla) -> Sla:
    unspoken = replace(state, alerts=(), retracted=(), deadlines=(), due_told=None)
    unspoken = replace(unspoken, taken_back=(), breach_taken_back=None)
    # Nor does it matter that a past was told as such.
    handlers = tuple(replace(each, told="") for each in state.handlers)
    steps = tuple(replace(each, start="", end="") for each in state.steps)
    return replace(unspoken, first_budget=None, told_until=None, handlers=handlers, steps=steps)
