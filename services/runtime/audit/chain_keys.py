"""The keys under which chains are made: each service has one of its own, made of one secret.

Whoever verifies has the secret. A service has only the key that was made for it, so that none can
write a chain in another's name, and nobody who may write the topic can write one at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from services.runtime.refusal import SettingsWrong

COMMAND = "command"
"""In whose name commands write."""
_SECRET = re.compile(r"([1-9][0-9]{0,8}):([0-9a-f]{64})")
_REMEDY = "write number:secret, the secret as `openssl rand -hex 32` prints it"


@dataclass(frozen=True)
class ChainKey:
    """What a service's links are hashed under."""

    generation: int
    key: bytes

    def __repr__(self) -> str:
        return f"ChainKey({self.generation})"

    def text(self) -> str:
        """Return it as `MOTCUA_AUDIT_KEY` has it."""
        return f"{self.generation}:{self.key.hex()}"


NO_KEY = ChainKey(0, b"")
"""Links are hashed without a key: whoever may write the topic can then write a chain."""


class AuditSecrets:
    """The secrets of which services' keys are made, by generation."""

    def __init__(self, secrets: Mapping[int, bytes]) -> None:
        """`secrets`: the first is the current one."""
        self._secrets = dict(secrets)
        self._made: dict[tuple[str, int], bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def current(self, service: str) -> ChainKey:
        """Return the key that a service is to have now; `NO_KEY` without any secret."""
        for generation in self._secrets:
            return ChainKey(generation, self._key(service, generation))
        return NO_KEY

    def key(self, service: str, generation: int) -> bytes | None:
        """Return a service's key of that generation; None if its secret is not known here."""
        if generation == NO_KEY.generation:
            return NO_KEY.key
        return self._key(service, generation) if generation in self._secrets else None

    def _key(self, service: str, generation: int) -> bytes:
        name = service, generation
        if name not in self._made:
            secret = self._secrets[generation]
            made = blake2b(service.encode(), key=secret, digest_size=32, person=b"motcua.auditkey")
            self._made[name] = made.digest()
        return self._made[name]


def chain_key(told: str | None) -> ChainKey:
    """Return the key that `MOTCUA_AUDIT_KEY` tells. Raise SettingsWrong if it cannot be used."""
    if told is None:
        return NO_KEY
    found = _generations(told, "MOTCUA_AUDIT_KEY")
    if len(found) > 1:
        raise SettingsWrong("MOTCUA_AUDIT_KEY: a service has one key")
    ((generation, key),) = found.items()
    return ChainKey(generation, key)


def audit_secrets(told: str | None) -> AuditSecrets:
    """Return the secrets that `MOTCUA_AUDIT_SECRETS` tells; none if it is not set.

    Raise SettingsWrong if they cannot be used.
    """
    return AuditSecrets({} if told is None else _generations(told, "MOTCUA_AUDIT_SECRETS"))


def _generations(told: str, variable: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for place, each in enumerate(told.split(), start=1):
        matched = _SECRET.fullmatch(each)
        if matched is None:
            raise SettingsWrong(f"{variable}: entry {place}: {_REMEDY}")
        generation = int(matched[1])
        if generation in found:
            raise SettingsWrong(f"{variable}: generation {generation} is there already")
        found[generation] = bytes.fromhex(matched[2])
    if not found:
        raise SettingsWrong(f"{variable}: nothing in it: {_REMEDY}")
    return found
