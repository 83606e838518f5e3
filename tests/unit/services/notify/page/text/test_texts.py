"""The texts of the pages: none missing, none unused, none alike in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.values import Locale
from services.notify.page.http.html import Html
from services.notify.page.text.texts import TextWrong
from tests.support.pages import HTML, LINKS, texts


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


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
