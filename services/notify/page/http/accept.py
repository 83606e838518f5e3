"""What a request says that its sender can read: which language, and whether it is a browser. Pure.

Vietnamese is the city's language: English is for who says that they would rather have that.
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.values import Locale


def language(lang: str, accepted: str) -> Locale:
    """The language of ``lang`` in an address, if there is that one; else of ``Accept-Language``."""
    if lang in tuple(Locale):
        return Locale(lang)
    wanted = dict.fromkeys(Locale, 0.0)
    for name, weight in _weighed(accepted):
        locale = name.partition("-")[0]
        if locale in wanted:
            wanted[Locale(locale)] = max(wanted[Locale(locale)], weight)
    return Locale.EN if wanted[Locale.EN] > wanted[Locale.VI] else Locale.VI


def is_browser(accepted: str) -> bool:
    """Whether ``Accept`` names HTML, as browsers do. A program that takes anything does not."""
    return any(name == "text/html" and weight > 0 for name, weight in _weighed(accepted))


def _weighed(header: str) -> Iterator[tuple[str, float]]:
    """What a header accepts, in small letters, and how gladly: from 0, not at all, to 1."""
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [piece[2:] for piece in parameters if piece.startswith("q=")]
        try:
            yield name, float(weights[0]) if weights else 1.0
        except ValueError:
            continue  # it is written wrongly: as if it were not there
