"""What fits into an SMS."""

from __future__ import annotations

import sys

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.channels.segments import Encoding, characters, encoding, fit, parts, plain

LINK = "https://tracuu.example.test/t/H29.15-240307-0001"
LONG = "https://hoso.example.vn/status/H29.15-240304-0001?key=ABCDEFGHJK#rating"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("đ" * 70, 1),
        ("đ" * 71, 2),
        ("đ" * 134, 2),
        ("đ" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("a" * 66 + "😀" * 34, 3),
    ],
)
def test_segments_are_counted_as_they_are_billed(text: str, count: int) -> None:
    assert parts(text) == count


def test_the_plain_form_is_read_well_and_is_one_segment_instead_of_two() -> None:
    text = "Hồ sơ H29.15-240307-0001 đã tiếp nhận, hẹn trả kết quả 17:00 12/03/2024…"
    assert plain(text) == (
        "Ho so H29.15-240307-0001 da tiep nhan, hen tra ket qua 17:00 12/03/2024..."
    )
    assert (parts(text), parts(plain(text))) == (2, 1)


@given(st.text(alphabet="ăâđêôơưạảãáàẠẢÃ Đ“”–₫abc012.,:", max_size=200))
def test_vietnamese_without_diacritics_is_of_the_alphabet_that_every_phone_has(text: str) -> None:
    assert plain(text).isascii()


@given(
    st.text(max_size=2000),
    st.sampled_from(["", " " + LINK, "\n" + LONG, "https://" + "x" * 400]),
    st.integers(1, 5),
)
def test_whatever_is_said_fits(text: str, address: str, most: int) -> None:
    assert parts(fit(text + address, most)) <= most


@given(st.text(max_size=3000), st.sampled_from(["", " " + LINK]), st.integers(200, 2000))
def test_whatever_is_said_by_zalo_has_no_more_characters_than_it_takes(
    text: str, address: str, most: int
) -> None:
    assert characters(fit(text + address, most, characters)) <= most


@pytest.mark.parametrize(("text", "count"), [("", 0), ("đã", 2), ("😀", 2), ("a" * 9, 9)])
def test_characters_are_counted_as_a_phone_does(text: str, count: int) -> None:
    assert characters(text) == count


def test_a_zalo_message_is_cut_between_words_and_keeps_the_address() -> None:
    papers = "; ".join(["Giấy chứng nhận quyền sử dụng đất (bản chính)"] * 60)
    text = f"Hồ sơ cần bổ sung giấy tờ: {papers}. {LONG}"
    cut = fit(text, 2000, characters)
    assert 1900 < characters(cut) <= 2000
    assert cut.endswith(f"… {LONG}")
    assert fit(cut, 2000, characters) == cut


@given(st.lists(st.text(max_size=80), max_size=9), st.integers(1, 3))
def test_whatever_is_listed_fits(items: list[str], most: int) -> None:
    assert parts(fit(listed(*items), most)) <= most


@pytest.mark.parametrize(
    ("text", "form"),
    [("Da tiep nhan {€}", "GSM-7"), ("Đã tiếp nhận", "UCS-2"), ("", "GSM-7"), ("…", "UCS-2")],
)
def test_one_letter_decides_the_encoding_of_all(text: str, form: str) -> None:
    assert encoding(text) == form


def test_what_fits_stays_as_it_is() -> None:
    assert fit("Đã tiếp nhận. " + LINK, 3) == "Đã tiếp nhận. " + LINK


@pytest.mark.parametrize("word", ["giấy tờ ", "paper "])
def test_a_huge_note_is_cut_between_words_and_keeps_the_address_of_the_status_page(
    word: str,
) -> None:
    cut = fit(word * 500 + LINK, 3)
    assert parts(cut) == 3
    told, _, rest = cut.partition("…" if "ấ" in word else "...")
    assert rest == " " + LINK
    assert told.split(" ")[-1] in word.split(), "no word is cut"


@pytest.mark.parametrize("gap", [" ", "\n"])
def test_an_address_that_leads_to_a_place_on_the_page_is_kept_too(gap: str) -> None:
    cut = fit("giấy tờ " * 500 + gap + LONG, 3)
    assert cut.endswith(f"…{gap}{LONG}")
    assert parts(cut) == 3


def test_an_address_beside_which_nothing_could_be_said_gives_way() -> None:
    told = "Hồ sơ H29.15-240304-0001 cần bổ sung giấy tờ, chậm nhất vào 17:00 ngày 20/03/2024."
    assert fit(f"{told} {LONG}", 1) == (
        "Hồ sơ H29.15-240304-0001 cần bổ sung giấy tờ, chậm nhất vào 17:00…"
    )
    assert fit(f"{plain(told)} {LONG}", 1) == f"{plain(told)} {LONG}"


def listed(*items: str) -> str:
    return "\n".join(["Hồ sơ H29.15-240304-0001:", *(f"- {item}" for item in items), LONG])


def test_of_a_list_the_oldest_items_go_first() -> None:
    items = [f"{number}. Đã nhận giấy tờ bổ sung." for number in range(1, 6)]
    assert fit(listed(*items), 5) == listed(*items)
    assert fit(listed(*items), 3) == listed(*items[2:]).replace(":\n", ":\n…\n", 1)


def test_of_a_list_whose_newest_item_is_too_long_by_itself_its_beginning_stays() -> None:
    cut = fit(listed("cũ", "giấy tờ " * 100), 3)
    assert cut.startswith("Hồ sơ H29.15-240304-0001:\n…\n- giấy tờ giấy tờ")
    assert cut.endswith(f"…\n{LONG}")


def test_a_huge_note_without_an_address_ends_in_an_ellipsis() -> None:
    cut = fit("giấy tờ " * 500, 2)
    assert parts(cut) == 2
    assert cut.endswith("giấy tờ…") or cut.endswith("giấy…")


def test_the_alphabet_is_the_one_that_another_codec_has() -> None:
    codec = gsm0338.Codec()

    def of_it(letter: str) -> bool:
        try:
            codec.encode(letter)
        except UnicodeEncodeError:
            return False
        return True

    letters = [chr(number) for number in range(sys.maxunicode + 1)]
    unlike = [c for c in letters if (encoding(c) is Encoding.GSM7) != of_it(c)]
    # It sends a lone escape as one, which says how the next letter is read (TS 23.038, 6.2.1).
    assert unlike == ["\x1b"]


@given(st.text(alphabet="@£$¥èÇØ_ΦΞÉ ¤¡ÄÖÑÜ§¿à\n\r\f^{}\\[~]|€aA0?", max_size=400))
def test_a_text_is_one_segment_if_another_codec_makes_160_septets_of_it(text: str) -> None:
    septets, _ = gsm0338.Codec().encode(text)
    assert (parts(text) == 1) == (len(septets) <= 160)
