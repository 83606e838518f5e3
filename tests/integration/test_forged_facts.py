"""Facts written straight to the log: their owner sees that it did not decide them, and says so.

Here no keys are set, so that they are acted upon; `test_secured_city.py` has a city with keys.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.events.authority import AUTHORITY_SUBJECT, AuthorityFact
from contracts.events.refusals import Refusal
from contracts.wire.topics import DOSSIER_EVENTS, SERVICES
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from motcua.deciders import city_deciders
from services.runtime.core.own_facts import decided_by
from tests.support.eventually import eventually
from tests.support.forged import FACTS, alarms, seen_after, write_forged
from tests.support.importing import begin_import, rest
from tests.support.office import OFFICER, Office
from tests.support.paths import ROOT

pytestmark = pytest.mark.integration

DECIDED = frozenset[str]().union(*map(decided_by, city_deciders()))
KINDS = sorted(name for name, event in FACTS.items() if event.type in DECIDED)
"""What services decide about dossiers, but for refusals: those nobody folds."""
AUTHORITY = sorted(name for name, event in FACTS.items() if isinstance(event.data, AuthorityFact))


def undecided(office: Office) -> dict[str, float]:
    """How many facts each service has seen that it did not decide."""
    return {name: alarms(office, name, "undecided") for name in SERVICES}


def test_what_the_services_decide_alarms_nobody_killed_or_not(city: City, office: Office) -> None:
    codes = [office.hand_in() for _ in range(6)]
    for code in codes:
        office.agrees(code, "in_process")
    office.does(
        "intake",
        codes[0],
        "supplement-demand",
        {"documents": ["a photo"], "reason": "none", "by": OFFICER},
    )
    for service in SERVICES:
        codes.append(office.hand_in())
        city.kill(city.of(service))
        city.start(service)
        city.wait_ready()
    for code in codes[1:]:
        office.agrees(code, "in_process")
    rest(office)
    assert undecided(office) == dict.fromkeys(SERVICES, 0)


def test_an_import_tells_facts_that_no_service_decided_and_alarms_nobody(
    city: City, office: Office
) -> None:
    imports = ROOT / "deploy" / "imports"
    done = begin_import(city, imports / "marriages.csv", imports / "marriages.toml")
    told, _ = done.communicate(timeout=120)
    assert "facts sent" in told, told
    rest(office)
    assert undecided(office) == dict.fromkeys(SERVICES, 0)


@pytest.mark.parametrize("name", KINDS)
def test_a_fact_that_its_owner_did_not_decide_is_seen_by_it(
    city: City,
    office: Office,
    endpoints: Endpoints,
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    owner = FACTS[name].data.OWNER
    before = undecided(office)
    subject = f"H29.1-260302-{9000 + KINDS.index(name)}"
    # Also what goes to another topic: here it is folded by whoever finds it.
    write_forged(endpoints.kafka, name, subject, topic=DOSSIER_EVENTS)
    eventually(lambda: alarms(office, owner, "undecided") == before[owner] + 1)
    took = seen_after(city.of(owner), subject)
    assert took > 0
    # Told, with -o junit_family=xunit1 --junitxml FILE; how slow a machine is decides nothing.
    record_property("seconds until it was seen", round(took, 3))
    others = {name: count for name, count in undecided(office).items() if name != owner}
    assert others == {name: count for name, count in before.items() if name != owner}


@pytest.mark.parametrize("name", AUTHORITY)
def test_authority_that_its_owner_did_not_give_is_seen_by_it(
    city: City, office: Office, endpoints: Endpoints, name: str
) -> None:
    before, data = undecided(office), FACTS[name].data
    assert isinstance(data, AuthorityFact)
    # As it is broadcast, but to one partition alone.
    write_forged(endpoints.kafka, name, AUTHORITY_SUBJECT)
    eventually(lambda: alarms(office, "routing", "undecided") == before["routing"] + 1)
    assert seen_after(city.of("routing"), data.grant, AUTHORITY_SUBJECT) > 0
    assert undecided(office) == {**before, "routing": before["routing"] + 1}


def test_of_what_services_say_only_refusals_are_not_looked_at() -> None:
    unseen = [
        event.data.NAME
        for event in FACTS.values()
        if event.data.TOPIC == DOSSIER_EVENTS
        and event.data.OWNER in SERVICES
        and event.type not in DECIDED
        and not isinstance(event.data, Refusal | AuthorityFact)
    ]
    assert unseen == []
