"""The status page on the real stack: who gets in, what they see, how they learn of changes."""

from __future__ import annotations

import asyncio
import html
import itertools
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import httpx
import pytest
from pymongo import MongoClient

from deploy.local.stack.city import City, Instance
from services.notify.page.http.live import Full, Live, Page
from services.notify.page.security.guesses import WINDOW
from services.runtime.mongo.client import Database, client, pymongo_client
from services.runtime.settings import Settings
from services.shared.lookup_key import lookup_key
from tests.support.documented import documented
from tests.support.eventually import eventually, soon
from tests.support.office import CENTRE, OFFICER, Office, filing

pytestmark = pytest.mark.integration

PUBLIC = "https://hoso.example.vn"
WRONG = "AAAAAAAAAA"
HOSTILE = '</q><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}'
_numbers = itertools.count(1)


class Citizen:
    """Someone at the status page, with an address of their own."""

    def __init__(self, instance: Instance, address: str | None = None) -> None:
        self.address = address or f"10.7.{next(_numbers)}.1"
        self._http = httpx.Client(
            base_url=instance.url,
            timeout=30.0,
            headers={"X-Forwarded-For": self.address},
            event_hooks={"response": [documented("notify").check]},
        )

    def __enter__(self) -> Citizen:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(
        self, path: str, headers: dict[str, str] | None = None, **params: str
    ) -> httpx.Response:
        return self._http.get(path, headers=headers, params=params or None)

    def head(self, path: str) -> httpx.Response:
        return self._http.head(path)

    def post(self, path: str, **fields: str | list[str]) -> httpx.Response:
        return self._http.post(path, data=fields)

    def status(self, code: str, what: str = "", **params: str) -> httpx.Response:
        return self.get(f"/status/{code}{what}", None, key=key_of(code), **params)

    @contextmanager
    def following(self, code: str, version: int) -> Iterator[Iterator[str]]:
        """The events of an open page, one by one."""
        params = {"key": key_of(code), "v": str(version)}
        with self._http.stream("GET", f"/status/{code}/events", params=params) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield (line for line in answer.iter_lines() if line.startswith("data:"))


def key_of(code: str) -> str:
    return lookup_key("tests", code)


def version_in(page: httpx.Response) -> int:
    found = re.search(r"[?&;]v=(\d+)", page.text[page.text.index("data-events") :])
    assert found is not None
    return int(found.group(1))


@pytest.fixture(scope="module")
def instance(city: City) -> Iterator[Instance]:
    """A notify that stands behind one proxy of ours, which each test plays."""
    instance = city.start(
        "notify",
        public_url=PUBLIC,
        trusted_proxies=1,
        live_pages_by_address=2,
        # There are providers for more than the city tells everybody by; none of these is asked.
        sms_url="http://127.0.0.1:1",
        zalo_url="http://127.0.0.1:1",
    )
    city.wait_ready()
    yield instance
    city.leave(instance)


@pytest.fixture
def citizen(instance: Instance) -> Iterator[Citizen]:
    with Citizen(instance) as citizen:
        yield citizen


@pytest.fixture
def code(office: Office) -> str:
    """A dossier that is being handled."""
    code = office.hand_in()
    office.agrees(code, "in_process", "notify")
    return code


def test_a_wrong_key_and_an_unknown_code_are_answered_alike_to_the_byte(
    citizen: Citizen, code: str
) -> None:
    unknown = f"{CENTRE}-260302-0000"
    for what in ("", ".json", "/events"):
        for wrong in (WRONG, "", "x" * 64):
            known = citizen.get(f"/status/{code}{what}", key=wrong)
            other = citizen.get(f"/status/{unknown}{what}", key=wrong)
            strange = citizen.get(f"/status/nonsense{what}", key=wrong)
            assert known.status_code == other.status_code == strange.status_code == 404
            assert known.content == other.content == strange.content
            assert _but_date(known) == _but_date(other) == _but_date(strange)


def test_the_form_leads_to_the_dossier_whatever_way_the_key_was_written(
    citizen: Citizen, code: str
) -> None:
    key = key_of(code).lower()
    answer = citizen.post("/", code=f" {code.lower()} ", key=f"{key[:5]} {key[5:]}")
    assert answer.status_code == 303
    page = citizen.get(answer.headers["location"])
    assert page.status_code == 200
    assert code in page.text
    assert '<html lang="vi">' in page.text
    wrong = citizen.post("/", code=code, key=WRONG)
    assert wrong.status_code == 404
    assert WRONG not in wrong.text
    assert f'value="{code}"' in wrong.text


def test_the_code_comes_back_whether_there_is_such_a_dossier_or_not(
    citizen: Citizen, code: str
) -> None:
    unknown = f"{CENTRE}-260302-0000"
    known, other = (citizen.post("/", code=typed, key=WRONG) for typed in (code, unknown))
    assert known.status_code == other.status_code == 404
    assert _but_date(known) | {"content-length": ""} == _but_date(other) | {"content-length": ""}
    assert known.text.replace(code, unknown) == other.text


def test_the_language_stays_on_the_way_to_what_is_printed_and_back(
    citizen: Citizen, code: str
) -> None:
    page = citizen.status(code, lang="en")
    there = re.search(r'href="([^"]*/receipt/[^"]*)"', page.text)
    assert there is not None
    printed = citizen.get(html.unescape(there[1]))
    assert '<html lang="en">' in printed.text
    back = re.search(r'class="ways".*href="([^"]*/status/[^"]*)"', printed.text)
    assert back is not None
    assert '<html lang="en">' in citizen.get(html.unescape(back[1])).text
    # Without a language in the address it is the one of the messages, as on the page itself.
    assert '<html lang="vi">' in citizen.get(f"/receipt/{code}", key=key_of(code)).text


def test_the_start_is_in_the_language_that_the_browser_prefers(citizen: Citizen) -> None:
    for accepted, lang, shown in (
        ("en-GB,en;q=0.9", "", "en"),
        ("en-GB,en;q=0.9", "vi", "vi"),
        ("vi,en;q=0.5", "", "vi"),
        ("vi,en;q=0.5", "en", "en"),
        ("fr", "", "vi"),
        ("en", "klingon-and-more", "en"),
    ):
        page = citizen.get("/", {"Accept-Language": accepted}, **({"lang": lang} if lang else {}))
        assert page.status_code == 200
        assert f'<html lang="{shown}">' in page.text
        assert "accept-language" in page.headers["vary"].lower()
    wrong = citizen.get("/status/nonsense", {"Accept-Language": "en"}, key=WRONG)
    assert '<html lang="en">' in wrong.text


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LOST = ["/status/", "/status", "/nope", "/status/x/preferences", "/receipt/"]


@pytest.mark.parametrize("path", LOST)
def test_a_browser_that_is_lost_gets_a_page_and_a_program_gets_a_problem(
    citizen: Citizen, path: str
) -> None:
    page = citizen.get(path, BROWSER)
    assert page.status_code in (404, 405)
    assert page.headers["content-type"].startswith("text/html")
    assert "Không có trang này" in page.text
    assert "There is no such page" in page.text
    assert 'href="/?lang=vi"' in page.text
    assert 'href="/?lang=en"' in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    answer = citizen.get(path)
    assert answer.status_code == page.status_code
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("code", "key"), [("x" * 81, WRONG), ("x", "x" * 65)])
def test_what_is_too_long_for_any_code_or_key_is_told_to_a_browser_as_a_page(
    citizen: Citizen, code: str, key: str
) -> None:
    for what in ("status", "receipt"):
        page = citizen.get(f"/{what}/{code}", BROWSER, key=key)
        assert page.status_code == 422
        assert "Không tìm thấy hồ sơ" in page.text
        answer = citizen.get(f"/{what}/{code}", key=key)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_page_that_can_be_read_can_be_asked_for_its_head(citizen: Citizen, code: str) -> None:
    key = key_of(code)
    static = re.search(r'href="(/page/page.css[^"]*)"', citizen.get("/").text)
    assert static is not None
    for path in (
        "/",
        f"/status/{code}?key={key}",
        f"/status/{code}.json?key={key}",
        f"/receipt/{code}?key={key}",
        f"/status/{code}?key={WRONG}",
        static[1],
    ):
        whole, head = citizen.get(path), citizen.head(path)
        assert head.status_code == whole.status_code
        assert head.content == b""
        for name in ("content-type", "cache-control", "content-security-policy"):
            assert head.headers.get(name) == whole.headers.get(name), path
    documented = citizen.get("/openapi.json").json()["paths"]
    assert "head" not in documented["/status/{code}"]


def test_no_page_lets_the_key_travel_on(citizen: Citizen, instance: Instance, code: str) -> None:
    pages = [
        citizen.get("/"),
        citizen.status(code),
        citizen.status(code, ".json"),
        citizen.get(f"/receipt/{code}", key=key_of(code)),
        citizen.post("/", code=code, key=key_of(code)),
        citizen.post("/", code=code, key=WRONG),
    ]
    for page in pages:
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "set-cookie" not in page.headers
        links = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
        assert all(link.startswith(("/", "#")) for link in links), links
    for what in ("", ".json", "/events"):
        for wrong in (WRONG, "x" * 65):
            refused = citizen.get(f"/status/{code}{what}", key=wrong)
            assert refused.status_code in (404, 422)
            assert refused.headers["cache-control"] == "no-store"
    assert key_of(code) not in instance.log.read_text()
    assert key_of(code) not in citizen.get("/metrics").text


def test_a_key_that_is_guessed_a_thousand_times_is_not_found_and_locks_no_citizen_out(
    instance: Instance, citizen: Citizen, code: str
) -> None:
    _begin_of_a_window()
    with Citizen(instance) as guesser, ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda n: guesser.get(f"/status/{code}", key=f"{n:010}"), range(1000))
        )
        wrong = [a for a in answers if a.status_code == 404]
        refused = [a for a in answers if a.status_code == 429]
        assert len(wrong) == 10
        assert len(refused) == 990
        assert all(0 < int(a.headers["retry-after"]) <= WINDOW.seconds for a in refused)
        assert "xin thử lại sau" in refused[0].text
        # The right key does not help the guesser, nor tells that it is the right one.
        assert guesser.status(code).status_code == 429
        assert guesser.status(code, ".json").status_code == 429
    # Whoever holds the receipt gets in, after a slip, too.
    assert citizen.get(f"/status/{code}", key=WRONG).status_code == 404
    assert citizen.status(code).status_code == 200


def test_an_address_that_guesses_is_stopped_and_those_behind_it_who_have_a_key_are_not(
    instance: Instance, citizen: Citizen, code: str
) -> None:
    _begin_of_a_window()
    guessed = [f"{CENTRE}-260304-{n:04}" for n in range(10)]
    with Citizen(instance) as guesser:
        seen = [guesser.get(f"/status/{at}", key=WRONG) for at in guessed for _ in range(5)]
        # Thirty tries are anybody's; then there are three at each code, of which two are used up.
        assert [answer.status_code for answer in seen] == [404] * 30 + ([404] * 3 + [429] * 2) * 4
        neighbour = guesser  # a telephone company shows both as one
        assert neighbour.get(f"/status/{code}", key=WRONG).status_code == 404
        assert neighbour.status(code).status_code == 200
        assert neighbour.status(code, ".json").status_code == 200
        with neighbour.following(code, 0):
            pass
        assert neighbour.post("/", code=code, key=key_of(code)).status_code == 303
    assert citizen.status(code).status_code == 200


def test_behind_a_guesser_too_a_wrong_key_and_an_unknown_code_are_answered_alike(
    citizen: Citizen, code: str
) -> None:
    _begin_of_a_window()
    for n in range(30):
        citizen.get(f"/status/{CENTRE}-260302-{n:04}", key=WRONG)
    for _ in range(4):
        known = citizen.get(f"/status/{code}", key=WRONG)
        other = citizen.get(f"/status/{CENTRE}-260303-0000", key=WRONG)
        strange = citizen.get("/status/nonsense", key=WRONG)
        assert known.status_code == other.status_code == strange.status_code
        if known.status_code == 404:
            assert known.content == other.content == strange.content
            assert _but_date(known) == _but_date(other) == _but_date(strange)
    assert known.status_code == 429


@pytest.mark.parametrize("dash", [" - ", "\N{EN DASH}", " "])
def test_a_code_and_a_key_are_found_as_people_write_them(
    citizen: Citizen, code: str, dash: str
) -> None:
    key = key_of(code)
    typed = code.replace("-", dash) + "\N{ZERO WIDTH SPACE}"
    spaced = f"{key[:5]}\N{NO-BREAK SPACE}{key[5:]}."
    answer = citizen.post("/", code=typed, key=spaced)
    assert answer.status_code == 303
    assert f"/status/{code}?" in answer.headers["location"]
    assert citizen.get(f"/status/{typed}", key=spaced).status_code == 200
    assert citizen.get(f"/status/{typed}.json", key=spaced).json()["code"] == code


def test_an_address_that_a_client_makes_up_is_not_believed(instance: Instance, code: str) -> None:
    _begin_of_a_window()
    with httpx.Client(base_url=instance.url) as http:
        seen = [
            # The proxy of ours adds the last one; the others are the client's own invention.
            http.get(
                f"/status/{code}",
                params={"key": WRONG},
                headers={"X-Forwarded-For": f"192.0.2.{n}, 10.9.9.9"},
            ).status_code
            for n in range(20)
        ]
    assert seen == [404] * 10 + [429] * 10


def test_an_open_page_is_told_of_a_change_and_of_one_that_came_before_its_stream(
    citizen: Citizen, office: Office, code: str
) -> None:
    # Notify may still be writing down what it has planned to tell.
    before = eventually(lambda: _settled(citizen, code), what="a page that stays as it is")
    with citizen.following(code, before) as events:
        _ask_for_papers(office, code)
        told = int(next(events).removeprefix("data: "))
    assert told > before
    # A browser that asks again says what it has seen, and is told at once what it has missed.
    with citizen.following(code, before) as events:
        assert int(next(events).removeprefix("data: ")) >= told
    page = citizen.status(code)
    assert "Bổ sung giấy tờ" in page.text
    assert "Yêu cầu bổ sung giấy tờ" in page.text


def test_one_address_has_so_many_live_pages_and_no_more(citizen: Citizen, code: str) -> None:
    with citizen.following(code, 0), citizen.following(code, 0):
        refused = citizen.get(f"/status/{code}/events", key=key_of(code))
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "60"
        assert citizen.status(code).status_code == 200

    def again() -> bool:
        try:
            with citizen.following(code, 0):
                return True
        except AssertionError:
            return False

    eventually(again, timeout=40.0, what="a place that was given back")


def test_open_pages_do_not_hold_up_the_end_of_a_service(city: City, code: str) -> None:
    ending = city.start("notify", trusted_proxies=1)
    city.wait_ready()
    following = threading.Event()
    ended = threading.Event()

    def follow() -> None:
        with Citizen(ending) as citizen, citizen.following(code, 10**9) as events:
            following.set()
            assert list(events) == []
            ended.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert following.wait(30)
    assert city.leave(ending) == 0
    thread.join(30)
    assert ended.is_set()
    assert "Traceback" not in ending.log.read_text()


def test_what_officers_write_is_text_and_no_markup(
    citizen: Citizen, office: Office, code: str
) -> None:
    note = (HOSTILE + " ghi chú" * 300)[:2000]
    office.does(
        "intake",
        code,
        "supplement-demand",
        {"documents": [HOSTILE], "reason": note, "by": OFFICER},
    )
    office.agrees(code, "supplement_requested", "notify")
    page = citizen.status(code).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page
    assert citizen.status(code, ".json").json()["asked"][0]["reason"] == note
    for odd in ('"><script>alert(1)</script>', "x" * 60, "%00", "é"):
        answer = citizen.get(f"/status/{code}", key=odd, lang='"><b>')
        assert answer.status_code in (404, 429)
        assert "<script>alert" not in answer.text


def test_preferences_are_changed_so_often_in_an_hour_and_no_oftener(
    citizen: Citizen, office: Office, code: str
) -> None:
    _begin_of_a_window()
    key = key_of(code)

    def choose(quiet_from: str) -> httpx.Response:
        return citizen.post(
            f"/status/{code}/preferences", key=key, quiet_from=quiet_from, quiet_until="06:00"
        )

    assert [choose(f"20:{minute}").status_code for minute in range(10, 30)] == [303] * 20
    refused = choose("20:45")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert "Những gì đã lưu vẫn có hiệu lực" in refused.text
    shown = citizen.status(code)
    assert shown.status_code == 200
    assert 'value="20:29"' in shown.text
    another = office.hand_in()
    office.agrees(another, "in_process", "notify")
    answer = citizen.post(f"/status/{another}/preferences", key=key_of(another), opted_out="1")
    assert answer.status_code == 303


def test_preferences_are_chosen_and_a_result_is_rated_once_on_the_page(
    citizen: Citizen, office: Office, code: str
) -> None:
    key = key_of(code)
    chosen = {"locale": "en", "opted_out": "1", "quiet_from": "20:00", "quiet_until": "08:00"}
    answer = citizen.post(f"/status/{code}/preferences?lang=vi", key=key, **chosen)
    assert answer.status_code == 303
    assert "told=preferences" in answer.headers["location"]
    page = citizen.get(answer.headers["location"]).text
    assert "Đã lưu cách nhận thông báo" in page
    assert 'value="20:00"' in page
    # Without a language in the address it is the one of the messages.
    assert '<html lang="en">' in citizen.status(code).text

    too_early = citizen.post(f"/status/{code}/rating", key=key, score="5")
    assert "told=refused" in too_early.headers["location"]
    assert 'id="rating"' not in citizen.status(code).text
    for step in ("receive-check", "decide"):
        lead = eventually(
            lambda s=step: (v := office.open_step(code))["open_step"] == s and v["lead"]  # type: ignore[misc]
        )
        office.does("routing", code, "step-completion", {"step": step, "by": lead})
    office.agrees(code, "processed", "notify")
    assert 'id="rating"' in citizen.status(code).text
    given = citizen.post(f"/status/{code}/rating", key=key, score="4")
    assert given.headers["location"].endswith("#rating")
    assert "told=rating" in given.headers["location"]
    again = citizen.post(f"/status/{code}/rating", key=key, score="1")
    assert "told=already-rated" in again.headers["location"]
    assert citizen.status(code, ".json").json()["rating"] == 4


def test_a_channel_that_was_chosen_at_the_counter_stays_chosen_when_the_language_is_changed(
    citizen: Citizen, office: Office
) -> None:
    code = office.hand_in(preferences={"channels": ["zalo"]})
    office.agrees(code, "in_process", "notify")
    shown = citizen.status(code).text
    assert _boxes(shown) == {"email": False, "sms": False, "zalo": True}
    ticked = [channel for channel, on in _boxes(shown).items() if on]
    answer = citizen.post(
        f"/status/{code}/preferences", key=key_of(code), locale="en", channels=ticked
    )
    assert answer.status_code == 303
    shown = citizen.status(code).text
    assert '<html lang="en">' in shown
    assert _boxes(shown) == {"email": False, "sms": False, "zalo": True}


def test_a_choice_that_would_reach_nobody_is_not_saved_and_the_page_says_what_to_do(
    citizen: Citizen, office: Office, settings: Settings
) -> None:
    who = "citizen-with-a-mailbox-alone"
    email = {"email": "an@example.test"}
    body = {"filing": filing(citizen=who), "by": OFFICER, "contact": email}
    code = office.post("intake", "/dossiers", body).json()["code"]
    office.agrees(code, "in_process", "notify")
    with MongoClient[dict[str, Any]](settings.mongo) as mongo:
        contacts = mongo["motcua_notify"]["contacts"]
        eventually(lambda: contacts.find_one({"_id": who}), what=f"the contact of {who}")
    url, key = f"/status/{code}/preferences", key_of(code)

    refused = citizen.post(url, key=key, channels=["sms", "zalo"], locale="en")
    assert refused.status_code == 422
    assert "Chưa có nơi để gửi thông báo" in refused.text
    assert "tại bộ phận Một cửa" in refused.text
    in_english = citizen.post(f"{url}?lang=en", key=key, channels=["sms"])
    assert in_english.status_code == 422
    assert "at a one-stop office" in in_english.text
    shown = citizen.status(code).text
    assert '<html lang="vi">' in shown
    assert not any(_boxes(shown).values())

    assert citizen.post(url, key=key, opted_out="1").status_code == 303
    assert citizen.post(url, key=key, channels=["sms", "email"]).status_code == 303
    assert _boxes(citizen.status(code).text) == {"email": True, "sms": True, "zalo": False}


def test_whoever_left_no_address_at_all_may_choose_what_they_like(
    citizen: Citizen, office: Office
) -> None:
    code = office.hand_in(citizen="citizen-of-no-address")
    office.agrees(code, "in_process", "notify")
    answer = citizen.post(f"/status/{code}/preferences", key=key_of(code), channels=["sms"])
    assert answer.status_code == 303


def test_half_of_the_quiet_hours_is_asked_for_again_in_the_citizens_language(
    citizen: Citizen, code: str
) -> None:
    url, key = f"/status/{code}/preferences", key_of(code)
    refused = citizen.post(url, key=key, quiet_from="07:00")
    assert refused.status_code == 422
    assert "Xin điền cả hai giờ" in refused.text
    refused = citizen.post(f"{url}?lang=en", key=key, quiet_until="06:00")
    assert refused.status_code == 422
    assert "Please fill in both times" in refused.text
    assert 'value="07:00"' not in citizen.status(code).text


def test_a_form_without_the_key_or_with_nonsense_changes_nothing(
    citizen: Citizen, code: str
) -> None:
    key = key_of(code)
    assert citizen.post(f"/status/{code}/preferences", key=WRONG).status_code == 404
    assert citizen.post(f"/status/{code}/rating", key=key, score="6").status_code == 422
    nonsense = citizen.post(f"/status/{code}/preferences", key=key, quiet_from="soon")
    assert nonsense.status_code == 422
    assert "Chưa hiểu được nội dung đã gửi" in nonsense.text
    assert citizen.get("/").status_code == 200
    assert "told=" not in citizen.status(code).text


def test_what_is_printed_shows_code_key_and_a_qr_code_and_stands_in_both_languages(
    citizen: Citizen, code: str
) -> None:
    page = citizen.get(f"/receipt/{code}", key=key_of(code)).text
    key = key_of(code)
    assert f"{key[:5]} {key[5:]}" in page
    assert "Thông tin tiếp nhận hồ sơ và hẹn trả kết quả" in page
    assert "What was received, and the appointed date" in page
    assert "Bản in để tra cứu" in page
    assert "Mẫu số 01, Thông tư 03/2025/TT-VPCP" in page
    assert "<svg" in page
    assert "style=" not in page
    assert PUBLIC in page


def test_a_right_key_of_a_dossier_that_is_not_here_yet_says_so(citizen: Citizen) -> None:
    code = f"{CENTRE}-260302-9999"
    answer = citizen.status(code)
    assert answer.status_code == 404
    assert "Hồ sơ đang được cập nhật" in answer.text


# -- the change stream itself, with the client that is used and with its successor ---------


@pytest.fixture(params=["motor", "pymongo"])
async def watched(
    request: pytest.FixtureRequest, settings: Settings, database: Database
) -> AsyncIterator[Database]:
    make = client if request.param == "motor" else pymongo_client
    mongo = make(settings.mongo)
    yield cast("Database", mongo[database.name])  # its successor has the same methods
    closed = mongo.close()
    if closed is not None:
        await closed


class Told:
    """A `Live` over a collection of the test's own."""

    def __init__(self, database: Database) -> None:
        self.dossiers = database["dossiers"]
        self.stopping = asyncio.Event()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.live = Live(self.dossiers, self.stopping, self.failed, most=3, most_by_address=2)

    async def write(self, code: str, version: int) -> None:
        await self.dossiers.replace_one({"_id": code}, {"_id": code, "v": version}, upsert=True)

    async def update(self, code: str, version: int) -> None:
        document = {"_id": code, "v": version, "more": "x" * 500}
        await self.dossiers.update_one({"_id": code}, [{"$replaceWith": {"$literal": document}}])

    async def end(self) -> None:
        self.stopping.set()
        if self.failed.done():
            self.failed.result()


async def test_each_page_is_told_of_its_own_dossier_and_of_no_other(watched: Database) -> None:
    told = Told(watched)
    with told.live.page("A", 0, "x") as a, told.live.page("B", 0, "x") as b:
        await told.write("A", 1)
        await a.news()
        assert (a.seen, b.seen) == (1, 0)
        await told.update("A", 2)
        await told.write("B", 7)
        await a.news()
        await b.news()
        assert (a.seen, b.seen) == (2, 7)
        with told.live.page("A", 0, "y") as late:
            await late.news()
            assert late.seen == 2
    await told.end()


async def test_a_stream_that_ended_is_opened_again_and_nothing_is_lost(watched: Database) -> None:
    told = Told(watched)
    await told.write("A", 1)
    with told.live.page("A", 0, "x") as page:
        await page.news()
        await told.dossiers.drop()
        await told.write("A", 2)
        await page.news()
        assert page.seen == 2
    await told.end()


async def test_pages_are_limited_in_all_and_for_each_address(watched: Database) -> None:
    told = Told(watched)
    with told.live.page("A", 0, "x"), told.live.page("A", 0, "x"):
        with pytest.raises(Full):
            told.live.page("A", 0, "x").__enter__()
        with told.live.page("A", 0, "y"), pytest.raises(Full):
            told.live.page("A", 0, "z").__enter__()
    with told.live.page("A", 0, "x"):
        pass
    await told.end()


async def test_every_page_ends_when_the_service_does(watched: Database) -> None:
    told = Told(watched)
    with told.live.page("A", 0, "x") as page:
        told.stopping.set()
        await soon(lambda: _closed(page), what="the page's end")
        with pytest.raises(Full):
            told.live.page("A", 0, "x").__enter__()
    await told.end()


async def _closed(page: Page) -> bool:
    return bool(page.closed)


def _boxes(page: str) -> dict[str, bool]:
    """The channels that a page offers, and whether each is ticked."""
    found = re.findall(r'name="channels" value="(\w+)"( checked)?', page)
    return {channel: bool(checked) for channel, checked in found}


def _settled(citizen: Citizen, code: str) -> int:
    first, second = (version_in(citizen.status(code)) for _ in range(2))
    return first if first == second else 0


def _ask_for_papers(office: Office, code: str) -> None:
    office.does(
        "intake",
        code,
        "supplement-demand",
        {"documents": ["Ảnh 4x6"], "reason": "Thiếu ảnh", "by": OFFICER},
    )


def _begin_of_a_window() -> None:
    """Waits, if need be, until a window of counting does not end within the test."""
    left = WINDOW.total_seconds() - time.time() % WINDOW.total_seconds()
    if left < 20:
        eventually(
            lambda: time.time() % WINDOW.total_seconds() < WINDOW.total_seconds() / 2,
            timeout=left + 5,
        )


def _but_date(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}
