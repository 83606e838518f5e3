"""Services as processes: they leave without loss, and refuse to start over the wrong topics."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from deploy.local.stack.city import City, execute
from tests.support.eventually import eventually
from tests.support.office import Office, desk_of, filing
from tests.support.paths import ROOT

pytestmark = pytest.mark.integration


def test_an_instance_that_is_asked_to_end_does_so_in_seconds_and_loses_nothing(
    city: City, office: Office
) -> None:
    second = city.start("intake", launch=execute)
    city.wait_ready()
    eventually(lambda: second.get("/health/ready")["partitions"] == 4, what="its share")
    assert office.metric("intake", "motcua_partitions_owned") == 4, "two of each topic"

    def hand_in(number: int) -> str:
        answer = office.post(
            "intake",
            "/dossiers",
            {"by": desk_of("H29.13"), "filing": filing(receiving_unit="H29.13")},
            headers={"Idempotency-Key": f"leaving-{number}"},
        )
        # 202 is an honest answer while partitions change hands: ask again, and it is there.
        assert answer.status_code in (201, 202), answer.text
        code: str = answer.json()["code"]
        return code

    with ThreadPoolExecutor(4) as pool:
        handed_in = pool.map(hand_in, range(60))
        next(handed_in)
        began = time.monotonic()
        assert city.leave(second) == 0
        took = time.monotonic() - began
        codes = list(handed_in)
    assert took < 10, f"it took {took:.1f} s"
    assert len(set(codes)) == 59
    for code in codes:
        office.agrees(code, "in_process", "intake")
    eventually(lambda: office.get("intake", "/health/ready").json()["partitions"] == 8)
    said = second.log.read_text()
    assert '"stopping"' in said
    assert "Traceback" not in said


def test_a_new_connection_is_answered_by_whichever_instance_owns_the_dossier(
    city: City, office: Office
) -> None:
    second = city.start("routing", launch=execute)
    city.wait_ready()
    eventually(lambda: second.get("/health/ready")["partitions"] == 2, what="its share")
    codes = [office.hand_in() for _ in range(8)]
    try:
        for code in codes:
            lead = office.open_step(code)["lead"]
            # Asked of the first as of the second, whoever owns it.
            for url, what in ((office.url("routing", ""), "stop"), (second.url, "resumption")):
                answer = httpx.post(
                    f"{url}/dossiers/{code}/{what}",
                    json={"reason": "x"},
                    headers=office.signed_in.header(lead),
                    timeout=20.0,
                )
                assert answer.status_code == 200, answer.text
    finally:
        assert city.leave(second) == 0


def test_a_service_with_another_number_of_partitions_refuses_to_start(city: City) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "motcua", "run", "sla"],
        env={**city.environment(partitions=7), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode not in (0, None)
    assert "topic dossier.events has 4 partitions and MOTCUA_PARTITIONS says 7" in ended.stderr
    assert "set it to 4" in ended.stderr
