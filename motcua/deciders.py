"""Every service's deciders, as the services themselves make them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from contracts.catalogue import load_catalogue
from services.intake.decider import IntakeDecider
from services.notify.deciders import DeskDecider, NotifyDecider
from services.notify.dossier.policy import Policy
from services.routing.decider import RoutingDecider
from services.runtime import Decider
from services.shared.working_time import Calendars, load_calendars
from services.sla.deciding.decider import SlaDecider


@lru_cache(maxsize=1)
def calendars() -> Calendars:
    """Return the working-time calendars in force; they are loaded once."""
    return load_calendars()


def city_deciders(policy: Policy | None = None) -> Sequence[Decider[Any]]:
    """Return the four services' deciders over dossiers."""
    return [
        IntakeDecider(),
        RoutingDecider(),
        SlaDecider(),
        NotifyDecider(policy or Policy(load_catalogue())),
    ]


def all_deciders(policy: Policy) -> Sequence[Decider[Any]]:
    """Return the same deciders, and the one for the units' mornings."""
    return [*city_deciders(policy), DeskDecider(policy)]
