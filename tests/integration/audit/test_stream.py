"""Security events reach the collector at least once and in order, whatever ends meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry
from tests.integration.audit.conftest import Log
from tests.support.collector import Collector
from tests.support.eventually import eventually

pytestmark = [pytest.mark.integration]

_NUMBER = re.compile(rb'dossier="H29\.15-260302-(\d{4})"')


def events(numbers: Sequence[int]) -> list[AuditEntry]:
    """Security events, each with a number, and a reading after each."""
    found = []
    for number in numbers:
        code = f"H29.15-260302-{number:04}"
        found.append(AuditEntry(AuditKind.GUESSING, address="192.0.2.9", dossier=code))
        found.append(AuditEntry(AuditKind.READ, dossier=code))
    return found


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def streaming(log: Log, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, as a process of its own."""
    told = {**os.environ, "MOTCUA_KAFKA": log.settings.kafka}
    process = subprocess.Popen(
        [sys.executable, "-m", "motcua", "audit", "stream", *words],
        env=told,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def numbers_of(collector: Collector) -> list[int]:
    return [int(found[1]) for each in collector.messages if (found := _NUMBER.search(each))]


def at_least_once_and_in_order(got: Sequence[int], count: int) -> None:
    """Each came; and whenever it goes back, it goes on from there: nothing is left out."""
    assert set(got) == set(range(count))
    assert got[0] == 0
    assert all(later <= earlier + 1 for earlier, later in pairwise(got)), got
    assert got[-1] == count - 1


def test_a_collector_that_ends_and_comes_back_misses_nothing(log: Log) -> None:
    collector = Collector()
    collector.stops_after = 20
    with collector, streaming(log, "--to", f"tcp://127.0.0.1:{collector.port}"):
        log.write(*events(range(50)))
        eventually(lambda: len(collector.messages) >= 20, timeout=40)
        log.write(*events(range(50, 60)))
        collector.stops_after = None
        collector.start()
        eventually(lambda: 59 in numbers_of(collector), timeout=40)
        at_least_once_and_in_order(numbers_of(collector), 60)
        assert not any(b"read" in each for each in collector.messages)


def test_a_stream_that_is_killed_goes_on_where_it_stopped(log: Log) -> None:
    with Collector() as collector:
        to = f"tcp://127.0.0.1:{collector.port}"
        with streaming(log, "--to", to) as process:
            log.write(*events(range(700)))
            eventually(lambda: len(collector.messages) >= 100, timeout=40)
            process.send_signal(signal.SIGKILL)
        log.write(*events(range(700, 710)))
        with streaming(log, "--to", to):
            eventually(lambda: 709 in numbers_of(collector), timeout=60)
        at_least_once_and_in_order(numbers_of(collector), 710)


def test_what_was_delivered_is_not_delivered_again_and_metrics_say_how_it_stands(
    log: Log, tmp_path: Path
) -> None:
    file, port = tmp_path / "events.jsonl", a_port()
    words = ("--to", str(file), "--metrics-port", str(port))
    anchored = AuditEntry(AuditKind.ANCHORED, object="b:0:c")
    broken = AuditEntry(AuditKind.BROKEN, object="c:7", times=2)

    def lines() -> list[dict[str, object]]:
        return list(map(json.loads, file.read_text().splitlines())) if file.exists() else []

    with streaming(log, *words) as process:
        log.write(*events(range(5)), anchored, broken)
        eventually(lambda: len(lines()) == 7, timeout=40)
        assert [line["number"] for line in lines()] == [1, 3, 5, 7, 9, 11, 12]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            told = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert "motcua_audit_delivered_total 7.0" in told
    assert "motcua_audit_broken_total 2.0" in told
    assert re.search(r"motcua_audit_anchored_seconds 1\.\d+e\+09", told)
    with streaming(log, *words):
        log.write(*events([5]))
        eventually(lambda: len(lines()) >= 8, timeout=40)
        assert [line["dossier"] for line in lines()[7:]] == ["H29.15-260302-0005"]
