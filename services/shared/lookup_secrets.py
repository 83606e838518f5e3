"""The secrets that look-up keys are made of, generation by generation."""

from __future__ import annotations

from services.runtime import Settings
from services.shared.generations import Variable, generations
from services.shared.known_secrets import LOOKUP
from services.shared.lookup_key import LookupKeys

_VARIABLE = Variable(
    "MOTCUA_LOOKUP_SECRETS",
    made_of="look-up keys",
    guessed_from="a receipt",
    keep="it opens every receipt printed by it",
)


class LookupSettings(Settings):
    """The settings of a service that makes or recognises look-up keys."""

    lookup_secrets: str | None = None
    """Generations ``number:secret``, separated by blanks: the first makes the keys on receipts, the
    keys of the others still open. The same in intake and notify."""


def lookup_keys(settings: LookupSettings) -> LookupKeys:
    """Return the look-up keys of the settings; in a trial without any, those everyone knows.

    Raise SettingsWrong if they cannot be used. No text repeats a secret.
    """
    return LookupKeys(generations(settings, settings.lookup_secrets, _VARIABLE, LOOKUP))
