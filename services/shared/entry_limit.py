"""How far back a request may be dated: within a limit, or with a head's approval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from contracts.events.refusals import RefusalReason
from contracts.values import EARLIEST, rfc3339
from contracts.wire.envelope import Event
from services.shared.lifecycle import Tracked
from services.shared.refused import Refused
from services.shared.rulebook.book import LateEntryRule, load_rule_book
from services.shared.rulebook.settings import RuleSettings
from services.shared.working_time import Calendars, OutsideCalendar, load_calendars

_HOUR = 3600


@dataclass(frozen=True)
class EntryLimit:
    """The rule, and the calendars that its working hours are counted by."""

    rule: LateEntryRule
    calendars: Calendars

    def check(self, state: Tracked, request: Event, unit: str) -> None:
        """Raise Refused if a request is dated further back than the rule or a head allows.

        `unit` gives the office hours. A request that does not say when it was entered was written
        before that was asked, or is a simulated one: it is not judged.
        """
        entered, dated = request.recorded, request.time
        if entered is None or entered == dated:
            return
        if dated > entered:
            raise Refused(
                RefusalReason.WRONG_DATE,
                f"dated {rfc3339(dated)}, and entered before that, at {rfc3339(entered)}",
            )
        if dated < EARLIEST:
            raise Refused(RefusalReason.WRONG_DATE, "dated before the year 2000")
        name = request.data.NAME
        hours = self.rule.hours(name)
        try:
            if self.calendars.for_unit(unit).measure(dated, entered) <= hours * _HOUR:
                return
        except OutsideCalendar:
            pass  # entered after all calendars end: no number of hours covers it
        if any(e.request == name and e.since <= dated <= e.until for e in state.late_entries):
            return
        raise Refused(
            RefusalReason.ENTERED_TOO_LATE,
            f"dated {rfc3339(dated)}, more than {hours} working hours before it was entered at "
            f"{rfc3339(entered)}; the head of unit {unit} may approve it: "
            f"POST /dossiers/{request.subject}/late-entries at routing",
        )


def entry_limit(settings: RuleSettings) -> EntryLimit:
    """Return the limit by the files that are set. Raise FileError, naming each place at fault."""
    rule = load_rule_book(settings.rules).late_entry
    return EntryLimit(rule, load_calendars(settings.calendars))


@lru_cache(maxsize=1)
def standard_limit() -> EntryLimit:
    """Return the limit by the rules and calendars that come with the product."""
    return EntryLimit(load_rule_book().late_entry, load_calendars())
