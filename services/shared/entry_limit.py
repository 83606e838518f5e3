"""How far back a request may be dated: within a limit, or with a head's approval."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.events.refusals import RefusalReason
from contracts.values import EARLIEST, rfc3339
from contracts.wire.envelope import Event
from services.runtime import World
from services.shared.city import city_at
from services.shared.lifecycle import Tracked
from services.shared.refused import Refused
from services.shared.rulebook.book import LateEntryRule
from services.shared.working_time import Calendars, OutsideCalendar

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


def entry_limit(world: World, request: Event) -> EntryLimit:
    """Return the limit in force when the request was entered."""
    city = city_at(world, request.recorded or request.time)
    return EntryLimit(city.book.late_entry, city.calendars)
