"""The letter of apology as it is printed: its form, its dates, and who is named where."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from contracts.values import Locale
from services.notify.dossier.state import Letter, Notify
from services.notify.page.http.errors import NoLetter
from services.notify.page.http.letter import letter
from services.notify.page.security.gate import Opened
from services.notify.page.view.portal import portal
from tests.support.pages import AT, CODE, HOSTILE, HTML, WORDS, a_state

WRITTEN = Letter(AT, "Chưa có kết quả đo đạc", None, "H29.101", AT)


def printed(state: Notify, locale: Locale = Locale.VI) -> str:
    shown = letter(Opened(CODE, "KEY", 1, state), WORDS)
    return bytes(HTML.page("letter.html", locale, other="/", **shown).body).decode()


def apologised(**changes: object) -> Notify:
    written = msgspec.structs.replace(WRITTEN, **changes)
    return msgspec.structs.replace(a_state(), letter=written)


@pytest.mark.parametrize("locale", Locale)
def test_a_letter_has_its_form_reason_dates_and_unit_in_both_languages(locale: Locale) -> None:
    text = printed(apologised(due=datetime(2026, 3, 9, 10, tzinfo=UTC)), locale)
    for said in (
        *("Phiếu xin lỗi và gia hạn thời gian trả kết quả", "Apology and request for an extension"),
        *("Mẫu số 04, Thông tư 03/2025/TT-VPCP", "Form 04, Circular 03/2025/TT-VPCP"),
        *("Chưa có kết quả đo đạc", "08:00 thứ Hai, ngày 02/03/2026"),
        *("17:00 thứ Hai, ngày 09/03/2026", CODE, WORDS[Locale.VI].office("H29.101").name),
    ):
        assert said in text


def test_a_letter_has_the_form_of_the_law_in_force_when_it_was_written() -> None:
    shown = letter(Opened(CODE, "KEY", 1, apologised(at=datetime(2024, 3, 1, tzinfo=UTC))), WORDS)
    assert (shown["form"].number, shown["circular"].id) == ("04", "2018-01")


@pytest.mark.parametrize("locale", Locale)
def test_a_letter_without_a_new_date_prints_none(locale: Locale) -> None:
    assert HTML.texts[Locale.VI]("part.due-new") not in printed(apologised(), locale)


def test_who_signs_by_delegation_signs_for_the_head() -> None:
    assert "TUQ. Thủ trưởng cơ quan" in printed(apologised(delegated=True))
    assert "TUQ." not in printed(apologised())


def test_the_applicant_is_named_by_hand_on_the_print_and_has_no_place_elsewhere() -> None:
    state = apologised()
    text = printed(state)
    assert "Kính gửi Ông/Bà" in text
    assert '<dd class="blank"></dd>' in text
    assert state.citizen is not None
    for shown in (text, str(portal(state, WORDS, HTML.texts))):
        assert state.citizen not in shown
    assert "Kính gửi" not in str(portal(state, WORDS, HTML.texts))


def test_where_there_is_no_letter_there_is_none_to_print() -> None:
    with pytest.raises(NoLetter):
        printed(msgspec.structs.replace(a_state(), letter=None))


def test_an_officers_words_are_escaped() -> None:
    assert "<script>alert" not in printed(apologised(reason=HOSTILE))
