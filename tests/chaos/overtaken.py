"""Where a day's requests overtake its alarms, if sla is slow just then."""

from __future__ import annotations

from contracts.catalogue import load_catalogue
from contracts.events import notify
from motcua.deciders import all_deciders
from motcua.simulate import SimulatedDay, slices
from services.notify.dossier.policy import Policy
from services.runtime.testing import InProcess


def overtaken(simulated: SimulatedDay) -> list[int]:
    """The slices in which a dossier gets another lead right after an alert named one.

    A city in memory tells which. Whoever comes to the tick before such a slice after the slice
    itself raises the alert when its lead does not lead any more. What is cleared later is left out.
    """
    catalogue = load_catalogue()
    city = InProcess(all_deciders(Policy(catalogue)))
    fresh: list[notify.UnitAlerted] = []
    found: dict[str, int] = {}
    for number, piece in enumerate(slices(simulated.requests, ends=simulated.ends)):
        city.feed(piece.events)
        for alert in fresh:
            if city.states["notify"][alert.dossier].state.leads[-1].officer != alert.lead:
                found[alert.alert_id] = number
        heard = len(city.elsewhere)
        city.tick(piece.until)
        said = [event.data for event in city.elsewhere[heard:]]
        fresh = [data for data in said if isinstance(data, notify.UnitAlerted)]
    cleared = {
        event.data.alert_id
        for event in city.elsewhere
        if isinstance(event.data, notify.UnitAlertCleared)
    }
    return sorted({number for alert_id, number in found.items() if alert_id not in cleared})
