"""What sla's timers say, killed at every arrow: it is known for its own, and what is forged is not.

The wall clock's timers are not fired again over the same states. So nothing but what they noted
tells their facts, when these come back over the log, from somebody else's.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from contracts.model import EventData
from contracts.wire.codec import encode
from contracts.wire.envelope import derive_id
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.stack.city import City, Instance
from deploy.local.stack.endpoints import Endpoints
from services.runtime.settings import Settings
from tests.support import facts
from tests.support.event import event
from tests.support.eventually import eventually
from tests.support.forged import alarms, write, write_forged
from tests.support.importing import rest
from tests.support.office import CENTRE, MARITAL_STATUS, WARD_UNIT, Office
from tests.support.post import killed
from tests.support.stage import read_topic

pytestmark = pytest.mark.integration

ARROWS = ("timers-decided", "timers-noted", "timers-published", "timers-persisted")
LATE = ("nothing", "it was done")
"""What an office enters while sla is away: then the same timers would not be fired again."""
CASES = [(arrow, late) for arrow in ARROWS for late in LATE]


def told(kafka: str, code: str, at: datetime, *data: EventData) -> None:
    """Writes facts about a dossier straight to the log, one second after the other."""
    events = [
        event(each, at + timedelta(seconds=n), code, id=derive_id("test", code, each.TYPE))
        for n, each in enumerate(data)
    ]
    write(kafka, DOSSIER_EVENTS, [encode(each) for each in events])


Said = dict[str, list[tuple[str, bytes]]]


def said_by_sla(settings: Settings, code: str) -> Said:
    """What sla has said of a dossier: by id, its type and body, as often as it is on the log."""
    found: Said = defaultdict(list)
    for record in asyncio.run(read_topic(settings.kafka, DOSSIER_EVENTS)):
        headers = dict(record.headers)
        if record.key == code.encode() and headers["ce_source"] == b"/motcua/sla":
            found[headers["ce_id"].decode()].append((headers["ce_type"].decode(), record.value))
    return found


def names(said: Said) -> set[str]:
    """The names of what was said."""
    return {kind.split(".")[2] for each in said.values() for kind, _ in each}


def alarmed(instance: Instance) -> bool:
    """Whether an instance, dead or alive, has taken a record for forged."""
    return "a forged record" in instance.log.read_text()


@pytest.mark.parametrize(("arrow", "late"), CASES)
def test_nothing_of_its_own_is_forged_after_a_kill_and_what_is_forged_is(
    city: City,
    office: Office,
    endpoints: Endpoints,
    settings: Settings,
    arrow: str,
    late: str,
) -> None:
    code = f"H29.1-260302-{8000 + CASES.index((arrow, late))}"
    kafka = endpoints.kafka
    # Long enough for all that a dossier of three working days can be late with.
    days_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=14)
    city.kill(city.of("sla"))
    received = facts.received(MARITAL_STATUS, CENTRE)
    route = facts.routed(WARD_UNIT, MARITAL_STATUS, "short", steps=("verify", "sign"))
    told(kafka, code, days_ago, received, route)

    first = city.start("sla", stop_at=f"{arrow}:1")
    killed(city, first)
    before = said_by_sla(settings, code)
    spoken = arrow in ("timers-published", "timers-persisted")
    assert ("DossierOverdue" in names(before)) is spoken, "the kill came where it should"
    assert "DeadlineSet" in names(before)
    if late == "it was done":
        told(kafka, code, days_ago + timedelta(hours=3), facts.processed(WARD_UNIT))

    second = city.start("sla")
    city.wait_ready()
    rest(office)
    if late == "nothing":
        eventually(lambda: "DossierOverdue" in names(said_by_sla(settings, code)))
        rest(office)
    assert not alarmed(first)
    assert not alarmed(second)
    assert alarms(office, "sla", "undecided") == 0
    assert office.metric("sla", "motcua_contents_differ_total") == 0
    after = said_by_sla(settings, code)
    assert before.keys() <= after.keys()
    assert all(len(set(each)) == 1 for each in after.values()), "no id has two contents"

    write_forged(kafka, "DeadlineSet", code)
    eventually(lambda: alarms(office, "sla", "undecided") == 1, timeout=10)
    assert alarmed(second)
