"""A recording comes to the same in one process and through a real Kafka and MongoDB."""

from __future__ import annotations

from pathlib import Path

import pytest

from motcua.replay import read, replay
from motcua.replay.simulated import record_simulated
from motcua.replay.through_kafka import replay_through_kafka
from tests.support.recorded import drawn

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize("partitions", [12])
def test_the_services_come_to_what_the_process_comes_to(tmp_path: Path, partitions: int) -> None:
    record_simulated(tmp_path / "day.jsonl.gz", drawn(12))
    done = replay(read(tmp_path / "day.jsonl.gz"))
    assert done.partings == []
    lived = replay_through_kafka(done.recording, tmp_path, partitions=partitions)
    assert lived.differences(done) == []
    assert lived.hash == done.hash == done.recording.trailer().state_hash
    assert done.alerts()
    # It does not say so of any city: without one dossier, other ones differ.
    code = next(iter(done.outcomes))
    without = replay(done.recording.only(code))
    assert lived.differences(without)
