"""A recorded day in which officers act under delegations is decided anew as it was."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import routing
from contracts.events.authority import AuthorityDelegated, Delegable
from contracts.events.clock import ClockTicked
from contracts.events.refusals import LateEntryRefused
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.replay import Recording, read, replay
from motcua.replay.lines import Recorded
from motcua.replay.recorder import Recorder
from motcua.replay.simulated import fed, header_of
from services.notify.dossier.policy import Policy
from services.runtime import authority_event
from tests.support.grants import HEAD, asked, delegated, officer, revoked
from tests.support.recorded import ALIASES, drawn


def _given(at: datetime) -> list[AuthorityDelegated]:
    """To the first officer of each unit."""
    return [
        delegated(
            unit.code,
            unit.officers[0],
            at,
            at + timedelta(days=9),
            Delegable.LATE_ENTRIES,
            grant=f"d-{unit.code}",
        )
        for unit in load_catalogue().units.values()
        if unit.officers
    ]


def _acts(recorder: Recorder, at: datetime) -> list[Event]:
    """The first officer of the unit in charge approves something of each dossier."""
    units = load_catalogue().units
    known = recorder.player.memory.states["routing"]
    return [
        asked(
            routing.LateEntryRequested(request="StopRequested", at=at, reason="Mất điện"),
            at,
            officer(units[stored.state.unit_in_charge].officers[0], stored.state.unit_in_charge),
            subject=code,
        )
        for code, stored in sorted(known.items())
        if stored.state.unit_in_charge in units
    ]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Each dossier's officer acts before the delegation, under it, and when it is revoked."""
    path, day = tmp_path / "delegated.jsonl.gz", drawn(4)
    head = officer(HEAD, "H29.1")
    with Recorder(path, header_of(day.ends, Policy(load_catalogue())), guided=False) as recorder:
        number = ticks = 0

        def take(event: Event) -> None:
            nonlocal number
            number += 1
            recorder.take(Recorded(number, DOSSIER_EVENTS, 0, event))

        for record in fed(day):
            number += 1
            recorder.take(record._replace(number=number))
            if not isinstance(record.event.data, ClockTicked) or record.topic != DOSSIER_EVENTS:
                continue
            ticks += 1
            at = record.event.time
            if ticks == 10:
                given = _given(at)
                for event in _acts(recorder, at - timedelta(milliseconds=1)):
                    take(event)
                for each in given:
                    take(authority_event(each, head))
            if ticks in (11, 13):
                for event in _acts(recorder, at):
                    take(event)
            if ticks == 12:
                for each in given:
                    take(authority_event(revoked(each, at), head))
        recorder.end()
    assert ticks > 13
    return read(path)


@pytest.mark.parametrize("guided", [True, False])
def test_a_day_with_delegations_is_decided_as_it_was_recorded(
    recording: Recording, guided: bool
) -> None:
    said: Counter[str] = Counter()
    for record in recording.events():
        data = record.event.data
        if isinstance(data, routing.LateEntryApproved):
            assert data.delegation == f"d-{data.unit}"
            said["approved"] += 1
        if isinstance(data, LateEntryRefused):
            said[data.reason] += 1
    assert {"approved", "not-the-head", "delegation-revoked"} <= said.keys()
    done = replay(recording, guided=guided, jobs=2)
    assert done.found == []
    assert done.hash == recording.trailer().state_hash


def test_under_aliases_a_delegation_names_nobody() -> None:
    (first, *_) = _given(datetime.fromisoformat("2026-03-02T01:00:00Z"))
    event = ALIASES.event(authority_event(first, officer(HEAD, first.unit)))
    assert isinstance(event.data, AuthorityDelegated)
    assert event.data.to == ALIASES.person(first.to)
    for named in (first.to, HEAD):
        assert named not in repr(event)
