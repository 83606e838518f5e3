"""How a dossier is found on the status page, and how it is not: codes, keys, guesses, heads."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from contracts.wire.topics import PAGE
from deploy.local.stack.city import Instance
from services.notify.page.security.guesses import WINDOW
from tests.support.citizen import WRONG, Citizen, begin_of_a_window, key_of
from tests.support.documented import documented
from tests.support.office import CENTRE

pytestmark = pytest.mark.integration


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
    assert "head" not in documented(PAGE).paths["/status/{code}"]


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
    begin_of_a_window()
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
    begin_of_a_window()
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
    begin_of_a_window()
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
    begin_of_a_window()
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


def _but_date(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}
