"""Sign and check HTTP messages by the Standard Webhooks specification.

``id.timestamp.body`` is signed, with HMAC-SHA256. So a message cannot be changed, sent again later,
or sent under another id.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = 300
"""Seconds by which the two clocks may differ."""
_PREFIX = "whsec_"


class BadSignature(Exception):
    """A signature is missing, wrong or out of time; the text says which."""


def key_of(secret: str) -> bytes:
    """Return the key in a secret such as ``whsec_MfKQ…``. Raise ValueError if it holds none.

    The base64 may lack its padding.
    """
    encoded = secret.removeprefix(_PREFIX)
    if encoded == secret:
        raise ValueError(f"a secret begins with {_PREFIX}")
    try:
        key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError as error:
        raise ValueError(f"what follows {_PREFIX} is not base64") from error
    if len(key) < 16:
        raise ValueError(f"a key of {len(key)} bytes can be guessed; 24 to 64 are usual")
    return key


def signed(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a signed message; `timestamp` is in Unix seconds."""
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: _signature(key, message_id, str(timestamp), body),
    }


def check(keys: list[bytes], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """Return the id of a message signed with one of the keys. Raise BadSignature if it is not.

    There are several keys and signatures while a secret is being changed.
    """
    message_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    found = headers.get(SIGNATURE, "").split()
    if not message_id or not timestamp or not found:
        raise BadSignature(f"needs the headers {ID}, {TIMESTAMP} and {SIGNATURE}")
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 12:
        raise BadSignature(f"{TIMESTAMP} is not in Unix seconds")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise BadSignature(f"{TIMESTAMP} is more than {TOLERANCE} seconds off")
    for key in keys:
        wanted = _signature(key, message_id, timestamp, body).encode()
        if any(hmac.compare_digest(wanted, one.encode()) for one in found):
            return message_id
    raise BadSignature("the signature is not ours to expect")


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key, content, sha256).digest()).decode()
