"""The master keys, under which every citizen's own key is kept wrapped."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import structlog

from services.runtime import Settings, SettingsWrong, how_set
from services.shared.known_secrets import MASTER_KEY, is_known
from services.shared.sealing import KEY_BYTES, Sealer, Unreadable

log = structlog.get_logger("services.shared.cli.keys")

_DEVELOPMENT = "development"
_VARIABLES = ("MOTCUA_MASTER_KEY", "MOTCUA_MASTER_KEY_FILE")
_REMEDY = (
    "make one with `motcua keys new`, and keep it: without it nobody who is sealed under it can be "
    "reached any more"
)


class KeySettings(Settings):
    """The settings of a service that handles contact data."""

    master_key: str | None = None
    """Base64 of 32 random bytes; the same in intake and notify."""
    master_key_file: Path | None = None
    """Instead: a file of lines ``id:base64``. The first is the current key; the others still open
    what was wrapped under them, until `motcua keys rotate` has wrapped it anew."""


class MasterKeyWrong(SettingsWrong):
    """A master key cannot be used. The text names the place and the remedy, never the key."""


class MasterKeys:
    """The current master key, and those before it."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys`: master keys by id; the first is the current one."""
        self._sealers = {key_id: Sealer(key) for key_id, key in keys.items()}
        self.current = next(iter(keys))

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all known master keys."""
        return frozenset(self._sealers)

    def wrap(self, citizen: str, key: bytes) -> str:
        """Return the citizen's key, sealed under the current master key."""
        return self._sealers[self.current].seal(citizen, key)

    def unwrap(self, citizen: str, master: str, wrapped: str) -> bytes:
        """Return the citizen's key. Raise Unreadable if the master key is unknown or wrong."""
        if (sealer := self._sealers.get(master)) is None:
            raise Unreadable(f"the master key {master} is not known here: {', '.join(self.ids)}")
        return sealer.open(citizen, wrapped)


def master_keys(settings: KeySettings) -> MasterKeys:
    """Return the master keys of the settings; in a trial without any, one that everyone knows.

    Raise MasterKeyWrong if they cannot be used.
    """
    trial = settings.trial
    if settings.master_key is not None and settings.master_key_file is not None:
        raise MasterKeyWrong("set MOTCUA_MASTER_KEY or MOTCUA_MASTER_KEY_FILE, and not both")
    if settings.master_key is not None:
        key = _key(settings.master_key, "MOTCUA_MASTER_KEY", trial=trial)
        return MasterKeys({sha256(key).hexdigest()[:8]: key})
    if settings.master_key_file is not None:
        return MasterKeys(_read(settings.master_key_file, trial=trial))
    if not trial:
        stand = (f"{name} is {how_set(name)}" for name in _VARIABLES)
        raise MasterKeyWrong(
            f"{' and '.join(stand)}, so contact data would be sealed with a key that everyone "
            f"knows: {_REMEDY}"
        )
    log.warning(
        "contact data is sealed with a key that everyone knows: this is a trial",
        **{name: how_set(name) for name in _VARIABLES},
    )
    return MasterKeys({_DEVELOPMENT: MASTER_KEY})


def _read(path: Path, *, trial: bool) -> dict[str, bytes]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MasterKeyWrong(f"{path}: cannot be read: {error}") from error
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path}: line {number}"
        key_id, colon, value = line.strip().partition(":")
        if not colon or not key_id:
            raise MasterKeyWrong(f"{where}: write id:base64")
        if key_id in found:
            raise MasterKeyWrong(f"{where}: the id {key_id} is there already")
        found[key_id] = _key(value, where, trial=trial)
    if not found:
        raise MasterKeyWrong(f"{path}: no key in it: write a line id:base64")
    return found


def _key(text: str, where: str, *, trial: bool) -> bytes:
    if is_known(text) and not trial:
        raise MasterKeyWrong(f"{where}: everyone knows this key; {_REMEDY}")
    try:
        key = b64decode(text, validate=True)
    except NoBase64 as error:
        raise MasterKeyWrong(f"{where}: not base64") from error
    if len(key) != KEY_BYTES:
        raise MasterKeyWrong(f"{where}: {len(key)} bytes; a master key has {KEY_BYTES}")
    return key
