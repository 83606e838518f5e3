"""The secrets that everyone knows, because they stand in this repository: good for a trial only."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

LOOKUP = "development-only"
"""What a trial makes look-up keys of."""
REFERENCES = "development-only-references"
"""What a trial hashes identity numbers with, and makes one-time codes of."""
MASTER_KEY = sha256(b"motcua development only").digest()
"""What a trial wraps citizens' keys under."""
_LOCAL_GATEWAY = "local-gateway", "whsec_bG9jYWwgZ2F0ZXdheTogbm8gc2VjcmV0IGF0IGFsbA=="
"""The token and the secret of the gateway in deploy/local."""

_KNOWN = frozenset(
    {
        LOOKUP,
        REFERENCES,
        "tests",
        b64encode(MASTER_KEY).decode(),
        b64encode(bytes(len(MASTER_KEY))).decode(),
        *_LOCAL_GATEWAY,
    }
)


def is_known(secret: str) -> bool:
    """Return whether everyone knows the secret."""
    return secret in _KNOWN
