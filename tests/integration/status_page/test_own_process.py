"""The status page in a process of its own, beside a notify that serves none."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from deploy.local.stack.city import City, Instance, execute
from services.shared.lookup_key import lookup_key
from tests.support.eventually import eventually
from tests.support.office import WARD_HEAD, Office

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def page(city: City) -> Iterator[Instance]:
    instance = city.start("notify.public", launch=execute)
    city.wait_ready()
    yield instance
    city.leave(instance)


def shown(page: Instance, code: str) -> str:
    params = {"key": lookup_key("tests", code)}
    answer = httpx.get(f"{page.url}/status/{code}", params=params, timeout=30)
    return answer.text if answer.status_code == 200 else ""


def test_it_shows_what_the_engines_write_and_owns_no_partition(
    office: Office, page: Instance
) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process", "notify")
    assert "Hồ sơ đang được giải quyết" in shown(page, code)
    health = httpx.get(f"{page.url}/health/ready").json()
    assert (health["status"], health["partitions"]) == ("idle", 0)
    assert httpx.get(f"{page.url}/dossiers/{code}").status_code == 404, "that is for officers"


def test_a_form_goes_over_the_log_and_comes_back(office: Office, page: Instance) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process", "notify")
    fields = {"key": lookup_key("tests", code), "quiet_from": "20:15", "quiet_until": "06:00"}
    answer = httpx.post(f"{page.url}/status/{code}/preferences", data=fields, timeout=30)
    assert answer.status_code == 303
    assert "told=preferences" in answer.headers["location"]
    assert 'value="20:15"' in shown(page, code)


def test_an_open_page_learns_of_changes(office: Office, page: Instance) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process", "notify")
    params = {"key": lookup_key("tests", code)}
    with httpx.stream(
        "GET", f"{page.url}/status/{code}/events", params=params, timeout=30
    ) as events:
        lines = events.iter_lines()
        assert next(lines).startswith("retry:")
        office.does("routing", code, "stop", {"reason": "Chờ ý kiến", "by": WARD_HEAD})
        assert any(line == "event: changed" for line in lines)
    eventually(lambda: "Chờ ý kiến" in shown(page, code), what="the reason for the stop")


def test_a_notify_that_serves_no_page_says_so(city: City) -> None:
    engine = city.start("notify", launch=execute, page="false")
    try:
        city.wait_ready()
        document = httpx.get(f"{engine.url}/openapi.json", timeout=5).json()
        assert "/status/{code}" not in document["paths"]
        assert "/receipts/{sender}" in document["paths"]
    finally:
        city.leave(engine)
