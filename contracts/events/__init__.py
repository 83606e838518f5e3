"""Every event type, one module for each owner.

Importing this package registers every event class: `contracts.model.registered` is then complete.
"""

from contracts.events import clock, contacts, intake, notify, refusals, routing, rules, sla

__all__ = ["clock", "contacts", "intake", "notify", "refusals", "routing", "rules", "sla"]
