"""Random lives of dossiers under crashes and fences: sla says one thing in the end."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, note
from hypothesis import strategies as st

from contracts.events import sla
from contracts.model import EventData
from contracts.wire.envelope import Event
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    PROCESSED,
    RESUMED,
    STOPPED,
    received,
    routed,
)
from tests.support.properties import examples
from tests.support.sla_partition import CODES, Instance, Partition, agree, brief, lives, times
from tests.support.times import vietnam

STEPS = (
    *("told", "batch", "batch", "timers"),
    *("batch until published", "batch until persisted", "timers until published"),
    *("hangs", "zombie's batch", "zombie's timers"),
)
"""What happens to a partition and to the instances that look after it, one after another.

Until: at which arrow of the engine the instance dies. A zombie hangs, is fenced meanwhile, and then
says what it had concluded from what it knew.
"""


@examples(2)
@given(
    events=lives(),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 6), times), max_size=25),
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
    gone = [data for data in said if isinstance(data, sla.AlertRetracted)]
    assert sorted(data.alert for data in gone) == ["ApologyOwed", "DossierOverdue"]
    for data in gone:
        assert data.cause is None
        assert "two instances announced it" in data.reason
