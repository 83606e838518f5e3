"""The secrets that look-up keys are made of, generation by generation."""

from __future__ import annotations

import structlog

from services.runtime import Settings, SettingsWrong, how_set
from services.shared.known_secrets import LOOKUP, is_known
from services.shared.lookup_key import LookupKeys

log = structlog.get_logger("services.shared.lookup_secrets")

_VARIABLE = "MOTCUA_LOOKUP_SECRETS"
_FEWEST_CHARACTERS = 32
"""As many as `openssl rand -hex 16` prints. From one receipt, a short secret can be guessed."""
_REMEDY = f'make one with: export {_VARIABLE}="1:$(openssl rand -hex 32)"; keep it: it opens every '
_REMEDY += "receipt printed by it"


class LookupSettings(Settings):
    """The settings of a service that makes or recognises look-up keys."""

    lookup_secrets: str | None = None
    """Generations ``number:secret``, separated by blanks: the first makes the keys on receipts, the
    keys of the others still open. The same in intake and notify."""


def lookup_keys(settings: LookupSettings) -> LookupKeys:
    """Return the look-up keys of the settings; in a trial without any, those everyone knows.

    Raise SettingsWrong if they cannot be used. No text repeats a secret.
    """
    if settings.lookup_secrets is None:
        if not settings.trial:
            raise SettingsWrong(
                f"{_VARIABLE} is {how_set(_VARIABLE)}, so look-up keys would be made of a secret "
                f"that everyone knows: {_REMEDY}"
            )
        log.warning(
            "look-up keys are made of a secret that everyone knows: this is a trial",
            **{_VARIABLE: how_set(_VARIABLE)},
        )
        return LookupKeys({1: LOOKUP})
    found: dict[int, str] = {}
    for place, each in enumerate(settings.lookup_secrets.split(), start=1):
        where = f"{_VARIABLE}: entry {place}"
        number, colon, secret = each.partition(":")
        if not (colon and secret and number.isascii() and number.isdigit()):
            raise SettingsWrong(f"{where}: write number:secret; {_REMEDY}")
        if int(number) in found:
            raise SettingsWrong(f"{where}: generation {int(number)} is there already")
        if not settings.trial:
            _refuse_what_is_guessed(secret, where, current=not found)
        found[int(number)] = secret
    if not found:
        raise SettingsWrong(f"{_VARIABLE}: no secret in it; {_REMEDY}")
    return LookupKeys(found)


def _refuse_what_is_guessed(secret: str, where: str, *, current: bool) -> None:
    if is_known(secret):
        raise SettingsWrong(f"{where}: everyone knows this secret; {_REMEDY}")
    # An old one may be short: what was printed by it is printed.
    if current and len(secret) < _FEWEST_CHARACTERS:
        raise SettingsWrong(
            f"{where}: {len(secret)} characters can be guessed from a receipt; give at least "
            f"{_FEWEST_CHARACTERS}; {_REMEDY}"
        )
