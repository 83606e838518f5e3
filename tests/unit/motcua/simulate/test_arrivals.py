"""When, where and about what people come, as a plan has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from contracts.catalogue import Catalogue
from contracts.events import intake
from contracts.values import FilingChannel, ServiceLevel
from motcua.simulate import SimulatedDay, odds
from services.intake.codes import VIETNAM
from services.shared.working_time import Calendars
from tests.support.simulated import by_dossier, distinct, filing_of, near


def filings(simulated: SimulatedDay) -> list[intake.FilingForm]:
    return [filing for event in distinct(simulated.requests) if (filing := filing_of(event))]


def test_dossiers_rush_in_when_the_doors_open(
    draw: Callable[..., SimulatedDay], calendars: Calendars
) -> None:
    simulated = draw(dossiers=3_000, duplicate_share=0)
    calendar = calendars.for_unit("H29.101")
    first = [requests[0].time for requests in by_dossier(simulated.requests).values()]
    opening = sum(
        0 < calendar.measure(simulated.begins, t) <= odds.BURST_SECONDS
        and calendar.measure(t - timedelta(seconds=1), t) == 1
        for t in first
    )
    mean = len(first) / 480
    assert 14 <= opening / (odds.BURST_SECONDS / 60) / mean <= 24


def test_some_file_online_at_night_and_at_weekends_and_nobody_at_a_counter_then(
    simulated: SimulatedDay, calendars: Calendars
) -> None:
    office = calendars.for_unit("H29.1")
    closed = [
        requests[0]
        for requests in by_dossier(simulated.requests).values()
        if not office.measure(requests[0].time - timedelta(seconds=1), requests[0].time)
    ]
    assert all(isinstance(e.data, intake.RegistrationRequested) for e in closed)
    local = [e.time.astimezone(VIETNAM) for e in closed]
    assert any(t.weekday() == 6 for t in local)
    assert any(t.hour >= 20 for t in local)


def test_procedures_are_offered_by_the_channel_that_is_taken(
    simulated: SimulatedDay, catalogue: Catalogue
) -> None:
    for filing in filings(simulated):
        procedure = catalogue.procedures[filing.procedure]
        assert filing.channel in procedure.channels
        assert filing.level is procedure.level
        assert procedure.code != "TP.001"
        if procedure.level is ServiceLevel.INFORMATION:
            assert filing.channel is FilingChannel.COUNTER


def test_short_matters_of_the_ward_dominate_and_all_procedures_occur(
    simulated: SimulatedDay, catalogue: Catalogue
) -> None:
    drawn = Counter(f.procedure for f in filings(simulated))
    fields = Counter(catalogue.procedures[f.procedure].field for f in filings(simulated))
    assert (fields["certification"] + fields["civil-status"]) / drawn.total() > 0.5
    assert len(drawn) >= len(catalogue.procedures) - 3


def test_most_go_to_their_own_ward_and_some_anywhere(
    simulated: SimulatedDay, catalogue: Catalogue
) -> None:
    own = [
        f.place in catalogue.units[f.receiving_unit].places
        and catalogue.units[f.receiving_unit].kind == "ward"
        for f in filings(simulated)
    ]
    centre = sum(f.receiving_unit == "H29.1" for f in filings(simulated))
    assert 0.56 <= sum(own) / len(own) <= 0.68  # the competent unit is often the own ward
    assert near(centre, len(own), odds.SERVICE_CENTRE)
    elsewhere = sum(f.receiving_unit != f.returning_unit for f in filings(simulated))
    assert 0.4 <= elsewhere / len(own) <= 0.7
