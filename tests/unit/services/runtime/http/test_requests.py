"""A request over HTTP becomes an event, and its answer is waited for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi import Response
from msgspec.structs import replace

from contracts.events import intake
from contracts.events.refusals import RefusalReason
from contracts.wire.actor import NOBODY, Actor, AuthType
from contracts.wire.envelope import Event
from services.runtime.core.stored import RequestAnswer
from services.runtime.http.problem import Problem
from services.runtime.http.requests import Requests, respond
from services.runtime.loop.clock import StreamClock
from tests.support.http_app import NOON

CODE = "H29.15-240307-0001"
ASKED = Event("req-1", "/x", CODE, NOON, intake.WithdrawalRequested(reason="r"))


class TestTheAnswerToARequest:
    FACT = RequestAnswer("req-1", "f", "vn.motcua.DossierWithdrawn.v1", "fact-1")

    def body(self, response: Response) -> Any:

        return json.loads(bytes(response.body))

    def test_is_the_fact(self) -> None:
        response = respond(ASKED, self.FACT, dossier={"code": CODE})
        assert response.status_code == 200
        assert self.body(response) == {
            "code": CODE,
            "request": "req-1",
            "status": "done",
            "fact": {"type": "vn.motcua.DossierWithdrawn.v1", "id": "fact-1"},
            "dossier": {"code": CODE},
        }

    def test_to_what_makes_a_dossier_says_where_it_is(self) -> None:
        response = respond(ASKED, self.FACT, made=201)
        assert (response.status_code, response.headers["location"]) == (201, f"/dossiers/{CODE}")

    def test_that_takes_too_long_is_an_address_to_ask_again(self) -> None:
        response = respond(ASKED, None)
        where = f"/dossiers/{CODE}/requests/req-1"
        assert (response.status_code, response.headers["location"]) == (202, where)
        assert self.body(response)["poll"] == where

    @pytest.mark.parametrize(
        ("reason", "status"),
        [
            (RefusalReason.WRONG_STATE, 409),
            (RefusalReason.OVERPAID, 409),
            (RefusalReason.UNKNOWN_DOSSIER, 404),
        ],
    )
    def test_may_be_the_refusal_and_its_reason(self, reason: RefusalReason, status: int) -> None:
        refusal = RequestAnswer(
            "req-1", "f", "vn.motcua.WithdrawalRefused.v1", "fact-1", reason, "why"
        )
        with pytest.raises(Problem) as caught:
            respond(ASKED, refusal)
        problem = caught.value
        assert (problem.status_code, problem.kind, problem.detail) == (status, reason, "why")
        assert problem.members["fact"]["id"] == "fact-1"


class _NoEngine:
    """All that `Ask` looks at before anything is sent."""

    class decider:
        name = "purse"

    clock = StreamClock()


class TestARequestAsAnEvent:
    @pytest.fixture
    def requests(self) -> Requests:
        return Requests(_NoEngine(), timeout=1)  # type: ignore[arg-type]

    def event(
        self, requests: Requests, key: str | None, reason: str = "r", subject: str = CODE
    ) -> Event:
        data = intake.WithdrawalRequested(reason=reason)
        return requests.event(subject, data, key=key, body={"reason": reason}, at=NOON)

    def test_with_a_key_is_the_same_event_at_every_attempt(self, requests: Requests) -> None:
        one, other = self.event(requests, "k"), self.event(requests, "k")
        assert replace(one, recorded=None) == replace(other, recorded=None)

    def test_with_a_key_that_was_used_for_something_else_shows_it(self, requests: Requests) -> None:
        one, other = self.event(requests, "k"), self.event(requests, "k", reason="another")
        assert one.id == other.id
        assert one.fingerprint != other.fingerprint

    def test_of_another_dossier_is_another_event(self, requests: Requests) -> None:
        assert (
            self.event(requests, "k").id
            != self.event(requests, "k", subject="H29.15-240307-0002").id
        )

    def test_without_a_key_is_another_event_each_time(self, requests: Requests) -> None:
        assert self.event(requests, None).id != self.event(requests, None).id

    def test_says_when_it_happened_and_who_says_so(self, requests: Requests) -> None:
        event = self.event(requests, "k")
        assert (event.time, event.source, event.subject) == (NOON, "/motcua/purse/http", CODE)

    def test_says_when_it_was_entered(self, requests: Requests) -> None:
        clock = requests._engine.clock
        assert isinstance(clock, StreamClock)
        clock.tick(0, NOON + timedelta(hours=3))
        assert self.event(requests, None).recorded == NOON + timedelta(hours=3)

    def test_that_is_entered_as_it_happens_has_one_time_for_both(self, requests: Requests) -> None:
        event = requests.event(CODE, intake.WithdrawalRequested(reason="r"), key=None, body={})
        assert event.time == event.recorded

    def test_may_be_somebodys_for_whom_no_header_speaks(self, requests: Requests) -> None:
        by = Actor(AuthType.SYSTEM, "/motcua/purse")
        data = intake.WithdrawalRequested(reason="r")
        assert requests.event(CODE, data, key=None, body={}, actor=by).actor == by

    def test_for_which_nobody_vouches_is_unauthenticated(self, requests: Requests) -> None:
        assert self.event(requests, None).actor == NOBODY
