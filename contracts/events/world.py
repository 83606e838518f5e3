"""What is broadcast to change what every later decision depends on."""

from __future__ import annotations

from typing import TypeAlias

from contracts.events.authority import (
    AUTHORITY_SUBJECT,
    AbsenceDeclared,
    AuthorityDelegated,
    AuthorityFact,
    AuthorityRevoked,
)
from contracts.events.rules import RULES_SUBJECT, RulesEnacted

WorldFact: TypeAlias = RulesEnacted | AuthorityFact

WORLD_SUBJECTS = frozenset({RULES_SUBJECT, AUTHORITY_SUBJECT})
"""The subjects of these records; they are no dossier's."""

_TYPES = {
    RULES_SUBJECT.encode(): frozenset({RulesEnacted.TYPE}),
    AUTHORITY_SUBJECT.encode(): frozenset(
        {AuthorityDelegated.TYPE, AbsenceDeclared.TYPE, AuthorityRevoked.TYPE}
    ),
}
WORLD_KEYS = frozenset(_TYPES)
"""The same as keys of records."""


def changes_world(key: bytes | None, type_name: str | None) -> bool:
    """Return whether a record with this key and type is one of them."""
    return key in WORLD_KEYS and type_name in _TYPES[key]
