"""The pages as they are sent: their wording is checked, they are small, and text stays text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from markupsafe import escape
from pydantic import ValidationError

from contracts.values import Locale
from contracts.visible import shown
from services.notify.dossier.state import (
    Choice,
    Demand,
    HistoryEntry,
    Letter,
    Notify,
    OpenStep,
    Papers,
)
from services.notify.page.http.errors import WrongForm, page_error_of
from services.notify.page.http.events import events
from services.notify.page.http.html import SCORES
from services.notify.page.http.links import Links
from services.notify.page.http.live import OpenPage
from services.notify.page.security.gate import NotOpened, NotYetHere
from services.notify.page.security.guesses import TooMany
from services.notify.page.view.byte_budget import shortened
from services.notify.page.view.status import status_view
from services.notify.settings import LinkSettings
from services.shared.lifecycle import Mark, Move
from services.shared.lookup_key import LookupKeys, lookup_key
from tests.support.pages import AT, CODE, HOSTILE, HTML, LINKS, WORDS, a_receipt, a_state

FIRST_LOAD = 100 * 1024


def page(state: Notify, locale: Locale = Locale.VI) -> str:
    answer = HTML.page(
        "status.html",
        locale,
        other=LINKS.status(CODE, "KEY", Locale.EN),
        look=status_view(state, WORDS[locale]),
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


def in_the_form(error: Exception, locale: Locale, code: str = "") -> str:
    """The page with the form that somebody gets who has typed that code."""
    return bytes(HTML.trouble(page_error_of(error), locale, code).body).decode()


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
    (wish, _) = status_view(state, WORDS[locale]).asked
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
        step=OpenStep(AT, 0, HOSTILE, HOSTILE),
        marks=a_state().marks[:2],
        unit=HOSTILE,
        receiving_unit=HOSTILE,
        returning_unit=HOSTILE,
        letter=Letter(AT, "x", AT + timedelta(days=9), HOSTILE),
        papers=Papers((HOSTILE,)),
        story=(HistoryEntry(AT, "StepStarted", "1", HOSTILE, HOSTILE),),
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


def test_the_letter_is_linked_for_printing_where_there_is_one() -> None:
    state = a_state()
    assert str(escape(LINKS.letter(CODE, "KEY", Locale.VI))) in page(state, Locale.VI)
    assert "/letter/" not in page(msgspec.structs.replace(state, letter=None), Locale.VI)


@pytest.mark.parametrize("locale", Locale)
def test_the_language_stays_on_the_way_to_the_receipt_and_back(locale: Locale) -> None:
    there = re.search(r'href="([^"]*/receipt/[^"]*)"', page(a_state(), locale))
    assert there is not None
    assert there[1].endswith(f"lang={locale}")
    assert escape(LINKS.status(CODE, "KEY", locale)) in a_receipt(a_state(), locale)


def test_pages_that_come_back_after_an_end_do_not_come_back_at_one_instant() -> None:
    async def first() -> bytes:
        return await anext(events(OpenPage(CODE, 0)))

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


def test_the_address_in_a_message_opens_the_dossier() -> None:
    key = lookup_key("secret", CODE)
    assert LINKS.link(CODE) == f"https://hoso.example.vn/mot-cua/status/{CODE}?key={key}"
    assert Links(None, LookupKeys({1: "secret"})).link(CODE) == ""


@pytest.mark.parametrize(
    "url", ["hoso.example.vn", "ftp://x", "https://", "https://x/?a=b", "https://x/#y"]
)
def test_a_public_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        LinkSettings(public_url=url)
