"""What the log alone gives: the states that the service keeps, and no others."""

from __future__ import annotations

from datetime import UTC, datetime

from aiokafka import ConsumerRecord
from msgspec.structs import replace

from contracts.events.contacts import (
    AddressKind,
    ContactChangeRefused,
    ContactChangeRequested,
    ContactRegistered,
)
from contracts.model import EventData
from contracts.wire.envelope import Event, caused
from services.intake.proof_decider import ProofDecider
from services.intake.proofs import Proving
from services.runtime.core.refold import Refold
from services.runtime.core.stored import Stored
from services.shared.person import citizen
from tests.support.event import event
from tests.support.rule_sets import WORLD
from tests.unit.services.runtime.conftest import Log

NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
AN = citizen("cd-an").subject
SOURCE = "/motcua/intake"


def folded(*events: Event) -> dict[str, Stored[Proving]]:
    """The states after these events of a log that the service has handled."""
    log = Log()
    records: list[ConsumerRecord[str, bytes]] = [log.put(each) for each in events]
    for record in records:
        record.topic = ProofDecider.topic
    refold = Refold(ProofDecider(), {3: log.end})
    found = refold.fold({3: WORLD}, refold.find(records), {})
    assert refold.failed == []
    return found


def said(data: EventData) -> Event:
    return replace(event(data, NOW, AN), source=SOURCE)


def test_what_the_service_says_beside_its_decisions_makes_no_state() -> None:
    assert folded(said(ContactRegistered(key_id="k", sealed="s"))) == {}


def test_a_request_that_was_refused_leaves_its_answer() -> None:
    data = ContactChangeRequested(
        address=AddressKind.PHONE, key_id="k", sealed="s", seed="0" * 32, code_hash="a" * 64
    )
    request = replace(event(data, NOW, AN), fingerprint="f")
    (answer,) = caused(request, SOURCE, ProofDecider().decide(WORLD, Proving(), request))

    known = folded(request, answer)[AN]

    assert [(each.request, each.fact) for each in known.answers] == [
        (request.id, ContactChangeRefused.TYPE)
    ]
