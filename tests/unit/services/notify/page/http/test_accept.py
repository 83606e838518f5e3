"""Which language and which form of answer somebody is given who has not said so in an address."""

from __future__ import annotations

import pytest

from contracts.values import Locale
from services.notify.page.http.accept import is_browser, language


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        ("", Locale.VI),
        ("vi-VN,vi;q=0.9,fr-FR;q=0.8,fr;q=0.7,en-US;q=0.6,en;q=0.5", Locale.VI),
        ("en-US,en;q=0.9", Locale.EN),
        ("en", Locale.EN),
        ("EN-gb", Locale.EN),
        ("en-US,en;q=0.9,vi;q=0.8", Locale.EN),
        ("fr-FR, fr;q=0.9, en;q=0.8", Locale.EN),
        ("en, vi", Locale.VI),
        ("en;q=0.5, vi;q=0.5", Locale.VI),
        ("vi;q=0.1, *", Locale.VI),
        ("*", Locale.VI),
        ("en;q=0", Locale.VI),
        ("fr, de;q=0.5", Locale.VI),
        ("english", Locale.VI),
        ("en;q=high, ;;,=", Locale.VI),
        ("en;q=nan", Locale.VI),
    ],
)
def test_english_is_shown_to_whoever_would_rather_have_it_and_vietnamese_to_all_others(
    accepted: str, shown: Locale
) -> None:
    assert language("", accepted) is shown
    assert language("fr", accepted) is shown
    for locale in Locale:
        assert language(locale, accepted) is locale


@pytest.mark.parametrize(
    ("accepted", "browser"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/html;q=0", False),
        ("text/event-stream", False),
    ],
)
def test_a_browser_says_that_it_takes_html(accepted: str, browser: bool) -> None:
    assert is_browser(accepted) is browser
