"""The live view: from pages of metrics as services serve them, and who is away is said."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import inf
from pathlib import Path

import pytest
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from typer.testing import CliRunner

import services.notify.metrics
import services.runtime.metrics
import services.sla.metrics  # noqa: F401  (declares what the view asks for)
from motcua.cli import build
from motcua.top import view as view_of
from motcua.top.address import DEFAULT, Address, address
from motcua.top.reading import Change, quantile, read
from motcua.top.view import view
from motcua.top.watch import Seen
from tests.unit.motcua.conftest import shown

ROOT = Path(__file__).parents[3]


def page(
    service: str, events: int, *, started: float = 1000.0, dead: int = 0, unjudged: int = 0
) -> str:
    """A page of metrics as an instance serves it, with what the view looks at."""
    registry = CollectorRegistry()
    label = ["service"]
    Gauge("process_start_time_seconds", "-", registry=registry).set(started)
    Gauge("motcua_clock_seconds", "-", label, registry=registry).labels(service).set(1773214500)
    read_ = Counter("motcua_events", "-", [*label, "type", "outcome"], registry=registry)
    read_.labels(service, "a", "applied").inc(events - 1)
    read_.labels(service, "b", "skipped").inc(1)
    Counter("motcua_dead_letters", "-", [*label, "fault"], registry=registry).labels(
        service, "bad"
    ).inc(dead)
    lag = Gauge("motcua_lag_records", "-", [*label, "topic", "partition"], registry=registry)
    for partition in range(3):
        lag.labels(service, "dossier.events", str(partition)).set(4000)
    phase = Histogram("motcua_phase_seconds", "-", [*label, "phase"], registry=registry)
    for seconds in (0.02, 0.02, 0.02, 4.0):
        phase.labels(service, "decide").observe(seconds)
    if service == "sla":
        Gauge("motcua_sla_open_dossiers", "-", ["unit"], registry=registry).labels("H29").set(1234)
        Gauge("motcua_sla_overdue_dossiers", "-", ["unit"], registry=registry).labels("H29").set(56)
        Gauge("motcua_sla_unjudged_dossiers", "-", ["unit"], registry=registry).labels("H29").set(
            unjudged
        )
    if service == "notify":
        ended = Counter("motcua_messages", "-", ["channel", "outcome"], registry=registry)
        ended.labels("email", "sent").inc(800)
        ended.labels("sms", "sent").inc(99)
        ended.labels("sms", "no-contact").inc(7)
        Gauge("motcua_messages_pending", "-", registry=registry).set(31)
        Gauge("motcua_messages_oldest_seconds", "-", ["channel"], registry=registry).labels(
            "sms"
        ).set(4200)
    return generate_latest(registry).decode()


def seen(service: str, text: str, at: float = 1010.0) -> Seen:
    return Seen("http://127.0.0.1:1", service, Change.since_start(read(text, at)))


def test_every_service_has_a_line_and_the_city_a_summary() -> None:
    instances = [seen(name, page(name, 12_340)) for name in ("intake", "routing", "sla", "notify")]
    text = shown(view(instances, "37 % of the requests"))
    lines = text.splitlines()
    assert len(lines) <= 24
    assert lines[0].split("   ") == [
        "Wed 11/03/2026 14:35", "37 % of the requests", "4 of 4 answer"
    ]  # fmt: skip
    (intake,) = (line.split() for line in lines if line.startswith("intake"))
    # 12,340 events in ten seconds, three partitions of 4,000, no dead letters, decide's p50.
    assert intake[1:4] == ["1,234", "12,000", "0"]
    assert intake[4].endswith("ms")
    assert intake[5].endswith("s")
    assert "open 1,234, soon due 0, overdue 56, letters owed 0" in text
    assert "unjudged" not in text
    assert "sent 899, no-contact 7, waiting in 31 dossiers, the oldest for 70min" in text
    assert "90 a second" in text


def test_what_is_unjudged_is_said_if_there_is_any() -> None:
    text = shown(view([seen("sla", page("sla", 100, unjudged=7))]))
    assert "letters owed 0, unjudged 7" in text


def test_numbers_of_any_size_fit() -> None:
    huge = page("notify", 98_765_432_109, dead=12_345_678)
    (line,) = (x for x in shown(view([seen("notify", huge)])).splitlines() if "notify" in x)
    assert line.split()[1:4] == ["9.9G", "12,000", "12.3M"]


def test_rates_are_of_what_happened_between_two_readings() -> None:
    change = Change(read(page("sla", 1_000), 2000.0), read(page("sla", 1_500), 2005.0))
    assert change.rate("motcua_events_total") == 100.0
    assert change.rate("motcua_events_total", outcome="skipped") == 0.0
    assert change.quantile("motcua_phase_seconds", 0.5, phase="decide") is None


@pytest.mark.parametrize(
    ("buckets", "q", "expected"),
    [
        ({1.0: 10, 2.0: 10, inf: 10}, 0.5, 0.5),
        ({1.0: 0, 2.0: 10, inf: 10}, 0.5, 1.5),
        ({1.0: 5, 2.0: 10, inf: 10}, 0.9, 1.8),
        ({1.0: 5, 2.0: 5, inf: 10}, 0.99, 2.0),  # beyond the last bound that is known
        ({1.0: 0, inf: 0}, 0.5, None),
        ({}, 0.5, None),
    ],
)
def test_a_quantile_is_prometheus_own(
    buckets: dict[float, float], q: float, expected: float | None
) -> None:
    assert quantile(buckets, q) == (expected if expected is None else pytest.approx(expected))


def test_the_view_asks_for_nothing_that_no_service_measures() -> None:
    source = Path(str(view_of.__code__.co_filename)).read_text()
    asked = set(re.findall(r'"(motcua_\w+)"', source))
    measured = {name for names in REGISTRY._collector_to_names.values() for name in names}
    assert asked
    assert asked <= measured


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("10.0.0.5:8000", "http://10.0.0.5:8000"),
        ("http://sla.example:80/", "http://sla.example:80"),
        ("https://city.example/sla/metrics", "https://city.example/sla"),
        ("[::1]:8001", "http://[::1]:8001"),
    ],
)
def test_addresses_are_taken_as_they_are_typed(typed: str, url: str) -> None:
    assert address(typed) == Address(url)


@pytest.mark.parametrize("typed", ["", "ftp://there", "http://"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        address(typed)


@contextmanager
def serving(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """An HTTP server that answers so; gives its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, "not here"))
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def top(*addresses: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(), ["top", "--once", *addresses], env={"COLUMNS": "80"})
    assert max(map(len, result.stdout.splitlines())) <= 80
    return result.exit_code, " ".join(result.stdout.split())


def test_the_command_shows_whoever_answers() -> None:
    with serving({"/metrics": (200, page("routing", 500))}) as there:
        code, text = top(there)
    assert code == 0
    assert "1 of 1 answer" in text
    assert "routing" in text


def test_the_command_says_who_is_away_and_why() -> None:
    with serving({"/metrics": (200, page("routing", 500))}) as there:
        with serving({}) as gone:
            pass
        code, text = top(there, gone)
        assert code == 1
        assert "1 of 2 answer" in text
        assert f"http://{gone} is away (http://{gone}): Connection refused" in text
        with serving({}) as empty:
            assert "it answers 404 at /metrics" in top(empty)[1]
        with serving({"/metrics": (200, "<!doctype html><p>hello")}) as wrong:
            assert "is no page of metrics" in top(wrong)[1]


def test_by_default_it_looks_where_the_demo_and_compose_serve() -> None:
    compose = (ROOT / "deploy" / "compose" / "compose.yaml").read_text()
    for at in DEFAULT:
        assert f'"{at.url.removeprefix("http://")}:8000"' in compose
