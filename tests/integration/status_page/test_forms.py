"""What a citizen does on the page: preferences, a rating, what is printed."""

from __future__ import annotations

import re

import httpx
import pytest

from services.runtime.settings import Settings
from tests.support.citizen import PUBLIC, WRONG, Citizen, begin_of_a_window, key_of
from tests.support.eventually import eventually
from tests.support.office import CENTRE, OFFICER, Office, filing
from tests.support.secured import mongo_client

pytestmark = pytest.mark.integration

HOSTILE = '</q><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}'


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
    begin_of_a_window()
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
    with mongo_client(settings.mongo) as mongo:
        contacts = mongo["motcua_notify"]["contacts"]
        left = {"_id": f"dossier:{code}"}
        eventually(lambda: contacts.find_one(left), what=f"what {who} left with {code}")
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


def _boxes(page: str) -> dict[str, bool]:
    """The channels that a page offers, and whether each is ticked."""
    found = re.findall(r'name="channels" value="(\w+)"( checked)?', page)
    return {channel: bool(checked) for channel, checked in found}
