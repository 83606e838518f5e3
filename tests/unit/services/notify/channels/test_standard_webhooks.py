"""Signatures as the Standard Webhooks specification has them."""

from __future__ import annotations

import time
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

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


SECRETS = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + b64encode(key).decode())
IDS = st.text(min_size=1, max_size=60)


@given(SECRETS, IDS, st.text(max_size=300))
def test_what_we_sign_the_official_library_takes_and_nothing_else(
    secret: str, message_id: str, body: str
) -> None:
    webhook = Webhook(secret)
    headers = signed(key_of(secret), message_id, int(time.time()), body.encode())
    webhook.verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        webhook.verify(body + " ", headers, json_parse=False)


@given(SECRETS, IDS, st.text(max_size=300))
def test_what_the_official_library_signs_we_take(secret: str, message_id: str, body: str) -> None:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }
    assert check([key_of(secret)], headers, body.encode(), now.timestamp()) == message_id


@given(st.binary(min_size=16, max_size=64))
def test_a_secret_without_its_padding_is_the_same_as_the_official_library_has_it(
    key: bytes,
) -> None:
    secret = "whsec_" + b64encode(key).decode().rstrip("=")
    assert key_of(secret) == key
    assert (
        Webhook(secret).sign("1", datetime.fromtimestamp(AT, UTC), "x")
        == (signed(key, "1", AT, b"x")["webhook-signature"])
    )
