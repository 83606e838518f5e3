"""A message's parameters as people read them, in one language. Pure.

On the log a time is ``17:00 06/05/2024`` and an amount ``1500000``, whatever the language. What is
neither is shown as it is: what was once written must stay readable for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contracts.values import Locale
from services.notify.quiet_hours import VIETNAM
from services.notify.wording import formats as written

_MOMENTS = frozenset({"at", "due", "previous", "new_due", "until"})
_AMOUNTS = frozenset({"amount"})
_WORDS = frozenset({"reason"})
_LISTS = frozenset({"documents"})

_ON_THE_LOG = "%H:%M %d/%m/%Y"
_BETWEEN = "; "


def readable(params: Mapping[str, str], locale: Locale) -> dict[str, str]:
    """Return the parameters, each in a form that fits into a sentence."""
    return {name: _readable(name, value, locale) for name, value in params.items()}


def _readable(name: str, value: str, locale: Locale) -> str:
    if name in _MOMENTS:
        return _moment(value, locale)
    if name in _AMOUNTS:
        return written.money(int(value), locale) if value.isdecimal() else value
    if name in _WORDS:
        return _unstopped(value)
    if name in _LISTS:
        return _BETWEEN.join(_unstopped(part) for part in value.split(_BETWEEN))
    return value


def _moment(value: str, locale: Locale) -> str:
    try:
        at = datetime.strptime(value, _ON_THE_LOG)
    except ValueError:
        return value
    return written.moment(at.replace(tzinfo=VIETNAM), locale)


def _unstopped(value: str) -> str:
    """Return a text without its full stop: the sentence around it has one."""
    return value.strip().rstrip(".… ")
