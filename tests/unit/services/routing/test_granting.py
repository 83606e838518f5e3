"""What can be granted: to whom, for how long, and how much."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from contracts.events.authority import AuthorityFact, Delegable
from contracts.events.refusals import RefusalReason
from services.routing.authority_view import Standing, authority_view
from services.routing.granting import MOST, Absence, Delegation, Granting
from services.runtime import NO_GRANTS, Grants, first_world, folded
from services.shared.city import city_at
from services.shared.refused import Refused
from tests.support.grants import delegated
from tests.support.times import at

NOW = at(11)
CITY = city_at(first_world(), NOW)
UNIT = CITY.catalogue.units["H29.101"]
FIRST, SECOND = UNIT.officers[:2]
DAY = timedelta(days=1)


def granting(known: Grants = NO_GRANTS) -> Granting:
    return Granting(CITY, known, NOW, UNIT.head)


def delegation(**changes: Any) -> Delegation:
    said: dict[str, Any] = {
        "unit": UNIT.code,
        "to": FIRST,
        "since": NOW,
        "until": NOW + DAY,
        "requests": [Delegable.LETTERS],
    }
    return Delegation.model_validate(said | changes)


def absence(**changes: Any) -> Absence:
    said: dict[str, Any] = {
        "unit": UNIT.code,
        "to": FIRST,
        "since": NOW,
        "until": NOW + DAY,
        "lead": SECOND,
    }
    return Absence.model_validate(said | changes)


def refused(decide: Callable[[], AuthorityFact]) -> RefusalReason:
    with pytest.raises(Refused) as caught:
        decide()
    return caught.value.reason


def test_the_fact_says_who_may_what_how_long_and_by_whom() -> None:
    procedure = min(CITY.catalogue.procedures)
    asked = delegation(
        requests=[Delegable.STEPS, Delegable.LETTERS, Delegable.STEPS], procedures=[procedure]
    )
    fact = granting().delegated(asked, "d-1")
    assert (fact.grant, fact.unit, fact.to, fact.by) == ("d-1", UNIT.code, FIRST, UNIT.head)
    assert fact.requests == (Delegable.LETTERS, Delegable.STEPS)
    assert (fact.procedures, fact.at) == ((procedure,), NOW)
    assert (fact.since, fact.until) == (NOW, NOW + DAY)


def test_what_has_passed_is_not_granted() -> None:
    assert granting().delegated(delegation(since=NOW - DAY), "d-1").since == NOW


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unit": "Z9"}, RefusalReason.UNKNOWN_UNIT),
        ({"to": "cb-x"}, RefusalReason.NOT_COMPETENT),
        ({"until": NOW}, RefusalReason.WRONG_DATE),
        ({"until": NOW + 367 * DAY}, RefusalReason.WRONG_DATE),
    ],
)
def test_neither_is_granted(changes: dict[str, Any], reason: RefusalReason) -> None:
    assert refused(lambda: granting().delegated(delegation(**changes), "d-1")) == reason
    assert refused(lambda: granting().absent(absence(**changes), "a-1")) == reason


def test_a_delegation_is_of_procedures_that_there_are() -> None:
    asked = delegation(procedures=["nothing"])
    assert refused(lambda: granting().delegated(asked, "d-1")) == RefusalReason.UNKNOWN_PROCEDURE


def test_a_lead_of_the_unit_is_stood_in_for_by_another() -> None:
    for lead in ("cb-x", FIRST):
        asked = absence(lead=lead)
        assert refused(lambda a=asked: granting().absent(a, "a-1")) == RefusalReason.NOT_COMPETENT  # type: ignore[misc]
    assert granting().absent(absence(), "a-1").lead == SECOND


def test_a_unit_has_no_more_than_so_many() -> None:
    known = NO_GRANTS
    for number in range(MOST):
        fact = delegated(UNIT.code, FIRST, NOW - DAY, NOW + DAY, grant=f"d-{number}")
        known = folded(known, fact)
    over = granting(known)
    assert refused(lambda: over.delegated(delegation(), "d-x")) == RefusalReason.TOO_LARGE
    (one, *_) = known[FIRST]
    left = folded(known, over.revoked(one))
    assert granting(left).delegated(delegation(), "d-x")


def test_what_is_over_is_not_revoked() -> None:
    (grant,) = folded(NO_GRANTS, delegated(UNIT.code, FIRST, NOW - DAY, NOW))[FIRST]
    assert refused(lambda: granting().revoked(grant)) == RefusalReason.WRONG_STATE


def test_a_unit_shows_what_stands_at_a_time() -> None:
    known = folded(NO_GRANTS, delegated(UNIT.code, FIRST, NOW, NOW + DAY))
    known = folded(known, granting().absent(absence(), "a-1"))
    known = folded(known, delegated("H29.102", "cb-9", NOW, NOW + DAY, grant="d-9"))
    for time, standing in (
        (NOW - DAY, Standing.COMING),
        (NOW, Standing.IN_FORCE),
        (NOW + DAY, Standing.ENDED),
    ):
        shown = authority_view(known, UNIT.code, UNIT.head, time)
        found = [*shown["delegations"], *shown["absences"]]
        assert [(each["id"], each["standing"]) for each in found] == [
            ("d-1", standing),
            ("a-1", standing),
        ]
    (grant,) = (g for g in known[FIRST] if g.id == "d-1")
    known = folded(known, granting().revoked(grant))
    (shown_one,) = authority_view(known, UNIT.code, UNIT.head, NOW)["delegations"]
    assert (shown_one["standing"], shown_one["revoked_by"]) == (Standing.REVOKED, UNIT.head)
