"""Numbers as people write them, and as providers take them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared.addresses import e164, zalo


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0903123456", "+84903123456"),
        (" 0903 123 456 ", "+84903123456"),
        ("0903.123-456", "+84903123456"),
        ("+84 903 123 456", "+84903123456"),
        ("84903123456", "+84903123456"),
        ("0084903123456", "+84903123456"),
        ("+84 (0)903 123 456", "+84903123456"),
        ("+840903123456", "+84903123456"),
        ("903123456", "+84903123456"),
        ("0845551234", "+84845551234"),
        ("01201234567", "+84701234567"),
        ("01691234567", "+84391234567"),
        ("+1 202 555 0143", "+12025550143"),
        ("0061 412 345 678", "+61412345678"),
    ],
)
def test_a_number_is_known_however_it_is_written(written: str, number: str) -> None:
    assert e164(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "nobody",
        "0903",
        "09031234567",
        "02838123456",
        "0103123456",
        "+1",
        "+999",
        "٠٩٠٣١٢٣٤٥٦",
        "+84",
        "0" * 40,
        "0903 123 456 ext 7",
        "0903/0904123456",
        "+0903123456",
        "1900 1234",
    ],
)
def test_a_number_that_is_none_is_rejected(written: str) -> None:
    with pytest.raises(ValueError, match="number"):
        e164(written)


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_number_or_rejected(written: str) -> None:
    try:
        number = e164(written)
    except ValueError:
        return
    assert number[0] == "+"
    assert number[1:].isdigit()
    assert 8 <= len(number) <= 16


@pytest.mark.parametrize(
    ("written", "account"),
    [
        (" 123456789012345 ", "123456789012345"),
        ("1234567890123456789", "1234567890123456789"),
        ("0903 123 456", "+84903123456"),
        ("00842025550143", None),
        ("12345678901234", None),
    ],
)
def test_a_zalo_account_is_known_by_its_own_id_or_by_a_number(
    written: str, account: str | None
) -> None:
    if account is None:
        with pytest.raises(ValueError, match="number"):
            zalo(written)
    else:
        assert zalo(written) == account
