"""Namespaces: whatever a reference is, it is nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.shared.person import Person, PersonKind, citizen, of_a_dossier, person_of, staff

TEXTS = st.text(min_size=1, max_size=64)


@given(TEXTS, TEXTS)
def test_no_citizen_has_the_subject_of_a_member_of_the_staff_or_of_a_dossier(
    one: str, other: str
) -> None:
    assert len({citizen(one).subject, staff(other).subject, of_a_dossier(other)}) == 3


@given(st.sampled_from(PersonKind), TEXTS)
def test_a_person_is_read_back_from_their_subject(kind: PersonKind, ref: str) -> None:
    assert person_of(Person(kind, ref).subject) == Person(kind, ref)


def test_neither_a_dossier_nor_an_older_record_is_a_person_s() -> None:
    assert person_of(of_a_dossier("H29.15-260302-0001")) is None
    assert person_of("cb-0412") is None
    assert person_of("portal:cb-0412") is None
