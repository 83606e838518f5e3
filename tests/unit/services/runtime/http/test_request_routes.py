"""When a change is said to have happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.values import EARLIEST
from services.runtime.http.problem import Problem
from services.runtime.http.request_routes import RequestRoutes
from services.runtime.loop.clock import StreamClock
from tests.support.http_app import NOON


class TestTheTimeOfAChange:
    @pytest.fixture
    def changes(self) -> RequestRoutes:
        clock = StreamClock()
        clock.tick(0, NOON)
        return RequestRoutes(None, clock, None)  # type: ignore[arg-type]

    def test_is_now_unless_it_is_given(self, changes: RequestRoutes) -> None:
        assert changes.time(None) == NOON

    def test_may_be_in_the_past(self, changes: RequestRoutes) -> None:
        assert changes.time(NOON - timedelta(days=9)) == NOON - timedelta(days=9)
        assert changes.time(NOON) == NOON

    def test_is_never_in_the_future(self, changes: RequestRoutes) -> None:
        with pytest.raises(Problem, match="lies in the future; it is 2024-03-07T12") as caught:
            changes.time(NOON + timedelta(milliseconds=1))
        assert caught.value.status_code == 422

    def test_is_never_before_the_year_2000_of_vietnam(self, changes: RequestRoutes) -> None:
        assert changes.time(EARLIEST) == EARLIEST
        with pytest.raises(Problem, match="before the year 2000") as caught:
            changes.time(EARLIEST - timedelta(milliseconds=1))
        assert caught.value.status_code == 422
