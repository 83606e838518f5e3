"""The keys that records are signed and checked with, read from the file that the settings name."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NoBase64
from datetime import UTC, datetime
from pathlib import Path

from contracts.wire.codec import Headers
from contracts.wire.mac import OPERATOR, Doubt, Key, Keys
from contracts.wire.topics import PAGE, SERVICES
from services.runtime.access import AccessWrong, readable
from services.runtime.settings import Settings

VARIABLE = "MOTCUA_RECORD_KEYS_FILE"
_SHORTEST, _LONGEST = 32, 64
SIGNERS = (*SERVICES, PAGE, OPERATOR)


class RecordKeys:
    """The keys, and since when they count."""

    def __init__(self, keys: Keys, since: datetime | None = None) -> None:
        """`since`: what the broker took before then needs no MAC; None: everything needs one."""
        self.keys = keys
        self._since = 0 if since is None else int(since.timestamp() * 1000)

    def fault(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        fields: dict[str, bytes],
        stamped: int,
    ) -> Doubt | None:
        """Return why a record is not believed; None if it is, or is older than the keys."""
        if stamped < self._since:
            return None
        return self.keys.fault(key, value, headers, fields, stamped)

    def order_fault(
        self, key: bytes | None, value: bytes | None, headers: Headers, stamped: int
    ) -> Doubt | None:
        """Return why it is not believed that a record was put back by who may; None if it is."""
        if stamped < self._since:
            return None
        return self.keys.order_fault(key, value, headers, stamped)


def record_keys(settings: Settings) -> RecordKeys | None:
    """Return the keys of the settings, or None without any. Raise AccessWrong if they are wrong."""
    path = settings.record_keys_file
    if path is None:
        return None
    since = settings.record_keys_since
    if since is not None and since.tzinfo is None:
        raise AccessWrong("MOTCUA_RECORD_KEYS_SINCE has no offset: write 2026-03-01T00:00+07:00")
    return RecordKeys(Keys(_read(path)), since)


def check_complete(keys: RecordKeys | None) -> None:
    """Raise AccessWrong if keys are missing that a service needs: it reads what all have signed."""
    if keys is not None and (missing := [s for s in SIGNERS if s not in keys.keys.signers]):
        raise AccessWrong(
            f"{VARIABLE} has no key of {', '.join(missing)}: what they write would be refused; "
            "give each service the keys of all"
        )


def check_own(keys: RecordKeys | None, signer: str) -> None:
    """Raise AccessWrong if there are keys and not this signer's alone: it reads no log, and with
    another's key it could write in another's name."""
    if keys is not None and keys.keys.signers != {signer}:
        raise AccessWrong(
            f"{VARIABLE} has keys of {', '.join(sorted(keys.keys.signers))}; give {signer} a file "
            f"with its own key alone: it reads nothing that others sign"
        )


def environment_keys() -> Keys | None:
    """Return the keys that the environment names, or None. Raise what `record_keys` raises."""
    found = record_keys(Settings())
    return None if found is None else found.keys


def _read(path: Path) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = {}
    for number, line in enumerate(readable(VARIABLE, path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{VARIABLE}: {path}, line {number}"
        signer, generation, text, *until = (*line.split(), "", "")[: max(3, len(line.split()))]
        if not text or len(until) > 1 or not generation.isdecimal():
            raise AccessWrong(f"{where}: write SIGNER GENERATION BASE64, and UNTIL if it has ended")
        if signer not in SIGNERS:
            raise AccessWrong(f"{where}: there is no signer {signer!r}: {', '.join(SIGNERS)}")
        keys = found.setdefault(signer, [])
        if int(generation) in {key.generation for key in keys}:
            raise AccessWrong(f"{where}: generation {generation} of {signer} is there already")
        keys.append(Key(int(generation), _secret(text, where), _until(until, where)))
    if not found:
        raise AccessWrong(f"{VARIABLE}: {path} has no key in it: write SIGNER GENERATION BASE64")
    return found


def _secret(text: str, where: str) -> bytes:
    try:
        secret = b64decode(text, validate=True)
    except NoBase64 as error:
        raise AccessWrong(f"{where}: the key is not base64") from error
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise AccessWrong(
            f"{where}: {len(secret)} bytes; a key has {_SHORTEST} to {_LONGEST}: openssl rand "
            f"-base64 {_SHORTEST}"
        )
    return secret


def _until(words: list[str], where: str) -> datetime | None:
    if not words:
        return None
    try:
        until = datetime.fromisoformat(words[0])
    except ValueError as error:
        raise AccessWrong(f"{where}: {words[0]!r} is no time; write 2026-03-01T00:00Z") from error
    if until.tzinfo is None:
        raise AccessWrong(f"{where}: {words[0]} has no offset; write 2026-03-01T00:00Z")
    return until.astimezone(UTC)
