"""Names in an envelope: written so that nothing ends a parameter, and read as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.notify.channels.xtext import from_xtext, xtext
from tests.support.delivery_reports import MORNING


@given(st.text(st.characters(min_codepoint=0, max_codepoint=127)))
def test_xtext_is_read_as_it_was_written_and_has_nothing_that_ends_a_parameter(text: str) -> None:
    written = xtext(text)
    assert from_xtext(written) == text
    assert all("!" <= c <= "~" and c != "=" for c in written)


def test_our_references_need_no_code_in_xtext() -> None:
    assert xtext(MORNING) == MORNING
    assert xtext("a+b=c d") == "a+2Bb+3Dc+20d"
