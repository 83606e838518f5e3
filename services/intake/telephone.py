"""Checks that a number given now is a mobile one, by the ranges that are assigned today.

Only new numbers are checked like this. A number on the log is dialled by its form alone
(`services.shared.addresses`): a range that was closed since then removes no citizen's contact.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from services.shared.addresses import e164

_TAKES_MESSAGES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
"""For a North American number the second is all that can be known."""


def mobile(written: str) -> str:
    """Return the number as providers take it, such as ``+84903123456``.

    Vietnam's renumbering of 2018 is applied first. Raise ValueError, without repeating the number,
    if no mobile phone can have it.
    """
    number = e164(written)
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        raise ValueError("no country has such a number") from None
    if phonenumbers.number_type(parsed) not in _TAKES_MESSAGES:
        raise ValueError("it is no mobile number that is in use today")
    if phonenumbers.format_number(parsed, PhoneNumberFormat.E164) != number:
        raise ValueError("it is not written as it is dialled from abroad")
    return number
