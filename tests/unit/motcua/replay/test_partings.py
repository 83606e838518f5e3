"""What is decided otherwise than it was recorded is told: dossier, fact, fields."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts.events.intake import ReceptionRequested
from contracts.events.routing import StepCompletionRequested
from contracts.events.sla import DeadlineSet, DossierOverdue, DossierSoonDue
from contracts.wire.envelope import derive_id
from motcua.replay import Recording, replay
from motcua.replay.lines import Recorded
from motcua.replay.parting import PartingKind, grouped
from services.sla.deciding.decider import SlaDecider
from tests.unit.motcua.replay.conftest import Rewritten


def later(record: Recorded) -> Iterable[Recorded]:
    """The same, but each due time was recorded a day later."""
    data = record.event.data
    if isinstance(data, DeadlineSet):
        data = data.model_copy(update={"due": data.due + timedelta(days=1)})
        return [record._replace(event=replace(record.event, data=data))]
    return [record]


def test_fields_that_differ_are_named_and_like_partings_are_one(rewritten: Rewritten) -> None:
    done = replay(rewritten(later))
    (alike, mine), *more = grouped(done.partings)
    assert alike == "DeadlineSet: due -1 d"
    assert more == []
    assert len(mine) > 20
    assert all(one.kind is PartingKind.CHANGED for one in mine)
    assert done.parting() == mine[0]
    recorded = next(r for r in done.recording.events() if r.number == mine[0].number)
    assert (recorded.event.subject, recorded.event.data.NAME) == (mine[0].subject, "DeadlineSet")


def test_ids_that_follow_from_what_differs_keep_no_like_partings_apart(
    rewritten: Rewritten,
) -> None:
    def otherwise(record: Recorded) -> Iterable[Recorded]:
        event = record.event
        if isinstance(event.data, DossierSoonDue):
            data = event.data.model_copy(update={"share": 0.25})
            event = replace(event, id=derive_id("other", event.id), data=data)
        return [record._replace(event=event)]

    found = grouped(replay(rewritten(otherwise)).partings)
    alike = [alike for alike, mine in found if mine[0].kind is PartingKind.CHANGED]
    assert alike
    assert set(alike) <= {f"DossierSoonDue: share 0.25 -> {share}" for share in (0.5, 0.7, 0.8)}


def test_an_id_that_alone_differs_is_told(rewritten: Rewritten) -> None:
    def otherwise(record: Recorded) -> Iterable[Recorded]:
        event = record.event
        if isinstance(event.data, DossierOverdue):
            event = replace(event, id=derive_id("other", event.id))
        return [record._replace(event=event)]

    parting = replay(rewritten(otherwise)).parting()
    assert parting is not None
    assert [each.field for each in parting.differences] == ["id"]


def test_what_is_decided_and_was_not_recorded_is_told(day: Recording, rewritten: Rewritten) -> None:
    left_out = {r.event.id for r in day.events() if isinstance(r.event.data, DossierOverdue)}
    assert left_out
    done = replay(rewritten(lambda r: [] if r.event.id in left_out else [r]))
    of_dossiers = [p for p in done.partings if "@" not in p.subject]
    assert {p.kind for p in of_dossiers} == {PartingKind.ADDED}
    assert {p.decided["id"] for p in of_dossiers if p.decided} <= left_out


def test_what_was_recorded_and_is_not_decided_is_told(rewritten: Rewritten) -> None:
    false: list[str] = []

    def with_false(record: Recorded) -> Iterable[Recorded]:
        event = record.event
        if isinstance(event.data, DeadlineSet) and not false:
            other = replace(event, id=derive_id("false"), cause="nothing")
            false.append(event.subject)
            return [record, record._replace(event=other)]
        return [record]

    (parting,) = replay(rewritten(with_false)).partings
    assert parting.kind is PartingKind.MISSING
    assert parting.subject == false[0]
    assert parting.alike == "DeadlineSet was recorded, and is not decided"


def test_what_was_said_twice_is_no_parting(rewritten: Rewritten) -> None:
    def twice(record: Recorded) -> Iterable[Recorded]:
        return [record, record]

    assert replay(rewritten(twice)).partings == []


def test_a_decision_that_raises_is_told_and_stops_its_dossier_alone(
    day: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky = next(r.event.subject for r in day.events() if isinstance(r.event.data, DeadlineSet))
    react = SlaDecider.react

    def raising(self, world, state, fact):  # type: ignore[no-untyped-def]
        if fact.subject == unlucky:
            raise LookupError("no such day")
        return react(self, world, state, fact)

    monkeypatch.setattr(SlaDecider, "react", raising)
    done = replay(day)
    (parting,) = [p for p in done.partings if p.subject == unlucky]
    assert parting.kind is PartingKind.RAISED
    assert parting.error == "LookupError: no such day"
    assert {p.subject for p in done.partings if "@" not in p.subject} == {unlucky}


def test_what_was_asked_before_an_answer_came_is_decided_without_it(
    day: Recording, rewritten: Rewritten
) -> None:
    """Each service reads the log in its order: routing has not heard of the reception yet."""
    by_code: dict[str, list[Recorded]] = {}
    for record in day.events():
        by_code.setdefault(record.event.subject, []).append(record)
    code, own = next(
        (code, own)
        for code, own in by_code.items()
        if isinstance(own[0].event.data, ReceptionRequested)
        and any(isinstance(r.event.data, StepCompletionRequested) for r in own)
    )
    hasty = next(r for r in own if isinstance(r.event.data, StepCompletionRequested))

    def overtaken(record: Recorded) -> Iterable[Recorded]:
        if record.number == own[0].number:
            return [record, hasty]
        return [] if record.number == hasty.number else [record]

    done = replay(rewritten(overtaken), keep=True)
    (parting,) = [p for p in done.partings if p.subject == code]
    assert (parting.kind, parting.name) == (PartingKind.ADDED, "StepCompletionRefused")
    assert parting.decided is not None
    assert parting.decided["reason"] == "unknown-dossier"
