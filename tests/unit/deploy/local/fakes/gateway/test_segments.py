"""What an SMS costs, as the gateway counts it: by the standards, and not as notify does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.local.fakes.gateway import segments as gateway_segments
from deploy.local.fakes.gateway.segments import segments
from services.notify.channels.segments import parts


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),  # 153 + 8
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),  # of the alphabet
        ("é" * 161, 2),
        ("ç" * 71, 2),  # not of it: Ç is
        ("Ç" * 160, 1),
        ("[" * 80, 1),  # two septets each
        ("[" * 81, 2),  # 76 + 5: a 77th would be cut in two at the 153rd septet
        ("[" * 152, 2),
        ("[" * 153, 3),
        ("[" * 160, 3),  # 76 + 76 + 8
        ("a" + "[" * 152, 2),  # 1 + 2 · 76, and 2 · 76
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # 152, 2 + 151, 1
        ("\n\r\f", 1),
        ("\x1b" * 71, 2),  # an escape is no letter
        ("đ" * 70, 1),
        ("đ" * 71, 2),
        ("đ" * 134, 2),
        ("đ" * 135, 3),
        ("a" * 69 + "đ", 1),
        ("a" * 70 + "đ", 2),
        ("😀" * 35, 1),  # two halves each
        ("😀" * 36, 2),
        ("😀" * 66, 2),  # 33 + 33: 67 halves are cut at 66
        ("😀" * 67, 3),
        ("a" * 66 + "😀" * 34, 3),  # 66, 33 · 2, 2
    ],
)
def test_what_was_counted_by_hand_is_counted_so(text: str, count: int) -> None:
    assert segments(text) == count


_GSM = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ ¤¡ÄÖÑÜ§¿äöñüà\n\r\f^{}\\[~]|€aA0?"


@given(
    st.text(max_size=700) | st.text(alphabet=_GSM, max_size=700) | st.text("a[đ😀", max_size=700)
)
@example("\x1b")
@example("[" * 160)
def test_the_judge_and_notify_count_alike(text: str) -> None:
    assert segments(text) == parts(text)


def test_of_each_letter_they_say_alike_whether_it_is_of_the_alphabet() -> None:
    letters = [chr(number) for number in range(0x2100)]
    unlike = [c for c in letters if segments(c * 80) != parts(c * 80)]
    assert unlike == []


def test_the_judge_has_not_asked_whom_it_judges() -> None:
    source = Path(gateway_segments.__file__).read_text("utf-8")
    assert "import services" not in source
    assert "from services" not in source
