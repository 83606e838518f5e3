"""Codes and keys as people type them: off paper, out of a mail, with a phone's own ideas."""

from __future__ import annotations

import pytest

from services.notify.page.security.typed_codes import is_code, typed_code, typed_key

CODE = "H29.1-260211-0001"


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        "  h29.1-260211-0001\n",
        "H29.1 - 260211 - 0001",
        "H29.1\N{EN DASH}260211\N{EN DASH}0001",
        "H29.1 \N{EM DASH} 260211 \N{EM DASH} 0001",
        "H29.1\N{MINUS SIGN}260211\N{MINUS SIGN}0001",
        "H29.1\N{NON-BREAKING HYPHEN}260211\N{HYPHEN}0001",
        "H29.1 260211 0001",
        "H29.1\N{NO-BREAK SPACE}260211\N{NO-BREAK SPACE}0001",
        "H29.1-260211 0001",
        "H29.1 -260211  0001",
        "H29.1--260211-0001",
        "H29. 1-26 02 11-00 01",
        "H29.1-260211-0001\N{ZERO WIDTH SPACE}",
        "\N{ZERO WIDTH NO-BREAK SPACE}H29.1-\N{LEFT-TO-RIGHT MARK}260211-0001",
        "H29.1-260211-0001.",
        "(H29.1-260211-0001),",
        "\N{FULLWIDTH LATIN CAPITAL LETTER H}29.1\N{FULLWIDTH HYPHEN-MINUS}260211-0001",
    ],
    ids=ascii,
)
def test_a_code_is_read_as_it_was_meant(typed: str) -> None:
    assert typed_code(typed) == CODE


@pytest.mark.parametrize("code", ["H29.15-240307-HS000123", "X-990101-A", "G09.2.7-241231-12"])
def test_a_code_of_an_older_system_stays_as_it_is(code: str) -> None:
    assert typed_code(code) == typed_code(code.lower()) == code
    assert typed_code(code.replace("-", " ")) == code


@pytest.mark.parametrize("typed", ["", " ", "-", "nonsense", "H29.1", "H29.1-26021-0001", "é\0—."])
def test_what_is_no_code_does_not_become_one(typed: str) -> None:
    assert not is_code(typed_code(typed))


@pytest.mark.parametrize(
    "typed",
    [
        "abcde 23456",
        "ABCDE-23456",
        "ABCDE\N{NO-BREAK SPACE}23456",
        "ABCDE\N{EN DASH}23456",
        "ABCDE 23456.",
        "\N{ZERO WIDTH SPACE}ABCDE\t23456\r\n",
        "\N{LEFT DOUBLE QUOTATION MARK}ABCDE23456\N{RIGHT DOUBLE QUOTATION MARK}",
    ],
    ids=ascii,
)
def test_a_key_is_its_letters_and_digits(typed: str) -> None:
    assert typed_key(typed) == "ABCDE23456"


def test_what_is_too_long_to_be_one_is_not_looked_at() -> None:
    # Each of these becomes eighteen characters in its plain form.
    long = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 5000
    assert typed_code(long) == typed_key(long) == ""
    assert typed_code(CODE + " " * 200) == ""
    assert typed_code(CODE + " " * 40) == CODE
