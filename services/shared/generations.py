"""Secrets that are held by generation: ``number:secret``, separated by blanks."""

from __future__ import annotations

from typing import NamedTuple

import structlog

from services.runtime import Settings, SettingsWrong, how_set
from services.shared.known_secrets import is_known

log = structlog.get_logger("services.shared.generations")

_FEWEST_CHARACTERS = 32
"""As many as `openssl rand -hex 16` prints. A short secret can be found by trying."""


class Variable(NamedTuple):
    """Where generations of a secret are set, and what is said where they are not."""

    name: str
    made_of: str
    """What would be made of a secret that everyone knows, e.g. ``look-up keys``."""
    guessed_from: str
    """What a short secret could be guessed from, e.g. ``a receipt``."""
    keep: str
    """Why it is to be kept."""

    @property
    def remedy(self) -> str:
        """How one is made."""
        return (
            f'make one with: export {self.name}="1:$(openssl rand -hex 32)"; keep it: {self.keep}'
        )


def generations(
    settings: Settings, told: str | None, variable: Variable, known: str
) -> dict[int, str]:
    """Return the secrets that were told, by generation; in a trial without any, the known one.

    Raise SettingsWrong if they cannot be used. No text repeats a secret.
    """
    if told is None:
        if not settings.trial:
            raise SettingsWrong(
                f"{variable.name} is {how_set(variable.name)}, so {variable.made_of} would be made "
                f"of a secret that everyone knows: {variable.remedy}"
            )
        log.warning(
            f"{variable.made_of} are made of a secret that everyone knows: this is a trial",
            **{variable.name: how_set(variable.name)},
        )
        return {1: known}
    found: dict[int, str] = {}
    for place, each in enumerate(told.split(), start=1):
        where = f"{variable.name}: entry {place}"
        number, colon, secret = each.partition(":")
        if not (colon and secret and number.isascii() and number.isdigit()):
            raise SettingsWrong(f"{where}: write number:secret; {variable.remedy}")
        if int(number) in found:
            raise SettingsWrong(f"{where}: generation {int(number)} is there already")
        if not settings.trial:
            _refuse_what_is_guessed(secret, where, variable, current=not found)
        found[int(number)] = secret
    if not found:
        raise SettingsWrong(f"{variable.name}: no secret in it; {variable.remedy}")
    return found


def _refuse_what_is_guessed(secret: str, where: str, variable: Variable, *, current: bool) -> None:
    if is_known(secret):
        raise SettingsWrong(f"{where}: everyone knows this secret; {variable.remedy}")
    # An old one may be short: what was made of it is made.
    if current and len(secret) < _FEWEST_CHARACTERS:
        raise SettingsWrong(
            f"{where}: {len(secret)} characters can be guessed from {variable.guessed_from}; give "
            f"at least {_FEWEST_CHARACTERS}; {variable.remedy}"
        )
