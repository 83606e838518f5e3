"""The receipt as it is printed: its form, its lists, its dates, in both languages."""

from __future__ import annotations

import re

import msgspec
import pytest
from markupsafe import escape

from contracts.events.sla import MoveCause
from contracts.values import Locale
from services.notify.dossier.state import Notify, Papers
from services.notify.page.http.errors import NotReceived
from services.notify.page.http.receipt import receipt
from services.notify.page.security.gate import Opened
from services.notify.page.view.status import status_view
from tests.support.pages import CODE, HOSTILE, HTML, LINKS, WORDS, a_receipt, a_state


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
        promise = status_view(state, WORDS[language]).promise
        assert promise is not None
        assert promise.moved is not None
        assert texts("part.due-new") in printed
        assert escape(texts.say(promise.moved)) in printed
    as_promised = msgspec.structs.replace(state, due=state.original_due)
    assert "07/03/2026" not in a_receipt(as_promised, locale)
