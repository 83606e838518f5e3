"""Signatures as the Standard Webhooks specification has them."""

from __future__ import annotations

import pytest

from services.notify.channels.standard_webhooks import BadSignature, check, key_of, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1_614_265_330
BODY = b'{"test": 2432232314}'
KEY = key_of(SECRET)
GOOD = signed(KEY, ID, AT, BODY)


def test_the_signature_is_the_one_of_the_specification_s_own_example() -> None:
    assert {
        "webhook-id": ID,
        "webhook-timestamp": str(AT),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    } == GOOD


def test_what_was_signed_is_good_within_five_minutes() -> None:
    for now in (AT - 300, AT, AT + 300.0):
        assert check([KEY], GOOD, BODY, now) == ID


def test_while_a_secret_is_changed_either_key_and_either_signature_will_do() -> None:
    other = key_of("whsec_" + "A" * 32)
    both = {**GOOD, "webhook-signature": f"v1a,x v1,wrong {GOOD['webhook-signature']}"}
    assert check([other, KEY], both, BODY, AT) == ID


@pytest.mark.parametrize(
    ("changes", "body", "now", "why"),
    [
        ({}, BODY + b" ", AT, "not ours"),
        ({"webhook-id": "msg_other"}, BODY, AT, "not ours"),
        ({"webhook-timestamp": str(AT + 1)}, BODY, AT, "not ours"),
        ({"webhook-signature": "v1,"}, BODY, AT, "not ours"),
        ({"webhook-signature": "v1,é"}, BODY, AT, "not ours"),
        ({"webhook-signature": GOOD["webhook-signature"][3:]}, BODY, AT, "not ours"),
        ({}, BODY, AT + 301, "seconds off"),
        ({}, BODY, AT - 301, "seconds off"),
        ({"webhook-timestamp": "soon"}, BODY, AT, "Unix seconds"),
        ({"webhook-timestamp": "9" * 400}, BODY, AT, "Unix seconds"),
        ({"webhook-timestamp": "²"}, BODY, AT, "Unix seconds"),
        ({"webhook-id": ""}, BODY, AT, "headers"),
        ({"webhook-signature": ""}, BODY, AT, "headers"),
    ],
)
def test_what_was_changed_or_comes_late_is_refused(
    changes: dict[str, str], body: bytes, now: float, why: str
) -> None:
    with pytest.raises(BadSignature, match=why):
        check([KEY], {**GOOD, **changes}, body, now)


def test_nothing_is_good_where_no_key_is_known() -> None:
    with pytest.raises(BadSignature):
        check([], GOOD, BODY, AT)


@pytest.mark.parametrize(
    "secret", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_é", "whsec_QUJD"]
)
def test_a_secret_that_is_none_is_named(secret: str) -> None:
    with pytest.raises(ValueError, match=r"whsec_|guessed"):
        key_of(secret)
