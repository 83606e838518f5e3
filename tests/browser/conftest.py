"""A real Chromium before a running notify service; skipped where there is no Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from contracts.wire.topics import PAGE
from deploy.local.stack.city import City, Instance
from services.shared.lookup_key import lookup_key
from tests.support.eventually import eventually
from tests.support.office import OFFICER, Office
from tests.support.tools import Tool

_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def chromium(city: City) -> Iterator[Browser]:
    """The machine's own Chromium; none is downloaded.

    Playwright keeps an event loop in this thread as long as it runs. So it starts once the city
    does, and ends before tests that have a loop of their own.
    """
    found = Tool.CHROMIUM.needed()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_OPTIONS)
        yield browser
        browser.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs a browser where there is none, before a city is started for it."""
    if Tool.CHROMIUM.path:
        return
    skip = pytest.mark.skip(Tool.CHROMIUM.remedy)
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(skip)


@pytest.fixture(scope="module")
def office(city: City) -> Iterator[Office]:
    """The running city, over HTTP."""
    office = Office(city)
    yield office
    office.close()


@pytest.fixture(scope="module")
def instance(city: City) -> Instance:
    """The page that the browser is shown."""
    return city.of(PAGE)


class Dossier:
    """A dossier that is being handled, its page, and what officers do with it."""

    def __init__(self, office: Office, instance: Instance) -> None:
        self.code = office.hand_in()
        self.key = lookup_key("tests", self.code)
        self.status = f"{instance.url}/status/{self.code}?key={self.key}"
        self.receipt = f"{instance.url}/receipt/{self.code}?key={self.key}"
        self._office = office
        office.agrees(self.code, "in_process", "notify")

    def needs_papers(self, reason: str = "Thiếu ảnh chân dung theo mẫu") -> None:
        """The citizen is asked for papers."""
        self._office.does(
            "intake",
            self.code,
            "supplement-demand",
            {
                "documents": ["Bản sao Giấy khai sinh có chứng thực", "Ảnh 4x6 nền trắng"],
                "reason": reason,
                "until": "2030-03-15T10:00:00Z",
                "by": OFFICER,
            },
        )
        self._office.agrees(self.code, "supplement_requested", "notify")

    def is_done(self) -> None:
        """All steps are done: there is a result."""
        for step in ("receive-check", "decide"):
            shown = eventually(
                lambda s=step: (v := self._office.open_step(self.code))["open_step"] == s and v  # type: ignore[misc]
            )
            self._office.does(
                "routing", self.code, "step-completion", {"step": step, "by": shown["lead"]}
            )
        self._office.agrees(self.code, "processed", "notify")


@pytest.fixture
def dossier(office: Office, instance: Instance) -> Dossier:
    """A dossier of this test's own."""
    return Dossier(office, instance)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of someone in Vietnam, with nothing in it yet."""
    context = chromium.new_context(locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that may say nothing to the console: no refused script, no broken link."""
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    # A page that was refused says so; that is the only thing.
    assert [line for line in said if "404 (Not Found)" not in line] == []
