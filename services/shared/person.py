"""Whose contact data it is: citizens and staff have namespaces of their own.

A citizen's reference and a staff number may be the same text. So both are read into a `Person`
where they come in, and nothing that is done about the one reaches the other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class PersonKind(StrEnum):
    """The namespaces."""

    CITIZEN = "citizen"
    STAFF = "staff"


class Person(NamedTuple):
    """One citizen, or one officer, head or other member of the city's staff."""

    kind: PersonKind
    ref: str
    """A citizen's reference, or a staff number."""

    @property
    def subject(self) -> str:
        """By what the log, states and keys know them. No reference makes it another's: whatever
        stands after the first colon is the reference."""
        return f"{self.kind}:{self.ref}"


def citizen(ref: str) -> Person:
    """Return the citizen with that reference."""
    return Person(PersonKind.CITIZEN, ref)


def staff(number: str) -> Person:
    """Return the member of the staff with that number."""
    return Person(PersonKind.STAFF, number)


def person_of(subject: str) -> Person | None:
    """Return whose subject it is; None for a dossier's, and for one that is older than
    namespaces."""
    kind, colon, ref = subject.partition(":")
    return Person(PersonKind(kind), ref) if colon and kind in set(PersonKind) else None


def of_a_dossier(code: str) -> str:
    """Return the subject of contact data that was left with a dossier."""
    return f"dossier:{code}"


SUBJECT = r"^(citizen:|staff:|dossier:)?.{1,64}$"
"""The pattern of a subject of contact data; without a prefix, it is older than namespaces."""
