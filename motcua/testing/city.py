"""A city in one process: the four services, its rules, and a clock that a test moves.

The services are those that run a live city, with their own decisions and timers; only Kafka and
MongoDB are not there. Times are written as in Vietnam, ``2024-03-04 08:00``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.catalogue import Catalogue, Unit, load_catalogue
from contracts.events import intake, routing
from contracts.events.refusals import Refusal, RefusalReason
from contracts.events.rules import RULES_SUBJECT, RulesEnacted
from contracts.model import EventData
from contracts.rules import RulesError, RuleSet, digest, sample_rules
from contracts.values import EARLIEST, FilingChannel
from contracts.wire.actor import NOBODY, Actor, AuthType
from contracts.wire.envelope import Event, derive_id
from motcua.deciders import all_deciders
from motcua.rules.reading import breaks, checked
from motcua.story_page import VIETNAM
from motcua.testing.dossier import Dossier
from motcua.testing.local_time import moment, told
from motcua.testing.not_allowed import NotAllowed
from services.notify.dossier.policy import Policy
from services.runtime.testing import InProcess
from services.shared.city import city_at
from services.shared.entry_limit import entry_limit
from services.shared.refused import Refused

FIRST_DAY = "2024-03-04 08:00"
"""When a city's time begins, unless something is filed before: a Monday."""


class City:
    """Four services in one process, and what a test does in it."""

    def __init__(self, seed: int = 0) -> None:
        """Begin under the rules that the product ships, enacted as number 1.

        The seed decides the ids of events, and so the order of what happens at one instant.
        """
        self.services = InProcess(all_deciders(Policy(load_catalogue())))
        self.dossiers: list[Dossier] = []
        """In the order in which they were filed."""
        self.seed = seed
        self._count = 0
        self._filed: Counter[str] = Counter()
        self._now: datetime | None = None
        self._enact(sample_rules().files, EARLIEST)

    # -- time -----------------------------------------------------------------------------

    @property
    def moment(self) -> datetime:
        """The city's time, with its offset."""
        if self._now is None:
            self._now = moment(FIRST_DAY)
        return self._now

    @property
    def now(self) -> str:
        """The city's time, as in Vietnam."""
        return told(self.moment)

    def at(self, time: str) -> None:
        """Move the city to that time: everything that was to happen before it has happened then.

        Raise ValueError if that time has passed.
        """
        to = moment(time)
        if self._now is not None and to < self._now:
            raise ValueError(f"it is {self.now} already: what is entered late says when=…")
        self._now = to
        self.services.tick(to)

    # -- rules ----------------------------------------------------------------------------

    @property
    def rules(self) -> Mapping[str, str]:
        """The text of each file of the rules that were enacted last."""
        return self.services.world.newest.files

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue in force now."""
        return city_at(self.services.world, self.moment).catalogue

    def enact(
        self, *changes: tuple[str, str] | tuple[str, str, str], since: str | None = None
    ) -> None:
        """Enact the newest rules with changes, from a time on; by default, from now on.

        A change names a file and a text to add to it; or a text that stands in it once, and what
        stands there instead. Raise ValueError if it does not, and RulesError if a city could not
        enact the rules so.
        """
        __tracebackhide__ = True
        files = dict(self.rules)
        for name, *texts in changes:
            if name not in files:
                raise ValueError(f"there is no {name}: there are {', '.join(files)}")
            old, new = texts if len(texts) == 2 else (files[name], f"{files[name]}\n{texts[0]}")
            if files[name].count(old) != 1:
                raise ValueError(f"{name} has {files[name].count(old)} times, not once: {old}")
            files[name] = files[name].replace(old, new)
        checked(files)
        if faults := breaks(self.rules, files):
            raise RulesError("\n".join(faults))
        self._enact(files, moment(since) if since else self.moment)

    def _enact(self, files: Mapping[str, str], since: datetime) -> None:
        number = self.services.world.newest.number + 1
        rules = RuleSet(number, since, digest(files), files, "cb-29-0003")
        data = RulesEnacted(
            number=number, since=since, sha256=rules.sha256, files=dict(files), by=rules.by
        )
        time = self._now or since
        identity = derive_id("rules", number, rules.sha256)
        self.services.feed([Event(identity, "/motcua/rules", RULES_SUBJECT, time, data)])

    # -- dossiers -------------------------------------------------------------------------

    def file(
        self, procedure: str, *, unit: str = "H29.1", on: str | None = None, **filing: Any
    ) -> Dossier:
        """Have a citizen file online, with all papers and the whole fee, and return the dossier.

        `unit` is the receiving unit, and the returning one unless `filing` says otherwise: fields
        of `FilingForm`. The place is by default the first that the unit answers for, or any. `on`
        moves the city to that time.
        """
        dossier, form = self._filing(procedure, unit, on, filing)
        self.asks(dossier, intake.RegistrationRequested(**dict(form)))
        return dossier

    def receive(
        self,
        procedure: str,
        *,
        unit: str = "H29.1",
        on: str | None = None,
        by: str | None = None,
        **filing: Any,
    ) -> Dossier:
        """Have a citizen hand a dossier in at a counter, where it is received at once.

        Everything else as in `file`.
        """
        counter = {"channel": FilingChannel.COUNTER, **filing}
        dossier, form = self._filing(procedure, unit, on, counter)
        by = by or self.unit(unit).officers[0]
        self.asks(dossier, intake.ReceptionRequested(filing=form), by=by)
        return dossier

    def _filing(
        self, procedure: str, unit: str, on: str | None, filing: Mapping[str, Any]
    ) -> tuple[Dossier, intake.FilingForm]:
        if unknown := filing.keys() - intake.FilingForm.model_fields.keys():
            raise TypeError(f"a filing has no {', '.join(sorted(unknown))}")
        if on is not None:
            self.at(on)
        agency = f"{unit}-{self.moment.astimezone(VIETNAM):%y%m%d}"
        self._filed[agency] += 1
        dossier = Dossier(self, f"{agency}-{self._filed[agency]:04}")
        self.dossiers.append(dossier)
        known = self.catalogue.procedures.get(procedure)
        fields = {
            "procedure": procedure,
            "channel": FilingChannel.ONLINE,
            "receiving_unit": unit,
            "returning_unit": unit,
            "place": self._place(unit),
            "citizen": f"citizen-{len(self.dossiers)}",
            "documents": known.documents if known else (),
            "fee": known.fee if known else 0,
        }
        return dossier, intake.FilingForm.model_validate({**fields, **filing})

    def _place(self, unit: str) -> str:
        known = self.catalogue.units.get(unit)
        return known.places[0] if known and known.places else min(self.catalogue.places)

    def unit(self, code: str) -> Unit:
        """Return the unit. Raise ValueError if the catalogue lacks it."""
        found = self.catalogue.units.get(code)
        if found is None:
            raise ValueError(f"the catalogue has no unit {code}")
        return found

    # -- what happens ---------------------------------------------------------------------

    @property
    def events(self) -> list[Event]:
        """All that was asked and decided, in the order of the log, then what went elsewhere."""
        return [*self.services.log, *self.services.elsewhere]

    def asks(
        self,
        dossier: Dossier,
        data: EventData,
        when: str | None = None,
        *,
        by: str | None = None,
        approved: bool = True,
    ) -> list[EventData]:
        """Ask for something now, dated `when`, and return what all services said to it.

        An officer asks (`by`), or else the citizen.

        What is dated back further than the rules let anyone is approved by the unit's head first,
        unless `approved` is false. Raise NotAllowed if it is refused.
        """
        time = moment(when) if when else self.moment
        if time > self.moment:
            raise ValueError(f"{when} is to come: it is {self.now}; move the city there with at()")
        self.services.tick(self.moment)
        request = self._event(dossier, data, time, by)
        if approved and data.OWNER != "notify" and self._too_late(dossier, request):
            approval = routing.LateEntryRequested(
                request=data.NAME, at=time, reason="Ghi nhận muộn"
            )
            self._feed(dossier, self._event(dossier, approval, self.moment, by=dossier.head))
        return self._feed(dossier, request)

    def _event(self, dossier: Dossier, data: EventData, time: datetime, by: str | None) -> Event:
        self._count += 1
        return Event(
            id=derive_id("motcua.testing", self.seed, self._count),
            source=f"/motcua/{data.OWNER}",
            subject=dossier.code,
            time=time,
            data=data,
            actor=Actor(AuthType.APP_USER, by) if by else NOBODY,
            recorded=self.moment,
        )

    def _too_late(self, dossier: Dossier, request: Event) -> bool:
        state = dossier.state("routing")
        if request.time == request.recorded or state.unit_in_charge is None:
            return False
        try:
            entry_limit(self.services.world, request).check(state, request, state.unit_in_charge)
        except Refused as error:
            return error.reason is RefusalReason.ENTERED_TOO_LATE
        return False

    def _feed(self, dossier: Dossier, request: Event) -> list[EventData]:
        known = len(self.services.log)
        dossier.refused = None
        self.services.feed([request])
        said = self.services.log[known + 1 :]
        for one in said:
            if one.cause == request.id and isinstance(one.data, Refusal):
                dossier.refused = one.data.reason
                raise NotAllowed(request, one.data)
        return [one.data for one in said]
