"""What people wrote can be read by whoever is shown it, and hides nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.visible import shown, written

HIDDEN = ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\u202a", "\u202e", "\u2066", "\u2069", "\ud800"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Thiếu chữ ký.", "Thiếu chữ ký."),
        ("một\thai", "một hai"),
        ("một\r\nhai\rba\u2028bốn\u0085năm", "một\nhai\nba\nbốn\nnăm"),
        ("  a", "  a"),
        ("!", "!"),
        ("5", "5"),
        ("người 👨\u200d👩\u200d👧", "người 👨\u200d👩\u200d👧"),
        ("e\u0302\u0301", "e\u0302\u0301"),
    ],
)
def test_what_can_be_read_is_kept(text: str, kept: str) -> None:
    assert written(text) == shown(text) == kept


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_hides_or_steers_is_refused_by_name_and_not_shown(hidden: str) -> None:
    with pytest.raises(ValueError, match=rf"U\+{ord(hidden):04X}, at 3$"):
        written(f"abc{hidden}def")
    assert shown(f"abc{hidden}def") == "abcdef"


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\u00a0", "\u200b", "\ufeff", "\u3164", "\u2800", "\u00ad", "\u0301"]
)
def test_a_text_in_which_nothing_can_be_seen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nothing in it that can be read"):
        written(text)


@given(st.text())
def test_of_whatever_was_written_nothing_that_steers_is_shown(text: str) -> None:
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") for c in shown(text))
    assert shown(shown(text)) == shown(text)


@given(st.text())
def test_what_is_let_in_is_shown_as_it_was_written(text: str) -> None:
    try:
        kept = written(text)
    except ValueError:
        return
    assert shown(kept) == written(kept) == kept
