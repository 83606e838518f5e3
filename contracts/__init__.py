"""The contracts between the services: every event type, every topic, every shared format.

Importing this package registers every event class, so that `contracts.model.registered`
is complete.
"""

from contracts import clock, contacts, intake, notify, refusals, routing, sla

__all__ = ["clock", "contacts", "intake", "notify", "refusals", "routing", "sla"]
