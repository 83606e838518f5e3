"""How the city tells people things: what every message is judged by. Made from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta

from contracts.catalogue import Catalogue
from contracts.events.notify import MessageChannel
from services.notify.quiet_hours import QuietHours
from services.notify.wording.template import Template

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
"""What is told to those, too, who do not want to be told things: the law wants it in writing (a
refusal, a demand, a stop, an apology), it is what the dossier was handed in for (the result, and
whether it is a refusal), or it takes back what was said wrongly. That a dossier is overdue is told
with an apology, and where no letter comes it is the only one. That the result was returned knows
whoever has it. The status page says beside the box what is told all the same: no less than this."""

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
"""What says nothing any more after some days: the dossier has moved on, or the head has looked.
All else is true for good (what is asked, decided, promised, taken back) and is told even if it is
entered days late or a provider is away for weeks: the time that it has counts from when it
happened. A citizen's digest has the longest time of what it tells of."""

_NIGHT = QuietHours(time(21), time(7))


@dataclass(frozen=True)
class Policy:
    """The choices of the city; a citizen's own stand above them."""

    catalogue: Catalogue
    channels: tuple[MessageChannel, ...] = (MessageChannel.LEDGER,)
    """By what citizens are told who have not chosen."""
    carried: frozenset[MessageChannel] = frozenset(MessageChannel) - {MessageChannel.LEDGER}
    """What there is a provider for: what can be chosen."""
    quiet: QuietHours = _NIGHT
    urgent_within: timedelta = timedelta(hours=24)
    """A demand whose last day is so near is not held back at night."""
    often: int = 3
    """So many messages about one dossier within `often_within` are told one by one."""
    often_within: timedelta = timedelta(hours=24)
    digest_after: timedelta = timedelta(hours=4)
    """What is gathered is told so long after the first of it."""
    rating_after: timedelta = timedelta(hours=2)
    """When the citizen is asked how content they are, after they were given the result."""
    lasts: timedelta = timedelta(days=3)
    """For how long after it happened what passes is worth telling."""
    truth_lasts: timedelta = timedelta(days=30)
    """For how long everything else is tried to be delivered."""
    morning: time = time(7, 30)
    """When heads get their digest."""
    breach_after: timedelta = timedelta(minutes=10)
    """A unit's head is told so long after a breach, and of all that there are by then; and when
    one proves wrong, in the same way."""
    breach_every: timedelta = timedelta(hours=1)
    """And not of breaches again before so long after that."""
    tells_officers: bool = True
    ratings: bool = True

    def lasts_of(self, template: str) -> timedelta:
        """How long a message is tried to be delivered, from when what it tells of happened."""
        return self.lasts if template in PASSING else self.truth_lasts
