"""Sla and notify agree with routing on who handles a dossier, even within one instant."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

from contracts.catalogue import load_catalogue
from contracts.wire.envelope import Event
from services.notify.dossier.fold import evolve as notify_evolve
from services.notify.dossier.state import Notify
from services.routing.fold import evolve as routing_evolve
from services.routing.state import Routing
from services.shared.working_time import load_calendars
from services.sla.clock.assess import assess
from services.sla.deciding.rules import Rules
from services.sla.dossier.fold import evolve as sla_evolve
from services.sla.dossier.state import Sla
from tests.support.facts import handed_over, routed

START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)

FACTS = [
    Event(name, "/x", "H29.15-240307-0001", START, data)
    for name, data in (
        ("z", routed("A")),
        ("b", handed_over("B")),
        ("c", handed_over("C")),
        ("a", handed_over("D")),
    )
]


def test_whatever_order_they_hear_of_it_in() -> None:
    for facts in permutations(FACTS):
        states = [Routing(), Sla(), Notify()]
        for fact in facts:
            states = [
                routing_evolve(states[0], fact),  # type: ignore[arg-type]
                sla_evolve(states[1], fact),  # type: ignore[arg-type]
                notify_evolve(states[2], fact),  # type: ignore[arg-type]
            ]
        assert states[0].handling_unit == states[1].unit == states[2].unit == "C"  # type: ignore[attr-defined]


def test_nothing_follows_for_a_dossier_that_nothing_happened_to() -> None:
    rules = Rules(load_catalogue(), load_calendars())
    state = Sla(procedure="1.004194", receiving_unit="H29.15")
    assert assess(state, rules.terms(state)) is None
