"""An HTTP call that changes something: it is written to Kafka, then its answer is awaited."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
from fastapi import Response
from pymongo.errors import PyMongoError

from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.wire.actor import Actor
from contracts.wire.envelope import Event, derive_id, fingerprint
from services.runtime.core.stored import RequestAnswer
from services.runtime.http.answers import Answered, Fact, Json, Pending
from services.runtime.http.caller import key_owner
from services.runtime.http.door import current_actor
from services.runtime.http.noted import ask_audited
from services.runtime.http.problem import Problem
from services.runtime.loop.engine import Engine
from services.runtime.transient import is_transient

_POLL_FIRST = 0.02
_POLL_MOST = 0.25


class Requests:
    """Puts requests on the log and waits for the answer of their owner's engine."""

    def __init__(self, engine: Engine[Any], *, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout

    def event(
        self,
        subject: str,
        data: EventData,
        *,
        key: str | None,
        body: Any,
        at: Any = None,
        actor: Actor | None = None,
    ) -> Event:
        """Return the request as an event, entered now by the actor, or else by whoever the edge
        vouches for.

        The same idempotency key of the same caller gives the same event id. A retry of what is
        answered writes nothing; one of what is still under way writes the id again, with a later
        `recorded`: everyone reads the two in one order and takes the first.
        """
        now = self._engine.clock.now()
        name = self._engine.decider.name
        asking = actor or current_actor()
        mark = fingerprint({"type": data.TYPE, "body": body})
        event_id = (
            derive_id("http", name, subject, key_owner(), key)
            if key
            else derive_id("http", name, subject, mark, time.time_ns())
        )
        return Event(
            id=event_id,
            source=f"/motcua/{name}/http",
            subject=subject,
            time=at or now,
            data=data,
            fingerprint=mark,
            actor=asking,
            recorded=now,
        )

    async def __call__(self, event: Event) -> RequestAnswer | None:
        """Return the answer to the request; None if it takes longer than the time allowed.

        Raise Problem 503 if the log is away and PyMongoError if the database is: a retry with the
        key is safe. Raise Problem 422 if the key was used for another request.
        """
        if (known := await self.answer(event.subject, event.id)) is not None:
            return _same(known, event)
        with self._engine.reporting.waiting_for(event.id) as written:
            await self.publish(event)
            deadline = time.monotonic() + self._timeout
            pause = _POLL_FIRST
            while (left := deadline - time.monotonic()) > 0:
                # Another instance may own the dossier: then only the database shows the answer.
                try:
                    await asyncio.wait_for(written.wait(), timeout=min(pause, left))
                except TimeoutError:
                    pause = min(pause * 2, _POLL_MOST)
                try:
                    found = await self.answer(event.subject, event.id)
                except PyMongoError as error:
                    if not is_transient(error):
                        raise
                    continue  # it is on the log: the caller is told where to ask again
                if found is not None:
                    return _same(found, event)
        return None

    async def publish(self, event: Event) -> None:
        """Write the event to its topic, once the audit tells that it is asked for.

        Raise Problem 503 if the log cannot be reached, and NotAudited if the audit cannot be told.
        """
        await ask_audited(event)
        try:
            async with asyncio.timeout(self._timeout):
                await self._engine.producer.publish([event])
        except Exception as error:
            if not is_transient(error):
                raise
            raise Problem(
                503,
                "log-unavailable",
                "the event log did not confirm the request, which may still be carried out; try "
                "again with the same Idempotency-Key, or look at the address to poll",
                headers={"Retry-After": "5"},
                request=event.id,
                poll=f"/dossiers/{event.subject}/requests/{event.id}",
            ) from error

    async def answer(self, subject: str, request: str) -> RequestAnswer | None:
        """Return the stored answer to a request, or None."""
        document = await self._engine.store.get(subject)
        for kept in document["answers"] if document else ():
            if kept["request"] == request:
                return msgspec.convert(kept, RequestAnswer)
        return None


def _same(answer: RequestAnswer, event: Event) -> RequestAnswer:
    if answer.fingerprint != event.fingerprint:
        raise key_reused()
    return answer


def key_reused() -> Problem:
    """Return the problem of a key that was used for another request."""
    return Problem(
        422,
        "idempotency-key-reused",
        "this Idempotency-Key was used for another request; use a new one",
        errors=[{"field": "Idempotency-Key", "in": "header", "detail": "used before"}],
    )


_NOT_PERMITTED = frozenset(
    {
        RefusalReason.NOT_PERMITTED,
        RefusalReason.NOT_SIGNED_IN,
        RefusalReason.NOT_THE_HEAD,
        RefusalReason.NOT_THE_LEAD,
        RefusalReason.DELEGATION_NOT_BEGUN,
        RefusalReason.DELEGATION_EXPIRED,
        RefusalReason.DELEGATION_REVOKED,
        RefusalReason.DELEGATION_OUT_OF_SCOPE,
        RefusalReason.DELEGATION_OTHER_UNIT,
    }
)


def status_of(reason: str) -> int:
    """Return the HTTP status of a refusal: 403 if another person may ask it, else 409."""
    return 403 if reason in _NOT_PERMITTED else 409


def respond(
    event: Event, answer: RequestAnswer | None, *, made: int = 200, **more: Any
) -> Response:
    """Answer 200 or 201 with the fact, 403, 404 or 409 with the refusal, 202 with where to ask."""
    where = f"/dossiers/{event.subject}/requests/{event.id}"
    if answer is None:
        pending: Pending = {
            "code": event.subject,
            "request": event.id,
            "status": "pending",
            "poll": where,
        }
        return Json(pending, 202, {"Location": where, "Retry-After": "1"})
    fact: Fact = {"type": answer.fact, "id": answer.fact_id}
    if answer.reason is not None:
        unknown = answer.reason == RefusalReason.UNKNOWN_DOSSIER
        raise Problem(
            404 if unknown else status_of(answer.reason),
            answer.reason,
            answer.detail or answer.reason,
            fact=fact,
            request=event.id,
        )
    done: Answered = {"code": event.subject, "request": event.id, "status": "done", "fact": fact}
    headers = {"Location": f"/dossiers/{event.subject}"} if made == 201 else None
    return Json({**done, **more}, made, headers)
