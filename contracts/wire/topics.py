"""The topics, with the settings that they are created with. Nothing creates one by accident."""

from __future__ import annotations

from dataclasses import dataclass, field

SERVICES = ("intake", "routing", "sla", "notify")
PAGE = "page"
"""What shows citizens the states of notify, and asks for what they choose. It decides nothing, and
has no topic of its own."""

DOSSIER_EVENTS = "dossier.events"
NOTIFICATION_EVENTS = "notification.events"
CITIZEN_CONTACTS = "citizen.contacts"
UNIT_ALERTS = "unit.alerts"
CITY_RULES = "city.rules"
CITY_AUDIT = "city.audit"


@dataclass(frozen=True)
class Topic:
    """One topic. `config` uses Kafka's own names."""

    name: str
    key: str
    """What its records are keyed by."""
    what: str
    partitioned: bool = True
    """Whether it has the city's number of partitions; otherwise it has one."""
    broadcast: bool = False
    """Whether an enacted set of rules stands in each of its partitions."""
    config: dict[str, str] = field(default_factory=dict)


_WITNESSED = {"message.timestamp.type": "LogAppendTime"}
"""The broker stamps each record itself: a second witness of when it was entered."""
_FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1", **_WITNESSED}


def dead_letters(service: str) -> str:
    """Return the name of the service's topic of dead letters."""
    return f"{service}.dead-letters"


TOPICS: tuple[Topic, ...] = (
    Topic(
        DOSSIER_EVENTS,
        key="dossier code",
        what="Everything that happens to dossiers: requests and facts, in one order per dossier.",
        broadcast=True,
        config={**_FOR_EVER, "cleanup.policy": "delete", "max.message.bytes": "1048576"},
    ),
    Topic(
        NOTIFICATION_EVENTS,
        key="dossier code",
        what="What became of each message to a citizen or an officer.",
        config={**_FOR_EVER, "cleanup.policy": "delete", "max.message.bytes": "1048576"},
    ),
    Topic(
        UNIT_ALERTS,
        key="unit and day",
        what="What each unit's morning digest is made of.",
        broadcast=True,
        config={**_FOR_EVER, "cleanup.policy": "delete", **_WITNESSED},
    ),
    Topic(
        CITY_RULES,
        key="rules",
        what="Every set of rules that was enacted, by itself: to be listed and read.",
        partitioned=False,
        broadcast=True,
        config={
            **_FOR_EVER,
            "cleanup.policy": "delete",
            "max.message.bytes": "1048576",
            **_WITNESSED,
        },
    ),
    Topic(
        CITIZEN_CONTACTS,
        key="person, or dossier",
        what="How each person can be reached, sealed, and how they proved it.",
        config={**_FOR_EVER, "cleanup.policy": "delete", "max.message.bytes": "1048576"},
    ),
    Topic(
        CITY_AUDIT,
        key="chain",
        what="Who read and changed what, and what watches over security: a chain for each process.",
        partitioned=False,
        config={**_FOR_EVER, "cleanup.policy": "delete"},
    ),
    *(
        Topic(
            dead_letters(service),
            key="dossier code",
            what=f"The records that {service} could not handle, each with its reason.",
            partitioned=False,
            config={**_FOR_EVER, "cleanup.policy": "delete", "max.message.bytes": "2097152"},
        )
        for service in SERVICES
    ),
)
"""Every topic of the city."""
