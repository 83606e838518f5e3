"""What is known of a dossier in a test, as its officers, its citizen or an auditor would ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contracts.events import notify, sla
from contracts.events.refusals import RefusalReason
from contracts.wire.envelope import Event
from motcua.testing.local_time import told
from services.shared.lifecycle import PublicStatus, status_at

if TYPE_CHECKING:
    from motcua.testing.city import City

_WAITS_FOR = {
    PublicStatus.REGISTERED: "reception",
    PublicStatus.SUPPLEMENT_REQUESTED: "supplement",
    PublicStatus.PAYMENT_REQUESTED: "payment",
    PublicStatus.STOPPED: "resumption",
    PublicStatus.PROCESSED: "return",
}


class Known:
    """What the four services know and said of one dossier."""

    def __init__(self, city: City, code: str) -> None:
        self.city = city
        self.code = code
        self.refused: RefusalReason | None = None
        """Why the last request was refused; None if it was carried out."""

    def __repr__(self) -> str:
        return f"<dossier {self.code} at {self.city.now}: {self.status or 'unknown'}>"

    def state(self, service: str) -> Any:
        """Return the state that a service keeps of it: ``intake``, ``routing``, ``sla`` or
        ``notify``."""
        known = self.city.services.states[service].get(self.code)
        if known is not None:
            return known.state
        return self.city.services.deciders[service].initial(self.code)

    @property
    def events(self) -> list[Event]:
        """All that was asked of it and said of it, by the times at which it happened."""
        found = {one.id: one for one in self.city.events if one.subject == self.code}
        return sorted(found.values(), key=lambda one: one.time)

    @property
    def status(self) -> str | None:
        """The public state now, e.g. ``in_process``; None if there is no such dossier."""
        found = status_at(self.state("intake").marks, self.city.moment)
        return found.word if found else None

    @property
    def waits_for(self) -> str | None:
        """What has to happen next: ``reception``, ``supplement``, ``payment``, ``resumption``,
        ``return``, or the name of the open step; None at the end."""
        found = status_at(self.state("intake").marks, self.city.moment)
        if found in (PublicStatus.RECEIVED, PublicStatus.IN_PROCESS):
            step = self.state("routing").open_step
            return step.step if step is not None else "hand-over"
        return _WAITS_FOR.get(found) if found else None

    @property
    def unit(self) -> str:
        """The unit in charge. Raise ValueError if there is none yet."""
        found: str | None = self.state("routing").unit_in_charge or self._receiving_unit()
        if found is None:
            raise ValueError(f"{self.code}: no unit is in charge of it")
        return found

    def _receiving_unit(self) -> str | None:
        filed = self.state("intake").filed
        return filed.receiving_unit if filed is not None else None

    @property
    def head(self) -> str:
        """The head of the unit in charge."""
        return self.city.unit(self.unit).head

    @property
    def lead(self) -> str | None:
        """Who leads the open step."""
        found: str | None = self.state("routing").lead
        return found

    @property
    def due(self) -> str | None:
        """The due time, as in Vietnam; None while the clock stands, or without one."""
        known = self.state("sla").assessment
        return told(known.due) if known is not None and known.due is not None else None

    @property
    def late(self) -> bool:
        """Whether it missed its date."""
        found: bool = self.state("sla").late
        return found

    @property
    def alerts(self) -> list[str]:
        """The alerts that stand, by name, in the order in which they were said."""
        return [one.data.NAME for one in self.standing]

    @property
    def standing(self) -> list[Event]:
        """The alerts that stand: those that were not retracted."""
        said = {one.id: one for one in self.city.events if one.subject == self.code}
        gone = {e.data.alert_id for e in said.values() if isinstance(e.data, sla.AlertRetracted)}
        return [e for e in said.values() if isinstance(e.data, sla.ALERTS) and e.id not in gone]

    @property
    def messages(self) -> list[str]:
        """What the citizen is told, by the names of the templates, without what is not sent."""
        names: dict[str, str] = {}
        for one in self.city.events:
            if one.subject != self.code:
                continue
            if isinstance(one.data, notify.MessagePlanned | notify.MessageGathered):
                names[one.data.message_id] = one.data.template
            elif isinstance(one.data, notify.MessageNotSent):
                names.pop(one.data.message_id, None)
        return list(names.values())
