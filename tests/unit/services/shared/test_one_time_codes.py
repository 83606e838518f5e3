"""One-time codes: the same however often it is sent, another for each that is asked for."""

from __future__ import annotations

from services.notify.channels.redact import redacted
from services.shared.one_time_codes import DIGITS, OneTimeCodes
from services.shared.references import References

CODES = OneTimeCodes(References({1: "a secret of the tests"}))


def test_a_code_follows_from_its_seed_and_no_two_are_asked_for_alike() -> None:
    many = [CODES.ask() for _ in range(200)]
    assert len({asked.seed for asked in many}) == 200
    codes = [CODES.code(asked.seed) for asked in many]
    assert len(set(codes)) > 195
    assert all(len(code) == DIGITS and code.isdigit() for code in codes)
    assert codes == [CODES.code(asked.seed) for asked in many]


def test_a_code_is_known_by_its_hash_however_its_digits_are_spaced() -> None:
    asked = CODES.ask()
    code = CODES.code(asked.seed)
    for entered in (code, f"{code[:4]} {code[4:]}", f" {code[:4]}-{code[4:]} "):
        assert CODES.hash(asked.seed, entered) == asked.code_hash
    wrong = f"{(int(code) + 1) % 10**DIGITS:0{DIGITS}}"
    assert CODES.hash(asked.seed, wrong) != asked.code_hash
    assert CODES.hash(CODES.ask().seed, code) != asked.code_hash


def test_who_knows_what_is_on_the_log_and_not_the_secret_knows_no_code() -> None:
    asked = CODES.ask()
    code = CODES.code(asked.seed)
    assert code not in asked.seed + asked.code_hash
    others = OneTimeCodes(References({1: "another"}))
    assert others.code(asked.seed) != code
    assert others.hash(asked.seed, code) != asked.code_hash


def test_a_provider_that_quotes_the_code_does_not_bring_it_onto_the_log() -> None:
    code = CODES.code(CODES.ask().seed)
    said = redacted(f"550 refused: Mã xác nhận Một cửa: {code}, trong 10 phút")
    assert code not in said
