"""Who acts under a delegation or for an absent lead is permitted exactly while that is in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import routing, sla
from contracts.events.authority import (
    AbsenceDeclared,
    AuthorityDelegated,
    AuthorityFact,
    AuthorityRevoked,
    Delegable,
)
from contracts.events.refusals import RefusalReason
from contracts.wire.claims import Role
from contracts.wire.envelope import Event
from services.runtime import NO_GRANTS, Grants, folded
from services.runtime.core.grants import KEPT, fact_keys, folded_anew
from services.shared.authority.judging import Bonds, check, under
from services.shared.refused import Refused
from tests.support.grants import absent, asked, delegated, officer, revoked

UNIT, OTHER = "H29.1", "H29.2"
WHO, LEAD = "cb-2", "cb-lead"
START = datetime(2026, 3, 2, 1, tzinfo=UTC)
LETTER = sla.ApologyRequested(reason="Thiếu người")
STEP = routing.StepCompletionRequested(step="verify")
BONDS = Bonds(handling=UNIT, lead=LEAD, head="cb-head", procedure="1.1")


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def grants(*facts: AuthorityFact) -> Grants:
    known = NO_GRANTS
    for each in facts:
        known = folded(known, each)
    return known


def judged(request: Event, known: Grants, bonds: Bonds = BONDS) -> str | None:
    """The reason of the refusal, or the grant, or None for whoever needs none."""
    try:
        grant = check(request, lambda: bonds, None, signed_in=True, grants=known)
    except Refused as error:
        return error.reason
    return grant.id if grant is not None else None


TEN_TO_TWENTY = delegated(UNIT, WHO, minute(10), minute(20), at=minute(0))


@pytest.mark.parametrize(
    ("at", "entered", "answer"),
    [
        (9, 9, RefusalReason.DELEGATION_NOT_BEGUN),
        (10, 10, "d-1"),
        (19, 19, "d-1"),
        (20, 20, RefusalReason.DELEGATION_EXPIRED),
        # Nobody dates back to when they were allowed to, nor to before they were.
        (19, 20, RefusalReason.DELEGATION_EXPIRED),
        (9, 10, RefusalReason.DELEGATION_NOT_BEGUN),
        (11, 15, "d-1"),
    ],
)
def test_it_counts_from_its_begin_until_its_end(at: int, entered: int, answer: str) -> None:
    request = asked(LETTER, minute(at), officer(WHO, UNIT), minute(entered))
    assert judged(request, grants(TEN_TO_TWENTY)) == answer


@pytest.mark.parametrize(
    ("at", "entered", "answer"),
    [
        (14, 14, "d-1"),
        (15, 15, RefusalReason.DELEGATION_REVOKED),
        (14, 15, RefusalReason.DELEGATION_REVOKED),
    ],
)
def test_a_revocation_ends_it_for_what_is_entered_from_then_on(
    at: int, entered: int, answer: str
) -> None:
    known = grants(TEN_TO_TWENTY, revoked(TEN_TO_TWENTY, minute(15)))
    assert judged(asked(LETTER, minute(at), officer(WHO, UNIT), minute(entered)), known) == answer


def test_it_counts_for_nothing_that_was_before_it_was_said() -> None:
    said = delegated(UNIT, WHO, minute(10), minute(20), at=minute(15))
    refused = judged(asked(LETTER, minute(12), officer(WHO, UNIT), minute(16)), grants(said))
    assert refused == RefusalReason.DELEGATION_NOT_BEGUN


def test_what_is_not_delegated_and_whose_dossier_it_is_not_are_refused_each_with_its_reason() -> (
    None
):
    only = delegated(UNIT, WHO, minute(10), minute(20), Delegable.LETTERS, procedures=["1.1"])
    known, mine = grants(only), officer(WHO, UNIT)
    assert judged(asked(LETTER, minute(12), mine), known) == "d-1"
    scope = RefusalReason.DELEGATION_OUT_OF_SCOPE
    assert judged(asked(STEP, minute(12), mine), known) == scope
    elsewhere = Bonds(handling=UNIT, lead=LEAD, procedure="1.2")
    assert judged(asked(LETTER, minute(12), mine), known, elsewhere) == scope
    foreign = RefusalReason.DELEGATION_OTHER_UNIT
    theirs = Bonds(handling=OTHER, lead=LEAD, procedure="1.1")
    assert judged(asked(LETTER, minute(12), mine), known, theirs) == foreign
    moved = officer(WHO, OTHER)
    assert judged(asked(LETTER, minute(12), moved), known) == foreign
    assert judged(asked(LETTER, minute(12), officer(WHO, UNIT, Role.DESK)), known) == foreign


def test_whom_nothing_was_granted_is_told_what_it_takes() -> None:
    known = grants(TEN_TO_TWENTY)
    another = officer("cb-3", UNIT)
    assert judged(asked(LETTER, minute(12), another), known) == RefusalReason.NOT_THE_HEAD
    assert judged(asked(STEP, minute(12), another), known) == RefusalReason.NOT_THE_LEAD
    exempt = sla.ExemptionRequested(ground=sla.ExemptionGround.FORCE_MAJEURE, reason="Lũ")
    # No head can delegate this.
    mine = officer(WHO, UNIT)
    assert judged(asked(exempt, minute(12), mine), known) == RefusalReason.NOT_THE_HEAD


def test_who_stands_in_does_what_the_absent_lead_may_and_no_more() -> None:
    known = grants(absent(UNIT, LEAD, WHO, minute(10), minute(20)))
    mine = officer(WHO, UNIT)
    foreseen = sla.DelayForeseenRequested(reason="Chờ giám định")
    assert judged(asked(STEP, minute(12), mine), known) == "a-1"
    assert judged(asked(foreseen, minute(12), mine), known) == "a-1"
    assert judged(asked(LETTER, minute(12), mine), known) == RefusalReason.NOT_THE_HEAD
    others = Bonds(handling=UNIT, lead="cb-4", procedure="1.1")
    refused = judged(asked(STEP, minute(12), mine), known, others)
    assert refused == RefusalReason.DELEGATION_OUT_OF_SCOPE
    assert judged(asked(STEP, minute(20), mine), known) == RefusalReason.DELEGATION_EXPIRED


def test_who_may_by_their_own_office_acts_under_no_grant() -> None:
    to_lead = delegated(UNIT, LEAD, minute(10), minute(20))
    assert judged(asked(STEP, minute(12), officer(LEAD, UNIT)), grants(to_lead)) is None


def test_facts_name_the_grant_and_only_those_that_can() -> None:
    (grant,) = grants(TEN_TO_TWENTY)[WHO]
    done = routing.StepCompleted(step="verify", ordinal=0, unit=UNIT, by=WHO)
    begun = routing.StepStarted(step="next", ordinal=1, unit=UNIT, lead=LEAD)
    assert under(grant, [done, begun]) == [done.model_copy(update={"delegation": "d-1"}), begun]
    assert under(None, [done]) == [done]


# -- any order ---------------------------------------------------------------------------

_minutes = st.integers(0, 60)
_grants = st.sampled_from(["d-1", "d-2", "d-3"])
_officers = {"d-1": WHO, "d-2": WHO, "d-3": "cb-3"}


@st.composite
def said(draw: st.DrawFn) -> AuthorityFact:
    """A delegation, an absence or a revocation, of one of few grants."""
    grant, at = draw(_grants), draw(_minutes)
    to, since, until = _officers[grant], draw(_minutes), draw(_minutes)
    kind = draw(st.sampled_from([AuthorityDelegated, AbsenceDeclared, AuthorityRevoked]))
    if kind is AuthorityRevoked:
        return AuthorityRevoked(grant=grant, unit=UNIT, to=to, at=minute(at), by="cb-head")
    if kind is AbsenceDeclared:
        made = absent(UNIT, LEAD, to, minute(since), minute(until), grant)
        return made.model_copy(update={"at": minute(at)})
    scope = draw(st.sets(st.sampled_from(Delegable), min_size=1))
    return delegated(
        UNIT, to, minute(since), minute(until), *sorted(scope), grant=grant, at=minute(at)
    )


@st.composite
def acts(draw: st.DrawFn) -> Event:
    time = draw(_minutes)
    entered = draw(st.integers(time, 60))
    data = draw(st.sampled_from([LETTER, STEP]))
    who = draw(st.sampled_from([WHO, "cb-3"]))
    return asked(data, minute(time), officer(who, UNIT), minute(entered))


def permitted(before: Sequence[AuthorityFact], act: Event) -> bool:
    """The same said by the log alone: by the first fact of each grant, and its first revocation."""
    assert act.actor is not None
    for grant in _officers:
        mine = [fact for fact in before if fact.grant == grant]
        # Said after its end it never was: another of that id may come.
        begins = [
            (at, fact)
            for at, fact in enumerate(mine)
            if isinstance(fact, AuthorityDelegated | AbsenceDeclared) and fact.at < fact.until
        ]
        if not begins:
            continue
        at, first = begins[0]
        ends = [fact.at for fact in mine[at:] if isinstance(fact, AuthorityRevoked)][:1]
        assert not isinstance(first, AuthorityRevoked)
        reaches = (
            isinstance(first, AbsenceDeclared) and act.data is STEP
            if not isinstance(first, AuthorityDelegated)
            else act.data.NAME in first.requests
        )
        if (
            first.to == act.actor.authid
            and reaches
            and all(
                max(first.since, first.at) <= time < min([first.until, *ends])
                for time in (act.time, act.known_since)
            )
        ):
            return True
    return False


@given(st.lists(st.one_of(said(), acts()), max_size=12))
def test_an_act_is_permitted_exactly_while_what_stands_before_it_is_in_force(
    log: list[AuthorityFact | Event],
) -> None:
    known: Grants = NO_GRANTS
    before: list[AuthorityFact] = []
    for each in log:
        if isinstance(each, Event):
            answer = judged(each, known)
            assert (answer in _officers) == permitted(before, each), answer
        else:
            known = folded(known, each)
            assert folded(known, each) is known  # once more changes nothing
            before.append(each)


@given(st.lists(said(), max_size=8), st.data())
def test_what_is_kept_by_its_keys_comes_to_the_same(
    facts: list[AuthorityFact], data: st.DataObject
) -> None:
    known = grants(*facts)
    kept = {}
    after: Grants = NO_GRANTS
    for each in facts:
        before, after = after, folded(after, each)
        for key in fact_keys(after) - fact_keys(before):
            kept[key] = each
    assert kept.keys() == fact_keys(known)
    assert folded_anew(data.draw(st.permutations(list(kept.values())))) == known


def test_independent_grants_come_to_the_same_in_any_order() -> None:
    facts = [
        delegated(UNIT, WHO, minute(0), minute(9), grant="d-1"),
        delegated(UNIT, WHO, minute(1), minute(9), grant="d-2"),
        absent(UNIT, LEAD, WHO, minute(2), minute(9)),
    ]
    assert len({repr(grants(*order)) for order in permutations(facts)}) == 1


def test_what_ended_long_ago_is_forgotten() -> None:
    later = minute(20) + KEPT
    for said, keys in ((later - timedelta(minutes=1), {"d-1", "d-2"}), (later, {"d-2"})):
        newer = delegated(UNIT, "cb-9", said, later + KEPT, grant="d-2")
        assert fact_keys(grants(TEN_TO_TWENTY, newer)) == keys
