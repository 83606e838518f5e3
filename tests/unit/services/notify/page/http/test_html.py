"""The pages as they are sent: their wording is checked, they are small, and text stays text."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from markupsafe import escape
from pydantic import ValidationError
from pymongo.errors import ConnectionFailure
from starlette.requests import Request

from contracts.catalogue import load_catalogue
from contracts.events.sla import MoveCause
from contracts.values import Locale
from contracts.visible import shown
from services.notify.dossier.state import Choice, Demand, Entry, Letter, Notify, Papers, Step
from services.notify.page.http.events import events
from services.notify.page.http.html import SCORES, Html
from services.notify.page.http.links import Links
from services.notify.page.http.live import Page
from services.notify.page.http.receipt import receipt
from services.notify.page.http.trouble import HalfQuiet, NotReceived, WrongForm, trouble_of
from services.notify.page.security.client_address import client_address
from services.notify.page.security.gate import NotOpened, NotYetHere, Opened
from services.notify.page.security.guesses import TooMany
from services.notify.page.security.often import TooOften
from services.notify.page.settings import PageSettings
from services.notify.page.text.texts import FOLDER, TextWrong
from services.notify.page.text.words import Words
from services.notify.page.view.choosing import OutOfReach
from services.notify.page.view.room import shortened
from services.notify.page.view.status import look
from services.runtime.http.problem import Problem, unavailable
from services.shared.lifecycle import Mark, Move, Span
from services.shared.lookup_key import lookup_key

CODE = "H29.1-260302-0001"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'
LINKS = Links("https://hoso.example.vn/mot-cua", "secret")
HTML = Html(LINKS)
WORDS = {locale: Words(load_catalogue(), locale) for locale in Locale}
FIRST_LOAD = 100 * 1024


def a_state(words: str = "Thiếu ảnh", lines: int = 2) -> Notify:
    """A dossier that waits for papers, with officers' words wherever there can be any."""
    return Notify(
        code=CODE,
        marks=(
            Mark(AT, Move.RECEIVED, "1"),
            Mark(AT, Move.STARTED, "2"),
            Mark(AT, Move.SUPPLEMENT_DEMANDED, "3"),
            Mark(AT, Move.PAYMENT_DEMANDED, "4"),
        ),
        span=Span(AT),
        citizen="citizen-1",
        procedure="1.004873",
        receiving_unit="H29.1",
        returning_unit="H29.102",
        unit="H29.101",
        due=AT + timedelta(days=5),
        original_due=AT + timedelta(days=3),
        plan=tuple(f"step-{number}" for number in range(12)),
        supplement=Demand(AT, words, (words[:200],) * 10),
        payment=Demand(AT, words, amount=1_500_000),
        letter=Letter(AT, words, AT + timedelta(days=5), "H29.101"),
        story=tuple(
            Entry(AT + timedelta(hours=n), "DossierStopped", str(n), "H29.101", words)
            for n in range(lines)
        ),
    )


def page(state: Notify, locale: Locale = Locale.VI) -> str:
    answer = HTML.page(
        "status.html",
        locale,
        other=LINKS.status(CODE, "KEY", Locale.EN),
        look=look(state, WORDS[locale]),
        key="KEY",
        version=1,
        told="",
        received=True,
        rating=True,
        scores=SCORES,
        choice=state.choice,
        chosen_locale=Locale.VI,
        channels=("email", "sms", "zalo"),
    )
    return bytes(answer.body).decode()


def a_receipt(state: Notify, locale: Locale = Locale.VI) -> str:
    shown = receipt(Opened(CODE, "KEY", 1, state), WORDS, LINKS.link(CODE))
    answer = HTML.page("receipt.html", locale, other="/", **shown)
    return bytes(answer.body).decode()


def in_the_form(error: Exception, locale: Locale, code: str = "") -> str:
    """The page with the form that somebody gets who has typed that code."""
    return bytes(HTML.trouble(trouble_of(error), locale, code).body).decode()


def test_a_letters_date_is_crossed_out_and_said_to_be_missed_once_it_is() -> None:
    state = a_state()
    kept = page(state)
    assert "đã quá ngày này" not in kept
    assert "<strong><time" in kept
    state = msgspec.structs.replace(state, payment=None, supplement=None)
    state = msgspec.structs.replace(state, overdue={"x": AT + timedelta(days=5)})
    missed = page(state)
    (card,) = re.findall(r'<section class="card apology".*?</section>', missed, re.DOTALL)
    assert re.search(
        r'<span class="crossed"><time [^>]+>[^<]+</time></span> \(đã quá ngày này\)', card
    )
    assert "<strong>" not in card


@pytest.mark.parametrize("made", [page, a_receipt])
def test_what_hides_or_steers_is_not_shown_whatever_stands_on_the_log(
    made: Callable[[Notify], str],
) -> None:
    hostile = "a\u202eb\x1b[2J\0c\x9bd\u2067e"
    state = msgspec.structs.replace(a_state(hostile), procedure=hostile, papers=Papers((hostile,)))
    whole = made(state)
    assert "ab[2Jcde" in whole
    assert shown(whole) == whole


def static(name: str) -> int:
    return len(HTML.static[name].content)


@pytest.mark.parametrize("letter", ["ộ", '"', "&", "<", "𠀋"])
@pytest.mark.parametrize("locale", Locale)
def test_the_longest_page_there_can_be_is_small_with_all_that_it_loads(
    locale: Locale, letter: str
) -> None:
    whole = page(a_state(letter * 2000, lines=500), locale)
    loads = re.findall(r'(?:href|src)="/mot-cua/page/([^?"]+)\?', whole)
    assert {"page.css", "live.js", "icon.svg"} == set(loads)
    assert len(whole.encode()) + sum(static(name) for name in set(loads)) < FIRST_LOAD
    listing = Demand(AT, letter * 2000, (letter * 200,) * 1200)
    state = msgspec.structs.replace(a_state(letter * 2000, lines=500), supplement=listing)
    whole = page(state, locale)
    assert len(whole.encode()) + sum(static(name) for name in set(loads)) < FIRST_LOAD
    (wish, _) = look(state, WORDS[locale]).asked
    assert 10 < len(wish.listed) <= 20
    assert HTML.texts[locale]("part.documents-more", count=str(wish.unlisted)) in whole
    usual = page(a_state(lines=15), locale)
    assert len(usual.encode()) + sum(static(name) for name in set(loads)) < FIRST_LOAD / 2


@pytest.mark.parametrize(
    ("begins", "ends", "shown"),
    [
        ("20:00", "08:00", ["20:00", "08:00"]),
        ("07:00", None, ["", ""]),
        (None, "06:00", ["", ""]),
        (None, None, ["", ""]),
    ],
)
def test_hours_stand_in_the_form_if_they_are_in_force(
    begins: str | None, ends: str | None, shown: list[str]
) -> None:
    choice = Choice(AT, quiet_from=begins, quiet_until=ends)
    whole = page(msgspec.structs.replace(a_state(), choice=choice))
    assert re.findall(r'type="time" name="\w+" value="([^"]*)"', whole) == shown


def test_the_script_is_less_than_two_kilobytes() -> None:
    assert static("live.js") < 2048


def test_words_are_cut_by_the_room_that_they_take_and_never_within_a_letter() -> None:
    assert shortened("ộ" * 10, 30) == "ộ" * 10
    assert shortened("ộ" * 11, 30) == "ộ" * 9 + "…"
    assert shortened('"' * 7, 30) == '"' * 5 + "…"
    assert shortened("a b" * 20, 5) == "a…"


@pytest.mark.parametrize("locale", Locale)
def test_what_officers_write_is_escaped_wherever_it_stands(locale: Locale) -> None:
    whole = page(a_state(HOSTILE), locale)
    assert "<script>alert" not in whole
    assert whole.count("&lt;script&gt;alert(1)") >= 15


@pytest.mark.parametrize("locale", Locale)
def test_names_that_no_catalogue_knows_are_escaped_on_the_page_and_on_the_receipt(
    locale: Locale,
) -> None:
    # What an older system calls a procedure, a step or a paper may be anything.
    state = msgspec.structs.replace(
        a_state(),
        procedure=HOSTILE,
        plan=(HOSTILE, "decide"),
        step=Step(AT, 0, HOSTILE, HOSTILE),
        marks=a_state().marks[:2],
        unit=HOSTILE,
        receiving_unit=HOSTILE,
        returning_unit=HOSTILE,
        letter=Letter(AT, "x", AT + timedelta(days=9), HOSTILE),
        papers=Papers((HOSTILE,)),
        story=(Entry(AT, "StepStarted", "1", HOSTILE, HOSTILE),),
    )
    for whole, times in ((page(state, locale), 10), (a_receipt(state, locale), 6)):
        assert "<script>alert" not in whole
        assert whole.count("&lt;script&gt;alert(1)") >= times


@pytest.mark.parametrize("locale", Locale)
def test_a_dossier_that_was_promised_nothing_leaves_no_hole_where_the_date_would_be(
    locale: Locale,
) -> None:
    registered = Mark(AT, Move.REGISTERED, "1")
    for end in (Move.NOT_RECEIVED, Move.WITHDRAWN):
        ended = Notify(code=CODE, marks=(registered, Mark(AT, end, "2")), citizen="citizen-1")
        whole = page(ended, locale)
        assert HTML.texts[locale]("part.next") in whole
        assert re.search(r"<div[^>]*>\s*</div>", whole) is None


@pytest.mark.parametrize("locale", Locale)
def test_the_code_that_was_typed_comes_back_as_text_and_the_key_is_typed_anew(
    locale: Locale,
) -> None:
    for error in (NotOpened(), NotYetHere(), TooMany(60)):
        said = in_the_form(error, locale, HOSTILE + "x" * 200)
        assert "<script>alert" not in said
        (code, key) = re.findall(r"<input ([^>]*)>", said)
        assert f'value="{escape((HOSTILE + "x" * 200)[:80])}"' in code
        assert "value=" not in key
        assert "autofocus" in key
        assert "autofocus" not in code
    for other in (NotOpened(), WrongForm(), TooMany(60)):
        said = in_the_form(other, locale)
        assert "value=" not in said
        assert "autofocus" not in said


@pytest.mark.parametrize("locale", Locale)
def test_fields_that_are_wrong_say_so_where_they_stand(locale: Locale) -> None:
    said = in_the_form(NotOpened(), locale, CODE)
    wrong = escape(HTML.texts[locale]("form.wrong"))
    assert f'<span id="wrong" class="wrong">{wrong}</span>' in said
    for name, field in zip(("code", "key"), re.findall(r"<input ([^>]*)>", said), strict=True):
        assert f'aria-describedby="wrong {name}-hint"' in field
        assert 'aria-invalid="true"' in field
    for error in (TooMany(60), NotYetHere()):
        said = in_the_form(error, locale, CODE)
        assert "aria-invalid" not in said
        assert 'id="wrong"' not in said
        assert 'aria-describedby="key-hint"' in said


def test_whoever_is_lost_is_told_so_in_both_languages_and_led_back_in_each() -> None:
    answer = HTML.lost(405)
    assert answer.status_code == 405
    said = bytes(answer.body).decode()
    for locale in Locale:
        assert escape(HTML.texts[locale]("lost.heading")) in said
        assert escape(HTML.texts[locale]("lost.what")) in said
        assert f'href="{LINKS.start(locale)}"' in said
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("locale", Locale)
def test_the_language_stays_on_the_way_to_the_receipt_and_back(locale: Locale) -> None:
    there = re.search(r'href="([^"]*/receipt/[^"]*)"', page(a_state(), locale))
    assert there is not None
    assert there[1].endswith(f"lang={locale}")
    assert escape(LINKS.status(CODE, "KEY", locale)) in a_receipt(a_state(), locale)


def test_pages_that_come_back_after_an_end_do_not_come_back_at_one_instant() -> None:
    async def first() -> bytes:
        return await anext(events(Page(CODE, 0)))

    said = {asyncio.run(first()) for _ in range(100)}
    assert len(said) > 10
    for line in said:
        assert 4_000 <= int(line.removeprefix(b"retry: ")) <= 8_000


def test_the_page_loads_nothing_inline_and_nothing_from_elsewhere() -> None:
    whole = page(a_state())
    assert "style=" not in whole
    assert re.search(r"\son[a-z]+=", whole) is None
    assert re.search(r"<script(?! src=\"/mot-cua/page/)", whole) is None
    assert "http" not in whole


def test_a_missing_text_stops_the_start_with_its_name(tmp_path: Path) -> None:
    folder = texts(tmp_path)
    change(folder / "en.toml", "send = ", "sent = ")
    with pytest.raises(TextWrong, match=r"en\.toml: no text form\.send"):
        Html(LINKS, folder)


def test_a_text_that_nothing_says_stops_the_start_with_its_name(tmp_path: Path) -> None:
    folder = texts(tmp_path)
    change(folder / "vi.toml", "send = ", 'odd = "x"\nsend = ')
    with pytest.raises(TextWrong, match=r"vi\.toml: nothing says form\.odd"):
        Html(LINKS, folder)


def test_an_unknown_field_stops_the_start_with_its_name(tmp_path: Path) -> None:
    folder = texts(tmp_path)
    change(folder / "vi.toml", "{{ minutes }}", "{{ hours }}")
    with pytest.raises(TextWrong, match=r"trouble\.too-many-more: no field hours; there are "):
        Html(LINKS, folder)


def test_a_broken_text_stops_the_start_with_its_name(tmp_path: Path) -> None:
    folder = texts(tmp_path)
    change(folder / "vi.toml", "{{ minutes }}", "{{ minutes")
    with pytest.raises(TextWrong, match=r"trouble\.too-many-more: "):
        Html(LINKS, folder)


def test_every_text_is_another_in_the_other_language() -> None:
    vi, en = (HTML.texts[locale] for locale in (Locale.VI, Locale.EN))
    same = {key for key in vi.keys if vi(key) == en(key)}
    assert same <= {"preferences.zalo", "asked.payment-where"}


def test_the_address_in_a_message_opens_the_dossier() -> None:
    key = lookup_key("secret", CODE)
    assert LINKS.link(CODE) == f"https://hoso.example.vn/mot-cua/status/{CODE}?key={key}"
    assert Links(None, "secret").link(CODE) == ""


@pytest.mark.parametrize(
    "url", ["hoso.example.vn", "ftp://x", "https://", "https://x/?a=b", "https://x/#y"]
)
def test_a_public_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        PageSettings(public_url=url)


def test_a_receipt_has_the_form_of_the_law_in_force_when_it_was_received() -> None:
    opened = Opened(CODE, "KEY", 1, a_state())
    shown = receipt(opened, WORDS, LINKS.link(CODE))
    assert shown["circular"].name == "03/2025/TT-VPCP"
    assert shown["form"].number == "01"
    assert shown["address"] == "https://hoso.example.vn/mot-cua"
    assert shown["qr"].startswith("<svg")
    assert receipt(opened, WORDS, "")["qr"] is None
    with pytest.raises(NotReceived):
        receipt(Opened(CODE, "KEY", 1, Notify(code=CODE)), WORDS, "")


@pytest.mark.parametrize("locale", Locale)
def test_what_is_printed_says_that_it_is_for_looking_up_and_which_form_it_does_not_replace(
    locale: Locale,
) -> None:
    printed = a_receipt(a_state(), locale)
    heading = re.search(r"<h1>(.*?)</h1>", printed, re.DOTALL)
    assert heading is not None
    assert "Giấy tiếp nhận" not in heading[1]
    for language in Locale:
        said = HTML.texts[language]
        assert said("receipt.title") in heading[1]
        assert said("receipt.copy") in printed
        assert escape(said("receipt.note", number="01", form="03/2025/TT-VPCP")) in printed


@pytest.mark.parametrize("locale", Locale)
def test_a_receipt_lists_what_was_handed_in_and_else_what_the_procedure_asks_for(
    locale: Locale,
) -> None:
    asked_for = WORDS[Locale.VI].catalogue.procedures["1.004873"].documents
    printed = a_receipt(a_state(), locale)
    assert all(paper in printed for paper in asked_for)
    assert "Thành phần hồ sơ theo quy định" in printed
    handed_in = Papers(("Tờ khai", HOSTILE), 3)
    printed = a_receipt(msgspec.structs.replace(a_state(), papers=handed_in), locale)
    assert not any(paper in printed for paper in asked_for)
    for said in ("Thành phần hồ sơ nộp gồm", "Papers handed in", "và 3 giấy tờ khác", "and 3 more"):
        assert said in printed
    assert "<li>Tờ khai</li>" in printed
    assert "<script>alert" not in printed
    all_named = msgspec.structs.replace(a_state(), papers=Papers(("Tờ khai",)))
    assert "giấy tờ khác" not in a_receipt(all_named, locale)


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("cause", MoveCause)
def test_a_receipt_keeps_the_first_date_and_says_the_new_one_and_why_in_both_languages(
    cause: MoveCause, locale: Locale
) -> None:
    state = msgspec.structs.replace(a_state(), marks=a_state().marks[:2], moved_by=cause)
    printed = a_receipt(state, locale)
    assert "08:00 thứ Năm, ngày 05/03/2026" in printed
    assert "08:00 thứ Bảy, ngày 07/03/2026" in printed
    for language, texts in HTML.texts.items():
        promise = look(state, WORDS[language]).promise
        assert promise is not None
        assert promise.moved is not None
        assert texts("part.due-new") in printed
        assert escape(texts.say(promise.moved)) in printed
    as_promised = msgspec.structs.replace(state, due=state.original_due)
    assert "07/03/2026" not in a_receipt(as_promised, locale)


@pytest.mark.parametrize(
    ("error", "status", "what", "headers"),
    [
        (NotOpened(), 404, "not-opened", {}),
        (NotYetHere(), 404, "not-yet-here", {}),
        (TooMany(61), 429, "too-many", {"Retry-After": "61"}),
        (TooOften(61), 429, "too-often", {"Retry-After": "61"}),
        (NotReceived(), 404, "not-received", {}),
        (WrongForm(), 422, "wrong-form", {}),
        (HalfQuiet(), 422, "half-quiet", {}),
        (OutOfReach(), 422, "out-of-reach", {}),
        (ConnectionFailure(), 503, "unavailable", {"Retry-After": "5"}),
        (unavailable(), 503, "unavailable", {"Retry-After": "5"}),
    ],
)
def test_each_trouble_is_told_to_people_and_to_programs(
    error: Exception, status: int, what: str, headers: dict[str, str]
) -> None:
    trouble = trouble_of(error)
    assert (trouble.status, trouble.what, trouble.headers) == (status, what, headers)
    assert trouble.problem().status == status
    for locale in Locale:
        answer = HTML.trouble(trouble, locale)
        assert answer.status_code == status
        assert HTML.texts[locale](f"trouble.{what}") in bytes(answer.body).decode()


def test_waiting_is_said_in_whole_minutes() -> None:
    said = bytes(HTML.trouble(trouble_of(TooMany(61)), Locale.VI).body).decode()
    assert "sau 2 phút" in said


def test_another_problem_is_no_page() -> None:
    with pytest.raises(Problem):
        trouble_of(Problem(422, "invalid-field", "x"))


@pytest.mark.parametrize(
    ("said", "proxies", "address"),
    [
        ((), 0, "192.0.2.1"),
        (("203.0.113.9",), 0, "192.0.2.1"),
        (("203.0.113.9",), 1, "203.0.113.9"),
        (("198.51.100.7, 203.0.113.9",), 1, "203.0.113.9"),
        (("198.51.100.7, 203.0.113.9, 10.0.0.1",), 2, "203.0.113.9"),
        (("198.51.100.7", "203.0.113.9, 10.0.0.1"), 2, "203.0.113.9"),
        (("203.0.113.9",), 2, "192.0.2.1"),
        (("nonsense",), 1, "192.0.2.1"),
        ((), 1, "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6",), 1, "2001:db8:1:2::/64"),
        (("::ffff:203.0.113.9",), 1, "203.0.113.9"),
    ],
)
def test_an_address_counts_as_far_as_our_own_proxies_vouch_for_it(
    said: tuple[str, ...], proxies: int, address: str
) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in said]
    request = Request({"type": "http", "headers": headers, "client": ("192.0.2.1", 5)})
    assert client_address(request, proxies) == address


def texts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "texts"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
