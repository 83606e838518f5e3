"""How times and money are written for citizens, in messages and on the status page. Pure."""

from __future__ import annotations

from datetime import datetime

from contracts.values import Locale
from services.notify.quiet_hours import VIETNAM

_DAYS_VI = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")
_DAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_EN = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def moment(at: datetime, locale: Locale, *, weekday: bool = False) -> str:
    """Return a time in Vietnam. In English the month is a word: many would read 05/04 as May.

    `weekday` adds the day of the week, which people go by, where there is room for it.
    """
    local = at.astimezone(VIETNAM)
    clock = local.strftime("%H:%M")
    if locale is Locale.VI:
        day = f"{_DAYS_VI[local.weekday()]}, " if weekday else ""
        return f"{clock} {day}ngày {local.strftime('%d/%m/%Y')}"
    day = f"{_DAYS_EN[local.weekday()]} " if weekday else ""
    return f"{clock}, {day}{local.day} {_MONTHS_EN[local.month - 1]} {local.year}"


def money(amount: int, locale: Locale) -> str:
    """Return an amount in dong."""
    grouped = f"{amount:,}"
    if locale is Locale.VI:
        return f"{grouped.replace(',', '.')} đồng"
    return f"VND {grouped}"
