"""Whether a number that is given now is a mobile one: by the ranges that are assigned today.

Only what comes in is judged so. What is on the log stays as it is, and is dialled by its form alone
(`services.shared.addresses`): a range that was closed since takes no citizen's contact away.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from services.shared.addresses import e164

_TAKES_MESSAGES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
"""The second is as much as can be told of a North American number."""


def mobile(written: str) -> str:
    """The number as providers take it, such as ``+84903123456``.

    Vietnam's renumbering of 2018 is applied first. Raises ValueError, without repeating the number,
    for one that no mobile phone can have.
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
