"""The demo ends on one page: real figures of a small city, at 80 columns, on one screen."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.wire.envelope import Event
from contracts.wire.topics import SERVICES
from motcua.demo_page import Day, demo_page
from motcua.demo_story import most_telling
from motcua.simulate import SimulatedDay
from motcua.story_page import story_page
from services.runtime.testing import InProcess
from services.sla.dossier.state import LetterStanding
from services.sla.figures.counting import MEASURES
from services.sla.figures.rates import RATES, rates
from tests.unit.motcua.conftest import shown

MOST_LINES = 50
TO_OPEN = [
    ("status page", "http://127.0.0.1:8004/status/H29.113-260303-0012?key=ABCDEFGHJK"),
    ("mail", "http://127.0.0.1:21007"),
    ("for motcua", "export MOTCUA_MONGO=mongodb://127.0.0.1:21003"),
]


@pytest.fixture(scope="module")
def day(simulated: SimulatedDay, city: InProcess) -> Day:
    """The last day of the plan, counted from the states that the services ended in."""
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    since = (
        (simulated.ends - timedelta(seconds=1))
        .astimezone(zone)
        .replace(hour=0, minute=0, second=0, microsecond=0)
    )
    messages = Counter(
        message.template
        for known in city.states["notify"].values()
        for message in known.state.messages
    )
    return Day(
        begins=since,
        balances={name: balance(city, name, since, simulated.ends) for name in SERVICES},
        figures=figures(city, since, simulated.ends),
        messages={
            "planned": dict(messages),
            "delivered": {"sent": messages.total() - 7, "pending": 3},
            "not_sent": {"no-contact": 4},
        },
        events=len(city.log),
        seconds={"stack": 9.2, "services": 6.1, "import": 4.0, "day": 40.4, "messages": 1.1},
    )


def balance(city: InProcess, name: str, since: datetime, until: datetime) -> dict[str, int]:
    counts: Counter[str] = Counter(carried_over=0, received=0, resolved=0, open=0)
    for known in city.states[name].values():
        received, ended = known.state.span.received_at, known.state.span.ended_at
        if received is None or received >= until or (ended is not None and ended < since):
            continue
        counts["carried_over" if received < since else "received"] += 1
        counts["open" if ended is None or ended >= until else "resolved"] += 1
    return dict(counts)


LETTER = {
    LetterStanding.IN_TIME: "letter_in_time",
    LetterStanding.LATE: "letter_late",
    LetterStanding.MISSING: "late_without_letter",
    None: "exempt",
}


def figures(city: InProcess, since: datetime, until: datetime) -> dict[str, Any]:
    counts: dict[str, Any] = dict.fromkeys(MEASURES, 0) | balance(city, "sla", since, until)
    for known in city.states["sla"].values():
        state = known.state
        ended = state.span.ended_at
        if state.procedure is None or (ended is not None and ended < since):
            continue
        if state.assessment is None:
            counts["unjudged"] += 1
            counts["open_unjudged" if ended is None else "resolved_unjudged"] += 1
            continue
        if state.late:
            counts["open_late" if ended is None else "resolved_late"] += 1
            counts["late_with_letter"] += bool(state.letters)
            counts[LETTER[state.letter_standing]] += 1
        counts["extended"] += state.assessment.extended_at is not None
    return counts | rates(counts)


def test_it_fits_80_columns_and_one_screen(day: Day, stories: dict[str, list[Event]]) -> None:
    code = most_telling(stories)
    text = shown(demo_page(day, story_page(code, stories[code]), TO_OPEN))
    assert len(text.splitlines()) <= MOST_LINES
    assert code in text
    for service in SERVICES:
        row = day.balances[service]
        (line,) = (line for line in text.splitlines() if line.startswith(service))
        assert line.split()[1:] == [*(f"{number:,}" for number in row.values()), "reconciles"]
    for rate in RATES:
        assert f"{day.figures[rate.name]} %" in text
        assert rate.en in text
    flat = " ".join(text.split())
    planned = Counter(day.messages["planned"])
    named = planned.most_common(10)
    for template, number in named:
        assert f"{template} {number:,}" in flat
    assert f"others {planned.total() - sum(n for _, n in named):,}" in flat
    assert "not sent: 4 no-contact" in flat
    for what, at in TO_OPEN:
        assert re.search(f"^{what} +{re.escape(at)} *$", text, re.MULTILINE)
    assert "do not agree" not in text


def test_it_says_if_the_services_do_not_agree(day: Day) -> None:
    other = {**day.balances["sla"], "open": day.balances["sla"]["open"] + 1}
    apart = Day(**{**vars(day), "balances": {**day.balances, "sla": other}})
    assert day.agrees
    assert not apart.agrees
    text = shown(demo_page(apart, None, TO_OPEN))
    assert "the services do not agree" in text
    assert len(re.findall(r"does not *$", text, re.MULTILINE)) == 1


def test_nothing_resolved_is_no_figure(day: Day) -> None:
    nothing = dict.fromkeys(MEASURES, 0)
    empty = Day(**{**vars(day), "figures": nothing | rates(nothing)})
    assert shown(demo_page(empty, None, TO_OPEN)).count("no figure") == len(RATES)


def test_what_is_unjudged_is_counted_if_there_is_any(day: Day) -> None:
    assert "unjudged" not in shown(demo_page(day, None, TO_OPEN))
    other = Day(**{**vars(day), "figures": {**day.figures, "unjudged": 7}})
    assert "unjudged 7" in shown(demo_page(other, None, TO_OPEN))


def test_the_story_that_is_told_has_much_in_it(stories: dict[str, list[Event]]) -> None:
    names = {event.data.NAME for event in stories[most_telling(stories)]}
    assert {"ApologyIssued", "DossierOverdue", "ResultReturned"} <= names
