"""The dossiers that a clerk can read: tests/data/deadline_cases.toml.

Each is told as it was entered, with time passing in between, and then in other orders: the net
alerts and the judgement are the same.
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.events import sla
from contracts.events.refusals import Refusal
from contracts.events.sla import Budget
from contracts.wire.envelope import Event
from services.runtime import World
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.sla.clock.course import course
from services.sla.deciding.decider import SlaDecider, judging
from services.sla.dossier.fold import alert_of
from services.sla.dossier.state import Alert, LetterStanding, Sla
from tests.support.deadline_cases import (
    CATALOGUE,
    budget,
    head_of,
    in_vietnam,
    lines_of,
    spelled,
    steps_of,
    worked,
)
from tests.support.event import acting
from tests.support.facts import PROCEDURE
from tests.support.paths import TEST_DATA
from tests.support.rule_sets import changed, rule_set, timed, world

DECIDER = SlaDecider()
CODE = "H29.15-240304-0001"
FILE = TEST_DATA / "deadline_cases.toml"
CASES: list[dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["cases"]
GIVEN = {"name", "vi", "time", "procedure", "unit", "workflow", "reading", "rules"} | {
    *("events", "seen", "why", "fault")
}
FOLLOWS = {
    "result",
    "due",
    "original",
    "used",
    "late_by",
    "soon_due",
    "last_call",
    "letter_owed",
} | {*("letter", "repeated", "steps", "consultations", "retracted", "refused")}
SHUFFLES = 4
SOON, OVER, CALLED, OWED = "DossierSoonDue", "DossierOverdue", "LastCallGiven", "ApologyOwed"
LETTER = {
    None: "none",
    LetterStanding.IN_TIME: "in time",
    LetterStanding.LATE: "too late",
    LetterStanding.MISSING: "missing",
}
STEP, CONSULTATION, REPEATED = "StepOverdue", "ConsultationOverdue", "SupplementRepeated"


# -- the rules of a case ----------------------------------------------------------------


def world_of(case: dict[str, Any]) -> World:
    """The product's rules with the case's standard time and readings."""
    procedure = CATALOGUE.procedures["1.004194"]
    given = budget(case["time"]) if "time" in case else procedure.budget
    shares = 'soon_due_shares = [0.{}]\nsource = "Luật Cư trú 2020, Điều 28"'
    files = changed(("procedures.toml", shares.format(7), shares.format(8)))
    files = timed(procedure.code, given, files)
    for file, table in (("rules.toml", "rules"), ("office_hours.toml", "reading")):
        for key, value in case.get(table, {}).items():
            (line,) = re.findall(rf"^{key} = .*$", files[file], re.MULTILINE)
            files = changed((file, line, f"{key} = {json.dumps(value)}"), files=files)
    return world(files)


# -- how a case is told -----------------------------------------------------------------


@dataclass
class Told:
    """A dossier as sla keeps it, and all that sla said about it."""

    world: World
    stored: Stored[Sla] = field(default_factory=lambda: Stored(CODE, 0, Sla()))
    said: list[Event] = field(default_factory=list)

    @property
    def state(self) -> Sla:
        return self.stored.state

    def hears(self, event: Event) -> None:
        self.said += handle(DECIDER, self.world, self.stored, event)

    def passes(self, moment: datetime) -> None:
        self.said += fire_timers(DECIDER, self.world, self.stored, moment)

    @property
    def retracted(self) -> set[str]:
        gone = [e.data.alert_id for e in self.said if isinstance(e.data, sla.AlertRetracted)]
        assert len(set(gone)) == len(gone), "retracted twice"
        return set(gone)

    @property
    def alerts(self) -> dict[str, Alert]:
        return {e.id: alert_of(e) for e in self.said if isinstance(e.data, sla.ALERTS)}

    @property
    def standing(self) -> Counter[tuple[str, datetime, str]]:
        """The net alerts: raised less retracted, as those who read the log count them."""
        gone = self.retracted
        return Counter(
            (a.kind, a.at, a.about) for known, a in self.alerts.items() if known not in gone
        )


def as_entered(case: dict[str, Any]) -> tuple[Told, list[Event], datetime]:
    """The case as it was entered, its facts, and when the clerk looks."""
    told = Told(world_of(case))
    lines = lines_of(case)
    seen = in_vietnam(case["seen"]) if "seen" in case else lines[-1].entered
    facts: list[Event] = []
    for number, line in enumerate(lines):
        told.passes(line.entered)
        if isinstance(line.data, Budget):
            newest = told.world.newest
            files = timed(PROCEDURE, line.data, newest.files)
            told.world = world(*told.world.sets, rule_set(files, newest.number + 1, line.time))
            continue
        asking = acting(head_of(case))
        event = Event(f"e-{number}", "/office", CODE, line.time, line.data, actor=asking)
        told.hears(event)
        if event.type not in DECIDER.requests:
            facts.append(event)
    told.passes(seen)
    decided = (sla.ApologyIssued, sla.DelayForeseen, sla.ExemptionGranted)
    return told, facts + [e for e in told.said if isinstance(e.data, decided)], seen


def _by_name(case: dict[str, Any]) -> Any:
    return pytest.param(case, id=case["name"])


@pytest.fixture(params=[_by_name(case) for case in CASES])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def test_the_clerks_case_holds(case: dict[str, Any]) -> None:
    told, _, seen = as_entered(case)
    found = what_followed(told, seen, case)
    wanted = {key: case[key] for key in FOLLOWS if key in case}
    assert {key: found.get(key) for key in wanted} == wanted


def what_followed(told: Told, seen: datetime, case: dict[str, Any]) -> dict[str, Any]:
    """What came of it, in the words of the file."""
    state, now = told.state, told.state.assessment
    steps = steps_of(case)
    standing = sorted(told.standing, key=lambda alert: alert[1])

    def named(kind: str, at: datetime, about: str) -> str:
        words = {SOON: "soon due", OVER: "overdue", REPEATED: "repeated"}
        words |= {CALLED: "last call", OWED: "letter owed"}
        if kind == STEP:
            return f"step {steps[int(about)]} {spelled(at)}"
        if kind == CONSULTATION:
            return f"consultation {about} {spelled(at)}"
        return f"{words[kind]} {spelled(at)}"

    def of(kind: str) -> list[str]:
        return [named(*alert) for alert in standing if alert[0] == kind]

    def only(kind: str) -> str:
        (found,) = [spelled(at) for known, at, _ in standing if known == kind] or ["none"]
        return found

    retracted = [told.alerts[gone] for gone in told.retracted]
    found: dict[str, Any] = {
        "result": "no clock",
        "last_call": only(CALLED),
        "letter_owed": only(OWED),
        "repeated": only(REPEATED),
        "soon_due": [spelled(at) for known, at, _ in standing if known == SOON],
        "steps": [each.removeprefix("step ") for each in of(STEP)],
        "consultations": [each.removeprefix("consultation ") for each in of(CONSULTATION)],
        "retracted": [
            named(a.kind, a.at, a.about) for a in sorted(retracted, key=lambda a: (a.at, a.kind))
        ],
        "refused": [e.data.reason for e in told.said if isinstance(e.data, Refusal)],
        "letter": LETTER[state.letter_standing],
    }
    if now is None:
        return found
    assert state.procedure is not None
    clock = course(state, judging(told.world, state).terms(state))
    assert clock is not None
    running = clock.running
    breach = now.breach_at if now.breach_at is not None and now.breach_at < seen else None
    assert state.late == (breach is not None)
    if now.due is not None and state.span.ended_at is None:
        assert state.due_told == now.due, "another due time was announced"
    return found | {
        "result": "late" if breach else "on time",
        "due": spelled(now.due),
        "original": spelled(now.original_due),
        "used": worked(running.used(running.pieces[0].begin, seen)),
        "late_by": worked(running.used(breach, seen)) if breach else "none",
    }


def test_every_order_of_arrival_comes_to_the_same(case: dict[str, Any]) -> None:
    entered, facts, seen = as_entered(case)
    for order in orders(case["name"], facts):
        at_once, in_time = Told(entered.world), Told(entered.world)
        for number, fact in enumerate(order):
            at_once.hears(fact)
            in_time.hears(fact)
            in_time.passes(seen - timedelta(hours=5 * (len(order) - 1 - number)))
        at_once.passes(seen)
        for told in (at_once, in_time):
            assert told.standing == entered.standing
            assert max(told.standing.values(), default=1) == 1
            assert told.state.assessment == entered.state.assessment
            assert told.state.late == entered.state.late


def orders(name: str, facts: Sequence[Event]) -> Iterator[list[Event]]:
    """The order of time, the other way round, and some that are shuffled, always the same ones."""
    in_time = sorted(facts, key=lambda fact: fact.time)
    yield in_time
    yield in_time[::-1]
    chance = random.Random(name)
    for _ in range(SHUFFLES):
        yield chance.sample(in_time, len(in_time))


class TestTheFile:
    def test_has_no_two_cases_of_the_same_name(self) -> None:
        assert len({case["name"] for case in CASES}) == len(CASES) >= 60

    @pytest.mark.parametrize("case", [_by_name(case) for case in CASES])
    def test_says_in_vietnamese_what_it_is_about_and_how_it_was_computed(
        self, case: dict[str, Any]
    ) -> None:
        assert case["vi"]
        assert case["why"]
        assert case.get("fault", "https://").startswith("https://")
        assert set(case) <= GIVEN | FOLLOWS, "a key that no test reads"
        assert ("time" in case) != ("procedure" in case)
