"""What a drawn plan looks like, whatever becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from contracts.catalogue import Catalogue
from contracts.wire.codec import encode
from motcua.simulate import SimulatedDay, Simulation
from services.intake.codes import VIETNAM, day_of
from services.shared.working_time import Calendars
from tests.support.simulated import by_dossier, distinct, filing_of

TODAY = date(2026, 3, 11)


# -- the same again -------------------------------------------------------------------


def test_the_same_seed_gives_the_same_plan(draw: Callable[..., SimulatedDay]) -> None:
    settings = {"dossiers": 80, "carried_over": 80, "seed": 3}
    assert draw(**settings) == draw(**settings)


def test_another_seed_gives_another_plan(draw: Callable[..., SimulatedDay]) -> None:
    ids = [
        {e.id for e in draw(dossiers=50, carried_over=50, seed=seed).requests} for seed in (1, 2)
    ]
    assert not ids[0] & ids[1]


def test_the_plan_does_not_depend_on_how_python_hashes_strings() -> None:
    program = (
        "from hashlib import sha256\n"
        "from contracts.catalogue import load_catalogue\n"
        "from contracts.wire.codec import encode\n"
        "from motcua.simulate import Simulation, simulate_day\n"
        "from services.shared.working_time import load_calendars\n"
        "plan = simulate_day(Simulation(dossiers=60, carried_over=60),"
        " load_catalogue(), load_calendars())\n"
        "print(sha256(repr([encode(e) for e in plan.requests]).encode()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_dossier_of_the_day_is_the_same_however_many_come_after_it(
    draw: Callable[..., SimulatedDay],
) -> None:
    few, many = (draw(dossiers=n, duplicate_share=0).requests for n in (50, 100))
    citizens = {f.citizen for f in map(filing_of, few) if f}
    again = [f for f in map(filing_of, many) if f and f.citizen in citizens]
    assert sorted((f for f in map(filing_of, few) if f), key=str) == sorted(again, key=str)


# -- order, gaps, codes ---------------------------------------------------------------


def test_requests_are_in_order_of_time_and_code(simulated: SimulatedDay) -> None:
    once = distinct(simulated.requests)
    assert once == sorted(once, key=lambda e: (e.time, e.subject))


def test_requests_lie_between_the_beginning_and_the_end(simulated: SimulatedDay) -> None:
    assert all(simulated.begins <= e.time < simulated.ends for e in simulated.requests)
    assert simulated.ends.astimezone(VIETNAM).isoformat() == "2026-03-12T00:00:00+07:00"


def test_every_request_can_be_written_to_the_log(simulated: SimulatedDay) -> None:
    assert all(encode(event) for event in simulated.requests)


def test_requests_of_one_dossier_keep_their_distance(simulated: SimulatedDay) -> None:
    for requests in by_dossier(simulated.requests).values():
        for one, next_ in pairwise(requests):
            early = one.time.astimezone(VIETNAM).date() < TODAY
            assert next_.time - one.time >= timedelta(minutes=120 if early else 15)


def test_the_distance_is_configured(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(dossiers=200, carried_over=0, min_gap_minutes=45)
    gaps = [
        next_.time - one.time
        for requests in by_dossier(simulated.requests).values()
        for one, next_ in pairwise(requests)
    ]
    assert min(gaps) >= timedelta(minutes=45)


def test_officers_act_in_office_hours_and_keep_their_distance_in_them(
    simulated: SimulatedDay, catalogue: Catalogue, calendars: Calendars
) -> None:
    office = calendars.for_unit("H29.1")  # the one with the longest hours
    for requests in by_dossier(simulated.requests).values():
        for one, next_ in pairwise(requests):
            if hasattr(next_.data, "by"):
                early = one.time.astimezone(VIETNAM).date() < TODAY
                assert office.measure(one.time, next_.time) >= 60 * (120 if early else 15)
                assert office.measure(next_.time - timedelta(seconds=1), next_.time) == 1


def test_codes_are_numbered_by_agency_and_day_in_order_of_time_without_gaps(
    simulated: SimulatedDay,
) -> None:
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for code, requests in by_dossier(simulated.requests).items():
        agency, day, number = code.split("-")
        filing = filing_of(requests[0])
        assert filing is not None
        assert (agency, day) == (filing.receiving_unit, day_of(requests[0].time))
        numbers[agency, day].append(int(number))
    for given in numbers.values():
        assert given == list(range(1, len(given) + 1))
    assert simulated.counters == {key: max(given) for key, given in numbers.items()}


def test_as_many_come_in_on_the_day_and_before_it_as_were_asked_for(
    simulated: SimulatedDay,
) -> None:
    days = Counter(code.split("-")[1] == "260311" for code in by_dossier(simulated.requests))
    assert days == {True: 1_000, False: 2_000}


def test_days_off_are_no_working_days_before(simulated: SimulatedDay, calendars: Calendars) -> None:
    # Tết 2026 lies among them: fifteen working days go back to 11 February.
    assert simulated.begins.astimezone(VIETNAM).date() == date(2026, 2, 11)
    worked = calendars.for_unit("H29.101").measure(
        simulated.begins, simulated.ends - timedelta(days=1)
    )
    assert worked == 15 * 8 * 3600


def test_a_day_on_which_nothing_is_open_is_refused(draw: Callable[..., SimulatedDay]) -> None:
    with pytest.raises(ValueError, match="is no working day"):
        draw(day=date(2026, 3, 8), dossiers=50)


@pytest.mark.parametrize(
    "settings",
    [
        {"dossiers": -1},
        {"dossiers": 1, "late_share": 1.5},
        {"dossiers": 1, "seed": 1, "min_gap_minutes": -1},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"below 0|from 0 to 1"):
        Simulation(**settings)


def test_a_city_without_dossiers_is_asked_nothing(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(dossiers=0)
    assert simulated.requests == []
    assert simulated.counters == {}
