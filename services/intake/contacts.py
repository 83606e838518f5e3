"""Takes contact data in: sealed under the person's own key before it leaves this process."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import structlog

from contracts.events.contacts import ContactChangeRequested, ContactProofRequested
from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.envelope import Event, derive_id, fingerprint
from services.intake.contact import Contact, OneAddress, contact_event
from services.intake.proofs import CODE_LASTS, Proving
from services.runtime import Clock, Engine, Problem, Requests, current_actor, state_of
from services.shared.citizen_keys import CitizenKeys, KeyWithdrawn, Sealed
from services.shared.one_time_codes import OneTimeCodes
from services.shared.person import Person
from services.shared.references import References
from services.shared.sealing import Unreadable

log = structlog.get_logger("motcua.intake")


_NOT_THEIRS = (RefusalReason.NOT_PERMITTED, RefusalReason.NOT_SIGNED_IN)


class Waiting(NamedTuple):
    """A change that waits for its code."""

    change: str
    expires_at: datetime


class NoAnswerYet(Exception):
    """A request about contact data is on the log, and its answer still to come."""

    def __init__(self, request: str) -> None:
        super().__init__(request)
        self.request = request


class Contacts:
    """Contact data that was left, and changes that are to be proven."""

    def __init__(
        self,
        requests: Requests,
        proofs: Engine[Proving],
        clock: Clock,
        keys: CitizenKeys,
        references: References,
    ) -> None:
        """`requests` are those to the engine of `proofs`."""
        self._requests = requests
        self._proofs = proofs
        self._clock = clock
        self._keys = keys
        self._codes = OneTimeCodes(references)
        self._mark = references.subkey("addresses that were asked for")
        self._complained = False

    async def leave(
        self,
        whose: Person,
        contact: Contact,
        locale: Locale,
        cause: str | None = None,
        *,
        dossier: str | None = None,
    ) -> None:
        """Keep contact data that nobody has proven: it is used where nothing is proven; with a
        `dossier`, for that one alone.

        It counts from when it is written, even with a dossier that was handed in earlier: an
        erasure in between only concerned older data. The same `cause` makes the same event. Raise
        Problem 503 if it cannot be sealed, or the log is away.
        """
        sealed = await self._seal(whose, contact)
        # After sealing: if the key was deleted before, that deletion has an earlier time.
        now = self._clock.now()
        cause = cause or derive_id(
            "contact", whose.subject, fingerprint([now.isoformat(), sealed.text])
        )
        event = contact_event(whose, sealed, locale, now, cause, current_actor(), dossier=dossier)
        await self._requests.publish(event)

    async def ask(
        self, whose: Person, address: OneAddress, locale: Locale, key: str | None
    ) -> Waiting:
        """Ask for a change: a one-time code goes to the address. Raise Problem 409 if the person
        asks too often, NoAnswerYet, or what `leave` raises."""
        sealed = await self._seal(whose, address)
        code = self._codes.ask()
        data = ContactChangeRequested(
            address=address.kind,
            key_id=sealed.key_id,
            sealed=sealed.text,
            locale=locale,
            seed=code.seed,
            code_hash=code.code_hash,
        )
        # What is asked is the same with another seal and another code. The hash is on the log: it
        # is keyed, as addresses are few.
        asked = fingerprint([self._mark.hex(), address.plain().decode(), locale])
        event = await self._decided(whose, data, key, asked)
        # Asked again under its key, it is the same request, whose code has the same end.
        change = await self._change(whose, event.id)
        return Waiting(event.id, change or event.time + CODE_LASTS)

    async def prove(self, whose: Person, change: str, code: str, key: str | None) -> None:
        """Have the change count, if the code is the one that was sent. Raise Problem 409 with the
        reason if it is not, NoAnswerYet, or Problem 503 if the log is away."""
        state = await self._state(whose)
        waits = state.change if state.change and state.change.id == change else None
        # Where no such change waits, any hash will do: the decision says so.
        entered = self._codes.hash(waits.seed if waits else "", code)
        data = ContactProofRequested(change=change, code_hash=entered)
        await self._decided(whose, data, key, [change, fingerprint([self._mark.hex(), code])])

    async def _decided(
        self, whose: Person, data: EventData, key: str | None, body: object
    ) -> Event:
        event = self._requests.event(whose.subject, data, key=key, body=body)
        try:
            answer = await self._requests(event)
        except Problem as error:
            error.members.pop("poll", None)  # there is none: the key finds the answer
            raise
        if answer is None:
            raise NoAnswerYet(event.id)
        if answer.reason is not None:
            raise Problem(
                403 if answer.reason in _NOT_THEIRS else 409,
                answer.reason,
                answer.detail or answer.reason,
                fact={"type": answer.fact, "id": answer.fact_id},
                request=event.id,
            )
        return event

    async def _change(self, whose: Person, change: str) -> datetime | None:
        found = (await self._state(whose)).change
        return found.expires_at if found is not None and found.id == change else None

    async def _state(self, whose: Person) -> Proving:
        document = await self._proofs.store.get(whose.subject)
        return state_of(document, Proving) if document else Proving()

    async def _seal(self, whose: Person, contact: Contact) -> Sealed:
        try:
            return await self._keys.seal(whose.subject, contact.plain(), self._clock.now())
        except KeyWithdrawn as error:
            raise Problem(
                503,
                "contact-being-erased",
                "this person is being erased right now; send the contact data again",
                headers={"Retry-After": "5"},
            ) from error
        except Unreadable as error:
            if not self._complained:
                self._complained = True
                log.critical(
                    "a person's key does not open, and their contact data is refused: put the "
                    "master key into MOTCUA_MASTER_KEY_FILE and restart",
                    error=str(error),
                )
            raise Problem(
                503,
                "master-key-unknown",
                "this person's key is wrapped by a master key that is not known here: an operator "
                "has to put it into MOTCUA_MASTER_KEY_FILE and restart intake; until then, leave "
                "the contact data out",
            ) from error
