"""What a text that people write gives away of a person: addresses, numbers of phones and of cards.

What is written into a reason or a comment is kept on the log for ever and is not sealed. So it is
looked through where it is entered. Names cannot be told from other words, and are not looked for.
"""

from __future__ import annotations

import re

from phonenumbers import PhoneNumberMatcher, PhoneNumberType, number_type

_ADDRESS = re.compile(r"[^\s@<>,;:()\"]{1,64}@[^\s@<>,;:()\"]{1,255}\.[^\W\d_]{2,24}")
_CARD = re.compile(r"(?<![\w.])0(?:0[1-9]|[1-8]\d|9[0-6])\d{9}(?![\w-])")
"""A citizen's number (số định danh cá nhân, on the card): twelve digits, the first three a province
or country, after Decree 137/2015/NĐ-CP, article 13, and Circular 59/2021/TT-BCA, article 4."""
_TAX = re.compile(r"(?:MST|mã số thuế|tax code|tax no\.?)\W{0,3}$", re.IGNORECASE)
"""Stands before a company's tax code, which may look like a phone's number."""
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def names_a_person(text: str) -> str | None:
    """Return what in the text tells who somebody is, in words for whoever wrote it; else None.

    The number of an office's telephone may stand there, and so may a tax code behind MST.
    """
    if "@" in text and _ADDRESS.search(text):
        return "an e-mail address"
    if _CARD.search(text):
        return "a citizen's number"
    for found in PhoneNumberMatcher(text, "VN"):
        if number_type(found.number) in _MOBILE and not _TAX.search(text[: found.start]):
            return "the number of a mobile phone"
    return None
