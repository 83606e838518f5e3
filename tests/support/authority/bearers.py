"""One bearer of a token for each role and each thing that they may have to do with a dossier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.wire.claims import Role
from deploy.local.fakes.oidc.tokens import token
from tests.support.office import CENTRE, OTHER_WARD, WARD_UNIT


class Bond(StrEnum):
    """What somebody has to do with a dossier, in the matrix's words."""

    RECEIVING = "receiving"
    RETURNING = "returning"
    HANDLING = "handling"
    NAMED = "named"
    CONSULTED = "consulted"
    LEAD = "lead"
    DELEGATED = "delegated"
    STANDING_IN = "standing in"
    CITIZENS = "citizens"
    OWN = "own"


UNITS = {
    Bond.RECEIVING: CENTRE,
    Bond.RETURNING: OTHER_WARD,
    Bond.HANDLING: WARD_UNIT,
    Bond.NAMED: "H29.5",
    Bond.CONSULTED: "H29.2",
}
"""Another unit for each, so that no two relations hold of one bearer by chance."""
STRANGE = "H29.7"
"""A unit that has nothing to do with it."""
NAMED_OFFICER, NAMED_COLLEAGUE = "cb-29-0046", "cb-29-0047"
DELEGATE, STAND_IN = "cb-29-0254", "cb-29-0255"
"""Two officers of the ward; the others lead."""
_OF_A_UNIT = (Role.OFFICER, Role.HEAD, Role.DESK)


@dataclass(frozen=True)
class Bearer:
    """Somebody who asks."""

    words: str
    role: Role | None
    who: str
    unit: str = ""
    bonds: frozenset[Bond] = field(default_factory=frozenset)
    counts: bool = True
    """Whether the role is held as it must be: an officer's, a head's and a desk's for a unit."""
    names_it: bool = True
    """Whether a machine's token names what is asked; else it names all but that."""
    signed_in: bool = True

    def names(self, row: str, asked: str) -> bool:
        """Whether a machine's token, made for what is asked, names this row."""
        return (row == asked) == self.names_it


def bearers(lead: str) -> list[Bearer]:
    """Everybody who asks about a dossier whose open step this officer leads."""
    found = []
    for role in _OF_A_UNIT:
        for bond, unit in (("stranger", STRANGE), *UNITS.items()):
            who = f"walk-{role}-{bond}"
            if (role, bond) == (Role.OFFICER, Bond.NAMED):
                who = NAMED_OFFICER  # an officer says of nobody else that they are away
            bonds = frozenset({bond} if isinstance(bond, Bond) else ())
            found.append(Bearer(f"{role}, {bond}", role, who, unit, bonds))
        found.append(Bearer(f"{role} of no unit", role, f"walk-{role}", counts=False))
    # Of another unit's token, so that only this relation holds.
    led = frozenset({Bond.LEAD})
    found += (Bearer(f"{role}, lead", role, lead, STRANGE, led) for role in _OF_A_UNIT[:2])
    found += (
        Bearer(f"officer, {bond}", Role.OFFICER, who, WARD_UNIT, frozenset({bond, Bond.HANDLING}))
        for bond, who in ((Bond.DELEGATED, DELEGATE), (Bond.STANDING_IN, STAND_IN))
    )
    found += (Bearer(role, role, f"walk-{role}") for role in (Role.AUDITOR, Role.OPERATOR))
    machine = Role.MACHINE
    found.append(Bearer("machine that names it", machine, "walk-machine"))
    found.append(Bearer("machine that names all else", machine, "walk-machine", names_it=False))
    found.append(Bearer("nobody's role", None, "walk-nobody"))
    found.append(Bearer("no token", None, "", signed_in=False))
    return found


class Tokens:
    """Tokens of the city's provider, each asked for once."""

    def __init__(self, issuer: str, names: Iterable[str]) -> None:
        """`names`: all that a machine may be let ask."""
        self._issuer = issuer
        self._names = frozenset(names)
        self._kept: dict[tuple[Bearer, str], dict[str, str]] = {}

    def header(self, bearer: Bearer, row: str) -> dict[str, str]:
        """The header of a call that asks what the row says."""
        if not bearer.signed_in:
            return {}
        is_machine = bearer.role is Role.MACHINE
        key = bearer, row if is_machine else ""
        if key not in self._kept:
            named = ({row} if bearer.names_it else self._names - {row}) if is_machine else ()
            roles = [] if bearer.role is None else [bearer.role]
            made = token(self._issuer, roles, bearer.who, unit=bearer.unit, requests=sorted(named))
            self._kept[key] = {"Authorization": f"Bearer {made}"}
        return self._kept[key]
