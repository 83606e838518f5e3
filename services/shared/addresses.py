"""What a valid address is, for intake, which takes it in, and for notify, which sends there.

Contact data travels sealed, so no schema of an event checks it. A function raises ValueError for an
invalid address, and says why without repeating it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

IN_NO_MAILBOX = frozenset('<>()[],;:\\"')
"""An address with one of these would have to be quoted. Unquoted, a part of it is an address of its
own: a comma would send the mail to someone else."""

_VIETNAM = "84"
_WRITTEN = re.compile(r"[\s.\-–()/\u00a0]+")
_MOBILE = re.compile(r"84[35789]\d{8}")
_FOREIGN = re.compile(r"[1-9]\d{6,14}")
_ZALO_USER = 15
"""Zalo's own user ids have at least this many digits: more than any number that is dialled."""

_BEFORE_2018 = {
    **{"120": "70", "121": "79", "122": "77", "126": "76", "128": "78"},
    **{"123": "83", "124": "84", "125": "85", "127": "81", "129": "82"},
    **{f"16{n}": f"3{n}" for n in range(2, 10)},
    **{"186": "56", "188": "58", "199": "59"},
}
"""Mobile numbers of eleven digits got ten in September 2018; older records still have them."""


def e164(written: str) -> str:
    """Return the number with its country code, such as ``+84903123456``.

    A number without a country code is Vietnamese. A Vietnamese number must look like a mobile one:
    others take no SMS. For a foreign one only the length is checked. Whether the number can be in
    use today is checked where it is given (`services.intake.telephone`). Raise ValueError.
    """
    digits = _WRITTEN.sub("", written.strip().replace("(0)", ""))
    foreign = digits.startswith("+") or digits.startswith("00")
    digits = digits.removeprefix("+").removeprefix("00")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("the number has something in it that is no digit")
    if foreign and not digits.startswith(_VIETNAM):
        if not _FOREIGN.fullmatch(digits):
            raise ValueError(f"no telephone number has {len(digits)} digits")
        return f"+{digits}"
    national = digits.removeprefix("0")
    if national == digits and digits.startswith(_VIETNAM) and len(digits) > 9:
        national = digits[2:].removeprefix("0")
    if len(national) == 10 and (renumbered := _BEFORE_2018.get(national[:3])):
        national = renumbered + national[3:]
    number = _VIETNAM + national
    if not _MOBILE.fullmatch(number):
        raise ValueError("it is no Vietnamese mobile number")
    return f"+{number}"


def zalo(written: str, number: Callable[[str], str] = e164) -> str:
    """Return Zalo's own id of a user, or else the `number` under which Zalo knows them."""
    user = written.strip()
    return user if user.isascii() and user.isdigit() and len(user) >= _ZALO_USER else number(user)
