"""What a request's headers say: the language, and whether a browser sent it. Pure.

Vietnamese is the city's language; English is for those who prefer it explicitly.
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.values import Locale


def language(lang: str, accepted: str) -> Locale:
    """Return the language of ``lang`` if it is known, else that of ``Accept-Language``."""
    if lang in tuple(Locale):
        return Locale(lang)
    wanted = dict.fromkeys(Locale, 0.0)
    for name, weight in _weighed(accepted):
        locale = name.partition("-")[0]
        if locale in wanted:
            wanted[Locale(locale)] = max(wanted[Locale(locale)], weight)
    return Locale.EN if wanted[Locale.EN] > wanted[Locale.VI] else Locale.VI


def is_browser(accepted: str) -> bool:
    """Return whether ``Accept`` names HTML, as browsers do; taking anything is not enough."""
    return any(name == "text/html" and weight > 0 for name, weight in _weighed(accepted))


def _weighed(header: str) -> Iterator[tuple[str, float]]:
    """Yield what a header accepts, in lower case, with its weight from 0 (refused) to 1."""
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [piece[2:] for piece in parameters if piece.startswith("q=")]
        try:
            yield name, float(weights[0]) if weights else 1.0
        except ValueError:
            continue  # it is written wrongly: as if it were not there
