"""Every service's deciders, as the services themselves make them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from contracts.catalogue import Catalogue, load_catalogue
from services.intake.decider import IntakeDecider
from services.notify.deciders import DeskDecider, NotifyDecider
from services.notify.dossier.policy import Policy
from services.routing.decider import RoutingDecider
from services.runtime import Decider
from services.shared.entry_limit import EntryLimit
from services.shared.rulebook.book import load_rule_book
from services.shared.working_time import Calendars, load_calendars
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules


@lru_cache(maxsize=1)
def calendars() -> Calendars:
    """Return the working-time calendars in force; they are loaded once."""
    return load_calendars()


def city_deciders(
    catalogue: Catalogue | None = None, policy: Policy | None = None
) -> Sequence[Decider[Any]]:
    """Return the four services' deciders over dossiers."""
    catalogue = catalogue or load_catalogue()
    limit = EntryLimit(load_rule_book().late_entry, calendars())
    return [
        IntakeDecider(catalogue, limit),
        RoutingDecider(catalogue, limit),
        SlaDecider(Rules(catalogue, calendars())),
        NotifyDecider(policy or Policy(catalogue)),
    ]


def all_deciders(catalogue: Catalogue, policy: Policy) -> Sequence[Decider[Any]]:
    """Return the same deciders, and the one for the units' mornings."""
    return [*city_deciders(catalogue, policy), DeskDecider(policy)]
