"""Random lives of dossiers: whatever happens to their records, sla says one thing in the end.

The log is kept here as Kafka keeps it, in partitions of encoded records, and sla is driven through
the engine's own `pick` and `decide` and through the documents that MongoDB would hold. So what is
shuffled, cut, doubled, lost in a crash or said by an instance that was fenced is what really is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import ConsumerRecord
from hypothesis import given, note
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
from services.sla.clock.assess import course
from services.sla.clock.running import Reached, Running
from services.sla.dossier.fold import alert_of
from services.sla.dossier.state import Sla, unit_at
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
    handed_over,
    letter,
    received,
    routed,
    started,
)
from tests.support.properties import examples
from tests.support.sla_dossiers import decider_of
from tests.support.times import VIETNAM, vietnam

DECIDER = decider_of()
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


_times = st.sampled_from(MOMENTS)
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
    st.builds(lambda *dates: (letter(min(dates), max(dates)),), _times, _times),
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
        told += [(draw(_times), fact) for fact in act[: draw(st.integers(1, len(act)))]]
    events = [
        Event(f"{number}-{code}", "/older", code, time, data)
        for number, (time, data) in enumerate(told)
    ]
    return sorted(events, key=lambda e: e.time)


# -- a city of one service ------------------------------------------------------------


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
        decided = decide(DECIDER, wanted, states, END)
        assert not decided.letters, decided.last_error
        self.append(decided.events)
        instance.position += len(taken)
        self._write(instance, decided.dirty, until)

    def timers(self, instance: Instance, before: datetime, *, until: str = "committed") -> None:
        """Fires what was due before that time."""
        fired: dict[str, Stored[Sla]] = {}
        for code, stored in instance.states().items():
            if stored.due is not None and stored.due < before:
                self.append(fire_timers(DECIDER, stored, before))
                set_due(DECIDER, stored)
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
    said = [caused for event in events for caused in handle(DECIDER, stored, event)]
    said += fire_timers(DECIDER, stored, END)
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
    return replace(state, alerts=(), retracted=(), deadlines=(), due_told=None)


STEPS = (
    *("told", "batch", "batch", "timers"),
    *("batch until published", "batch until persisted", "timers until published"),
    *("hangs", "zombie's batch", "zombie's timers"),
)
"""What happens to a partition and to the instances that look after it, one after another.

Until: at which arrow of the engine the instance dies. A zombie hangs, is fenced meanwhile, and then
says what it had concluded from what it knew.
"""


# -- what holds of every life ----------------------------------------------------------


@examples(1.5)
@given(data=st.data())
def test_no_order_of_arrival_cut_into_batches_or_duplicate_makes_a_difference(
    data: st.DataObject,
) -> None:
    events = data.draw(lives())
    arrivals = data.draw(st.permutations(events))
    arrivals += data.draw(st.lists(st.sampled_from(events), max_size=3))
    note(brief(arrivals))
    partition = Partition()
    partition.append(arrivals)
    instance = partition.takes_over()
    while instance.position < len(partition.records):
        partition.batch(instance, data.draw(st.integers(1, 8)))
        if instance.position == len(partition.records):
            break
        partition.timers(instance, data.draw(_times))
    partition.settles()
    agree(partition.state(CODES[0]), partition.said(CODES[0]), events)


@examples(0.6)
@given(data=st.data())
def test_no_number_of_partitions_or_of_instances_makes_a_difference(data: st.DataObject) -> None:
    told = [data.draw(lives(code)) for code in CODES]
    partitions = [Partition(number) for number in range(data.draw(st.integers(1, len(CODES))))]
    home = {code: partitions[number % len(partitions)] for number, code in enumerate(CODES)}
    for event in data.draw(st.permutations([event for life in told for event in life])):
        home[event.subject].append([event])
    for partition in partitions:
        instance = partition.takes_over()
        while instance.position < len(partition.records):
            partition.batch(instance, data.draw(st.integers(1, 12)))
            if data.draw(st.booleans()):
                instance = partition.takes_over()
        partition.settles()
    for life in told:
        partition = home[life[0].subject]
        agree(partition.state(life[0].subject), partition.said(life[0].subject), life)


@examples(0.6)
@given(events=lives(), data=st.data())
def test_a_past_that_was_imported_comes_to_the_same_once_it_is_told(
    events: list[Event], data: st.DataObject
) -> None:
    told = data.draw(st.integers(1, len(events)))
    past = [replace(event, history=True) for event in events[:told]]
    closed = Event("c", "/older", CODES[0], past[-1].time, intake.HistoryClosed(), history=True)
    partition = Partition()
    partition.append([*past, closed, *events[told:]])
    partition.settles()
    agree(partition.state(CODES[0]), partition.said(CODES[0]), events)


@examples(1.5)
@given(events=lives(), later=st.integers(0, 3 * 86_400_000))
def test_what_is_used_and_what_is_left_are_the_budget(events: list[Event], later: int) -> None:
    note(brief(events))
    state = plain(events)[0].state
    now, moment = state.assessment, events[-1].time + timedelta(milliseconds=later)
    if now is None or now.due is None or not now.running or moment > now.due:
        return
    assert state.procedure is not None
    found = course(state, DECIDER.rules.terms(state.procedure, state.workflow))
    assert found is not None
    unit = unit_at(state, moment)
    assert unit is not None
    left = DECIDER.rules.calendars.for_unit(unit).measure(moment, now.due)
    assert found.running.used(found.running.pieces[0].begin, moment) + left == now.budget


@examples(2)
@given(
    events=lives(),
    since=_times,
    seconds=st.sampled_from([0, 1, 3600, 5400, 4 * 3600, 8 * 3600, 24 * 3600, 50 * 3600]),
    first_due=st.none() | _times,
)
def test_a_budget_is_used_up_when_going_from_piece_to_piece_says_so(
    events: list[Event], since: datetime, seconds: int, first_due: datetime | None
) -> None:
    note(brief(events))
    state = plain(events)[0].state
    if state.assessment is None:
        return
    assert state.procedure is not None
    found = course(state, DECIDER.rules.terms(state.procedure, None))
    assert found is not None
    running = found.running
    if first_due is not None:
        # A day is promised at the reception or while the clock runs, for later; until then it is
        # so much time.
        begin = running.pieces[0].begin
        since = max(since, begin)
        promised = since == begin or running.as_of(since).pieces[-1].end is None
        first_due = max(first_due, since) if promised else None
    if first_due is not None:
        seconds = running.ahead(since, first_due)
    reached = running.reached(since, seconds, first_due)
    assert reached == step_by_step(running, since, seconds, first_due)


def step_by_step(
    running: Running, since: datetime, seconds: int, first_due: datetime | None
) -> Reached | None:
    """What `Running.reached` says, by its definition: each piece takes its part of the rest."""
    found: Reached | None = None
    stopped: datetime | None = None
    for piece in running.pieces:
        begin, end = max(piece.begin, since), piece.end
        if piece.begin < since and end is not None and end <= since:
            continue
        if found is not None and begin != stopped:
            first_due = None
        moment = first_due or (piece.calendar.add(begin, seconds) if seconds else begin)
        found = Reached(moment, end is None or moment < end, end is not None)
        if end is None or found.happened:
            break
        seconds -= piece.calendar.measure(begin, end)
        stopped = end
    return found


@examples(2)
@given(
    events=lives(),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 6), _times), max_size=25),
    data=st.data(),
)
def test_no_crash_at_any_arrow_and_no_fenced_instance_makes_a_difference(
    events: list[Event], steps: list[tuple[str, int, datetime]], data: st.DataObject
) -> None:
    pending = data.draw(st.permutations(events))
    note(f"{brief(pending)}\n{[(step, number) for step, number, _ in steps]}")
    partition = Partition()
    instance = partition.takes_over()
    zombies: list[Instance] = []
    for step, number, time in steps:
        what, _, until = step.partition(" until ")
        until = until or "committed"
        match what:
            case "told":
                partition.append(pending[:number])
                del pending[:number]
            case "batch":
                partition.batch(instance, number, until=until)
            case "timers" if instance.position == len(partition.records):
                # An instance fires nothing before it has read what stood there when it took over.
                partition.timers(instance, time, until=until)
            case "hangs":
                zombies.append(Instance(instance.position, dict(instance.documents)))
            case "zombie's batch" if zombies:
                partition.batch(zombies.pop(), number, until="published")
            case "zombie's timers" if zombies:
                partition.timers(zombies.pop(), time, until="published")
        if until != "committed":
            instance = partition.takes_over()
    partition.append(pending)
    partition.settles()
    agree(partition.state(CODES[0]), partition.said(CODES[0]), events)


# -- two lives that are too rare to be found by chance ----------------------------------


def _life(*told: tuple[str, EventData]) -> list[Event]:
    """Told of a dossier of three working days from Monday 4 March at 8:00."""
    begin = [("04 08:00", received()), ("04 08:00", routed())]
    return [
        Event(f"{number}-{CODES[0]}", "/older", CODES[0], vietnam(f"2024-03-{time}"), data)
        for number, (time, data) in enumerate([*begin, *told])
    ]


def _fenced(told: list[Event]) -> tuple[Partition, Instance]:
    """Two instances that know the first two facts; the rest stands on the log."""
    partition = Partition()
    partition.append(told[:2])
    partition.batch(partition.takes_over(), 2)
    hanging = partition.takes_over()
    partition.append(told[2:])
    return partition, hanging


def test_an_instance_that_knows_less_gives_the_same_alert_the_same_id() -> None:
    told = _life(
        *[("05 08:00", DEMANDED), ("05 08:00", DELIVERED)],
        *[("05 08:01", DEMANDED), ("05 08:01", DELIVERED)],
        ("08 10:00", PROCESSED),
    )
    partition, hanging = _fenced(told)
    partition.timers(hanging, vietnam("2024-03-08 08:00"), until="published")
    partition.settles()  # knows of a second demand, an alert of its own, before all the others
    agree(partition.state(CODES[0]), partition.said(CODES[0]), told)
    raised = [d.NAME for d in partition.said(CODES[0]).values() if isinstance(d, sla.ALERTS)]
    assert len(set(raised)) == len(raised)


def test_what_two_instances_announced_each_in_its_own_way_stands_once() -> None:
    told = _life(("06 16:00", STOPPED), ("08 09:00", PROCESSED), ("06 16:00", RESUMED))
    partition, hanging = _fenced(told)
    partition.timers(hanging, vietnam("2024-03-08 08:00"), until="published")  # by its timer
    partition.settles()  # by the resumption, which was entered last: it had been overdue
    agree(partition.state(CODES[0]), partition.said(CODES[0]), told)
    said = partition.said(CODES[0]).values()
    assert sum(isinstance(data, sla.DossierOverdue) for data in said) == 2
    (gone,) = (data for data in said if isinstance(data, sla.AlertRetracted))
    assert (gone.alert, gone.cause) == ("DossierOverdue", None)
    assert "two instances announced it" in gone.reason
