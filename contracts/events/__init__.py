"""Every event type, one module for each owner.

Importing this package registers every event class: `contracts.model.registered` is then complete.
"""

from contracts.events import (
    authority,
    clock,
    contacts,
    intake,
    notify,
    refusals,
    routing,
    rules,
    sla,
)

__all__ = [
    "authority",
    "clock",
    "contacts",
    "intake",
    "notify",
    "refusals",
    "routing",
    "rules",
    "sla",
]
