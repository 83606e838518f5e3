"""How the city tells people things: what every message is judged by. Made from the settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from contracts.catalogue import Catalogue
from contracts.events.notify import MessageChannel
from services.notify.quiet_hours import QuietHours
from services.notify.wording.template import Template
from services.runtime import World
from services.shared.city import city_of

LEGAL = frozenset(
    {
        Template.NOT_RECEIVED,
        Template.SUPPLEMENT_DEMANDED,
        Template.PAYMENT_DEMANDED,
        Template.STOPPED,
        Template.PROCESSED,
        Template.OVERDUE,
        Template.APOLOGY,
        Template.RETRACTED,
    }
)
"""What is told even after an opt-out: the law demands it in writing (a refusal, a demand, a stop,
an apology), it is what the dossier was filed for (the result, and whether it is a refusal), or it
takes back what was wrong. A breach is told with an apology, and where no letter comes it is the
only one. The return of a result is not here: the citizen who has it knows. The status page lists
beside the box what is told all the same: no less than this."""

ROUTINE = frozenset(
    {
        Template.IN_PROCESS,
        Template.SUPPLEMENT_DELIVERED,
        Template.PAYMENT_RECEIVED,
        Template.RESUMED,
        Template.NEW_DATE,
        Template.SOON_DUE,
    }
)
"""What can wait for a digest when a dossier changes often. A demand, a result, a breach cannot."""

PASSING = frozenset(
    {
        Template.REGISTERED,
        Template.IN_PROCESS,
        Template.SOON_DUE,
        Template.RATING,
        Template.HEAD_DIGEST,
        Template.OFFICER_DIGEST,
    }
)
"""What is no longer worth telling after some days: the dossier has moved on, or the head has
looked. All else stays true (what is asked, decided, promised, taken back). It is told even if it is
entered days late or a provider is away for weeks: the time it has counts from when it happened. A
citizen's digest lasts as long as the longest-lasting thing that it tells."""

_NIGHT = QuietHours(time(21), time(7))


@dataclass(frozen=True)
class Policy:
    """The choices of the city; a citizen's own come before them."""

    catalogue: Catalogue
    channels: tuple[MessageChannel, ...] = (MessageChannel.LEDGER,)
    """The channels for citizens who have not chosen."""
    carried: frozenset[MessageChannel] = frozenset(MessageChannel) - {MessageChannel.LEDGER}
    """The channels that have a provider, and so can be chosen."""
    quiet: QuietHours = _NIGHT
    urgent_within: timedelta = timedelta(hours=24)
    """A demand whose last day is nearer than this is not held back at night."""
    often: int = 3
    """This many messages about one dossier within `often_within` are told one by one."""
    often_within: timedelta = timedelta(hours=24)
    digest_after: timedelta = timedelta(hours=4)
    """How long after its first message a digest goes out."""
    rating_after: timedelta = timedelta(hours=2)
    """How long after getting the result the citizen is asked for a rating."""
    lasts: timedelta = timedelta(days=3)
    """How long after it happened a passing message is worth telling."""
    truth_lasts: timedelta = timedelta(days=30)
    """How long the delivery of everything else is tried."""
    morning: time = time(7, 30)
    """When heads get their digest, in Vietnam."""
    breach_after: timedelta = timedelta(minutes=10)
    """A unit's head is told this long after a breach, of all breaches by then; and of one that
    proves wrong, in the same way."""
    breach_every: timedelta = timedelta(hours=1)
    """The least time between two messages about breaches."""
    tells_officers: bool = True
    ratings: bool = True

    def lasts_of(self, template: str) -> timedelta:
        """Return how long a message's delivery is tried, from when what it tells happened."""
        return self.lasts if template in PASSING else self.truth_lasts


class Policies:
    """The policy under each set of rules: the city's choices, with the catalogue of that set."""

    def __init__(self, choices: Policy) -> None:
        self._choices = choices
        self._made: dict[str, Policy] = {}

    def at(self, world: World, time: datetime) -> Policy:
        """Return the policy in force at that time."""
        rules = world.at(time)
        found = self._made.get(rules.sha256)
        if found is None:
            found = replace(self._choices, catalogue=city_of(rules).catalogue)
            self._made[rules.sha256] = found
        return found
