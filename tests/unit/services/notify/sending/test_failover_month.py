"""A month of outages, to the second: who takes each message, when, and that everyone is told once.

The choice of who takes what, the courier, the channel and its switch run over a clock that the test
moves. What they do is compared, message by message, with a model that is written down once more in
plain words. Two gateways are away, refuse, hang up, are slow or silent as a seeded schedule says.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from tests.support.failover import FIRST, KINDS, SECOND, Desk, Town
from tests.support.failover_model import Model
from tests.support.properties import seeds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=seeds(2))
def month(request: pytest.FixtureRequest) -> Desk:
    """A month that is over."""
    desk = Desk(Town(request.param))
    asyncio.run(desk.works())
    return desk


def test_each_message_is_taken_by_whom_and_told_in_the_second_that_the_rules_say(
    month: Desk,
) -> None:
    model = Model(Town(month.town.seed))
    model.works()
    assert month.told.log == model.log
    assert {kind for e in month.town.episodes for kind in e.how.values()} > set(KINDS)
    by = Counter(name for _, name, _ in month.told.log)
    assert by[SECOND] > 500


def test_everyone_is_told_once_by_the_one_who_has_the_message(month: Desk) -> None:
    told = {key: name for key, name, _ in month.told.log}
    assert len(told) == len(month.told.log) == len(month.town.messages)
    for name, gateway in month.gateways.items():
        assert gateway.taken.keys() == {key for key, by in told.items() if by == name}


def test_what_one_may_have_taken_is_never_offered_to_the_other(month: Desk) -> None:
    offers: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for name, gateway in month.gateways.items():
        for at, key, said in gateway.offered:
            offers[key].append((at, name, said))
    unsure = 0
    for key, made in offers.items():
        made.sort(key=lambda offer: offer[0])
        may_have = {name for _, name, said in made if said not in ("no", "later")}
        assert len(may_have) == 1, (key, made)
        unsure += any(said not in ("yes", "no", "later") for _, _, said in made)
    assert unsure > 100


def test_while_both_are_slow_not_one_message_goes_to_the_second(month: Desk) -> None:
    both_slow = {FIRST: "slow", SECOND: "slow"}
    found = [e for e in month.town.episodes if e.how == both_slow and not e.storm]
    assert len(found) >= 3
    for episode in found:
        assert not month.offers(SECOND, episode.begins, episode.ends)
        assert month.offers(FIRST, episode.begins, episode.ends)


def test_a_first_that_is_away_delays_nobody_and_is_used_again_after_its_rest(month: Desk) -> None:
    told = {key: (name, at) for key, name, at in month.told.log}
    found = [
        (episode, following.begins)
        for episode, following in pairwise(month.town.episodes)
        if episode.how in ({FIRST: "away"}, {FIRST: "refuses"}) and not episode.storm
    ]
    assert len(found) >= 3
    for episode, calm_until in found:
        for at, key in month.planned(episode.begins, episode.ends):
            assert told[key] == (SECOND, at)
        retries = month.offers(FIRST, episode.begins, episode.ends)
        assert all(later - earlier >= 10 for earlier, later in pairwise(retries[4:]))
        after = month.planned(episode.ends, calm_until)
        rested = retries[-1] + (10 if len(retries) >= 5 else 0)
        for at, key in after:
            assert told[key] == (FIRST if at >= rested else SECOND, at)
