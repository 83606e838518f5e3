"""A recorded day, and what a test makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from contracts.wire.envelope import Event, short_id
from motcua.replay import Recording, read
from motcua.replay.lines import Recorded
from motcua.replay.recording import Writer
from motcua.replay.simulated import record_simulated
from services.runtime import Reader
from tests.support.recorded import drawn

Rewritten = Callable[[Callable[[Recorded], Iterable[Recorded]]], Recording]


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A simulated day, recorded."""
    path = tmp_path_factory.mktemp("day") / "day.jsonl.gz"
    record_simulated(path, drawn(12))
    return read(path)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect: another service's fact that is read again after a kill is folded again."""
    handle = Reader._handle

    def again(self: Reader, changed: Any, partition: int, record: Event, *, apart: bool) -> Any:
        known = self.states.get(record.subject)
        if known is not None and record.source != f"/motcua/{self.decider.name}":
            known.applied.pop(short_id(record.id), None)
        return handle(self, changed, partition, record, apart=apart)

    monkeypatch.setattr(Reader, "_handle", again)


@pytest.fixture
def rewritten(day: Recording, tmp_path: Path) -> Rewritten:
    """Writes the day anew, with other records in place of some."""

    def written(change: Callable[[Recorded], Iterable[Recorded]]) -> Recording:
        path = tmp_path / "other.jsonl.gz"
        with Writer(path, day.header) as writer:
            for record in day.events():
                for each in change(record):
                    writer.write(each)
            writer.end(day.trailer().state_hash)
        return read(path)

    return written
