"""References of citizens: no identity number stands in one, and one person has one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared.references import References

OURS = References({1: "a secret of the tests"})
CCCD = "079203001234"


@pytest.mark.parametrize(
    "written",
    [
        CCCD,
        " 079203001234 ",
        "079 203 001 234",
        "0792.0300.1234",
        "0792-0300-1234",
        "CCCD 079203001234",
        "CCCD: 079203001234",
        "Số CCCD 079 203 001 234",
        "cccd-079203001234",
        "CCCD079203001234",
        "０７９２０３００１２３４",
    ],
)
def test_an_identity_number_is_the_same_reference_however_it_is_written(written: str) -> None:
    assert OURS.citizen(written) == OURS.citizen(CCCD)
    assert re.fullmatch(r"ma-1-[0-9a-f]{32}", OURS.citizen(written))


@pytest.mark.parametrize(
    "written",
    [
        "123456789",
        "0312345678",
        "0312345678-001",
        "MST 0312345678-001",
        "x079203001234y",
        "a/123456789/b",
    ],
)
def test_shorter_and_tax_numbers_and_numbers_within_a_text_are_hashed(written: str) -> None:
    made = OURS.citizen(written)
    digits = re.sub(r"\D", "", written)
    assert made.startswith("ma-1-")
    assert digits not in made


@pytest.mark.parametrize(
    "written", ["cd-7f3a9c10", "citizen-1", "marriages-104217", "vneid:3f0c9a77", "12345678"]
)
def test_an_opaque_reference_stays(written: str) -> None:
    assert OURS.citizen(written) == written


@given(st.text(max_size=64))
def test_a_reference_stays_what_it_is_when_it_comes_back_and_fits_wherever_one_does(
    written: str,
) -> None:
    made = OURS.citizen(written)
    assert OURS.citizen(made) == made
    assert len(made) <= 64


@given(
    st.from_regex(r"[0-9]{9}|[0-9]{10}|[0-9]{12}|[0-9]{13}", fullmatch=True),
    st.text(alphabet="abcXYZ -:./", max_size=20),
    st.text(alphabet="abcXYZ -:./", max_size=20),
)
def test_no_identity_number_comes_through(number: str, before: str, after: str) -> None:
    assert number not in OURS.citizen(before + number + after)


def test_without_the_secret_nobody_finds_whose_it_is_and_with_another_it_is_another() -> None:
    assert References({1: "another"}).citizen(CCCD) != OURS.citizen(CCCD)
    assert References({2: "new", 1: "a secret of the tests"}).citizen(CCCD).startswith("ma-2-")
    assert OURS.subkey("one") != OURS.subkey("two")
