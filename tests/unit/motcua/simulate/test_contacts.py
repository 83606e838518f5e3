"""Who can be reached how, in a plan."""

from __future__ import annotations

from collections.abc import Callable

from contracts.catalogue import load_catalogue
from motcua.simulate import SimulatedDay, odds
from tests.support.simulated import citizens, near


def test_most_citizens_leave_an_address_and_a_number(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(dossiers=500, contacts=True)
    filed = citizens(simulated)
    found = [planned.contact for planned in simulated.contacts if planned.whose.ref in filed]
    assert near(sum(c.email is not None for c in found), 500, odds.HAS_EMAIL)
    assert near(sum(c.phone is not None for c in found), 500, odds.HAS_PHONE)
    assert [p.time for p in simulated.contacts] == sorted(p.time for p in simulated.contacts)


def test_a_contact_is_known_when_its_citizen_files(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(dossiers=200, contacts=True)
    filed = citizens(simulated)
    known = {p.whose.ref: p.time for p in simulated.contacts if p.whose.ref in filed}
    assert known == {citizen: filed[citizen] for citizen in known} != {}


def test_every_officer_and_head_can_be_written_to_from_the_beginning(
    draw: Callable[..., SimulatedDay],
) -> None:
    simulated = draw(dossiers=1, contacts=True)
    filed = citizens(simulated)
    officers = {p.whose.ref for p in simulated.contacts if p.whose.ref not in filed}
    units = load_catalogue().units.values()
    assert officers == {o for u in units for o in (u.head, *u.officers)}
    assert {p.time for p in simulated.contacts if p.whose.ref in officers} == {simulated.begins}


def test_without_being_asked_for_there_are_no_contacts_and_the_requests_are_the_same(
    draw: Callable[..., SimulatedDay],
) -> None:
    without, with_ = draw(dossiers=100), draw(dossiers=100, contacts=True)
    assert without.contacts == []
    assert without.requests == with_.requests
