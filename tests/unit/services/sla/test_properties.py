"""Random lives of dossiers: whatever happens to their records, sla says one thing in the end.

The log is kept here as Kafka keeps it, in partitions of encoded records, and sla is driven through
the engine's own `pick` and `decide` and through the documents that MongoDB would hold. So what is
shuffled, cut, doubled, lost in a crash or said by an instance that was fenced is what really is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, note
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import intake
from contracts.wire.envelope import Event
from services.sla.clock.course import course
from services.sla.clock.running import Reached, RunningSpans
from services.sla.dossier.state import unit_at
from tests.support.properties import examples
from tests.support.rule_sets import WORLD, newest
from tests.support.sla_partition import CODES, Partition, agree, brief, lives, plain, times


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
        partition.timers(instance, data.draw(times))
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
    found = course(state, newest(WORLD).terms(state))
    assert found is not None
    unit = unit_at(state, moment)
    assert unit is not None
    left = newest(WORLD).calendars.for_unit(unit).measure(moment, now.due)
    assert found.running.used(found.running.pieces[0].begin, moment) + left == now.budget


@examples(2)
@given(
    events=lives(),
    since=times,
    seconds=st.sampled_from([0, 1, 3600, 5400, 4 * 3600, 8 * 3600, 24 * 3600, 50 * 3600]),
    first_due=st.none() | times,
)
def test_a_budget_is_used_up_when_going_from_piece_to_piece_says_so(
    events: list[Event], since: datetime, seconds: int, first_due: datetime | None
) -> None:
    note(brief(events))
    state = plain(events)[0].state
    if state.assessment is None:
        return
    assert state.procedure is not None
    found = course(state, newest(WORLD).terms(state))
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
    running: RunningSpans, since: datetime, seconds: int, first_due: datetime | None
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
