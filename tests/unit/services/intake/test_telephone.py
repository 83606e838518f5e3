"""Which numbers are taken in today, and that old ones are dialled all the same."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.telephone import mobile
from services.shared.addresses import e164


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0903 123 456", "+84903123456"),
        ("+84 (0)903 123 456", "+84903123456"),
        ("0120 123 4567", "+84701234567"),  # MobiFone, before September 2018
        ("0123 123 4567", "+84831234567"),  # VinaPhone
        ("+84 169 123 4567", "+84391234567"),  # Viettel
        ("0186 123 4567", "+84561234567"),  # Vietnamobile
        ("0199 123 4567", "+84591234567"),  # Gmobile
        ("+1 202 555 0143", "+12025550143"),
        ("+44 (0)7400 123 456", "+447400123456"),
        ("0061 412 345 678", "+61412345678"),
    ],
)
def test_a_mobile_number_of_today_or_of_before_2018_is_taken(written: str, number: str) -> None:
    assert mobile(written) == number


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("+999999999", "no country"),
        ("+800 1234 5678", "no mobile number"),  # a freephone number of no country
        ("0992 123 456", "no mobile number"),  # a range that nobody has
        ("0129 0", "no Vietnamese mobile"),
        ("+44 20 7946 0958", "no mobile number"),  # a landline in London
        ("+44 07400 123 456", "dialled from abroad"),
        ("+1 111 555 0143", "no mobile number"),
        ("0283 822 3456", "no Vietnamese mobile"),
        ("0903 123 456 ext 7", "no digit"),
    ],
)
def test_what_no_mobile_phone_can_have_is_refused_without_repeating_it(
    written: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        mobile(written)
    assert written not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+999999999", "+999999999"),
        ("0992 123 456", "+84992123456"),
        ("+44 20 7946 0958", "+442079460958"),
    ],
)
def test_what_was_taken_in_before_is_dialled_still(written: str, number: str) -> None:
    assert e164(written) == number


@given(
    st.from_regex(r"(\+84|84|0084|0)(1[2689]\d|[35789]\d)\d{7}", fullmatch=True)
    | st.from_regex(r"\+[1-9]\d{6,14}", fullmatch=True)
)
def test_what_is_taken_is_what_the_library_would_dial(written: str) -> None:
    try:
        number = mobile(written)
    except ValueError:
        return
    parsed = phonenumbers.parse(number)
    assert phonenumbers.is_valid_number(parsed)
    assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number


def test_every_prefix_of_before_2018_leads_to_a_number_of_today() -> None:
    operators = ("120", "121", "122", "126", "128", "123", "124", "125", "127", "129")
    others = (*(f"16{n}" for n in range(2, 10)), "186", "188", "199")
    for prefix in operators + others:
        assert phonenumbers.is_valid_number(phonenumbers.parse(mobile(f"0{prefix}2223334")))
