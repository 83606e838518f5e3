"""What follows from a timer has ids that follow from the timer's name. They never change.

A timer that is fired again, after a kill or by another release, must say the same under the same
ids: to every reader it is the same event then, and to a citizen the same message.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from contracts.model import EventData
from contracts.rules import sample_rules
from contracts.wire.envelope import Event
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.sla.deciding.decider import SlaDecider
from services.sla.dossier.state import Sla
from tests.support.event import CODE
from tests.support.facts import RESUMED, STOPPED, consulted, received, routed, started
from tests.support.mornings import Morning
from tests.support.notify_dossiers import MOVED, PROCESSED, RETURNED, Dossier
from tests.support.rule_sets import WORLD, changed, rule_set, world
from tests.support.times import at, vietnam


def causes(events: Iterable[Event]) -> dict[str | None, list[str]]:
    """The names of what each timer came to, by the timer's id."""
    found: dict[str | None, list[str]] = {}
    for event in events:
        found.setdefault(event.cause, []).append(event.data.NAME)
    return found


class Clock:
    """A dossier of three working days, begun on Monday the 4th, as sla keeps it."""

    def __init__(self) -> None:
        self.decider = SlaDecider()
        self.world = WORLD
        self.stored: Stored[Sla] = Stored(CODE, 0, self.decider.initial(CODE))
        begin = (received(), routed(), started(0), consulted("H29.3", days=1))
        for second, data in enumerate(begin):
            self.hear(data, second=second)

    def hear(self, data: EventData, when: str = "2024-03-04 08:00", second: int = 0) -> None:
        time = vietnam(when) + timedelta(seconds=second)
        handle(
            self.decider,
            self.world,
            self.stored,
            Event(f"{data.NAME}-{time}", "/x", CODE, time, data),
        )

    def fire(self, before: str) -> list[Event]:
        return fire_timers(self.decider, self.world, self.stored, vietnam(before))


def test_alerts() -> None:
    assert causes(Clock().fire("2024-03-30 08:00")) == {
        "83ffd719-70f6-5e54-8d81-7dd24dfb23e4": ["StepOverdue"],
        "1bd54cdb-5550-5dc2-8e9f-ac6538ff4314": ["ConsultationOverdue"],
        "af32be40-2528-5eaf-8438-b9f83db9fc65": ["LastCallGiven"],
        "c169fb49-b4c8-53b1-8398-b4687943b535": ["DossierSoonDue"],
        "2e707523-0c83-568f-9da4-c4f3c1e1e67c": ["ApologyOwed"],
        "d50d5646-9cae-528b-9fc7-2bd917aaa327": ["DossierOverdue"],
    }


def test_an_alert_that_is_raised_for_the_second_time() -> None:
    clock = Clock()
    clock.fire("2024-03-08 08:00")
    clock.hear(STOPPED, "2024-03-06 16:00")
    clock.hear(RESUMED, "2024-03-06 16:00")
    assert causes(clock.fire("2024-03-30 08:00")) == {
        "d8792470-02dd-5594-8a4d-30b995fc1ba9": ["ApologyOwed"],
        "c4633a1c-8419-51eb-ba60-05b4c5829970": ["DossierOverdue"],
    }


def test_rules_that_were_changed() -> None:
    clock = Clock()
    another = changed(("rules.toml", 'version = "2025-2"', 'version = "another"'))
    clock.world = world(sample_rules(), rule_set(another, 1, vietnam("2024-03-05 08:00")))
    assert causes(clock.fire("2024-03-05 09:00")) == {
        "83ffd719-70f6-5e54-8d81-7dd24dfb23e4": ["StepOverdue"],
        "1bd54cdb-5550-5dc2-8e9f-ac6538ff4314": ["ConsultationOverdue"],
        "4ad27bff-b9f2-50c3-925c-32249602f16e": ["RulesApplied"],
    }


def test_a_digest_and_the_last_question() -> None:
    dossier = Dossier(often=1)
    dossier.hear(MOVED, at(7, "09:00"))
    dossier.hear(MOVED.model_copy(update={"due": MOVED.due + timedelta(days=1)}), at(7, "09:10"))
    heard = len(dossier.events)
    dossier.tick(at(7, "20:00"))
    digest = dossier.events[heard:]
    dossier.hear(PROCESSED, at(8, "09:00"))
    dossier.hear(RETURNED, at(8, "10:00"))
    heard = len(dossier.events)
    dossier.tick(at(9))
    assert causes([*digest, *dossier.events[heard:]]) == {
        "086c9572-8129-5a93-99ca-7048e5699edb": [
            "MessageNotSent",  # the date of the first was overtaken by the second
            "MessagePlanned",
            *["MessageNotSent"] * 2,
        ],
        "90660952-3c1e-5922-96c3-f801e5020e21": ["MessagePlanned"],
    }


def test_a_desks_breaches_corrections_and_morning() -> None:
    morning = Morning()
    morning.alerted("a", "b")
    morning.alerted("c", alert="DossierOverdue")
    morning.tick(at(7, "18:00"))
    morning.cleared("c", at(7, "19:00"), wrong=True)
    morning.tick(at(9))
    assert causes(morning.said) == {
        "f0f4a768-55c5-5e4e-8ca8-7bb4c07a6d34": ["MessagePlanned"],
        "dbf7b256-6785-534c-9353-670b15c00ab4": ["MessagePlanned"],
        "e3765e03-4ea7-55a0-9a23-00055c098899": ["MessagePlanned"],
    }
