"""Contact data over HTTP: a citizen's, through a desk or a portal; one's own, as an officer; and
what the city's directory says of its staff.

A citizen's reference stands in the body and never in the path: it may come as an identity number,
and paths are written to the logs of servers and proxies.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Path, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from contracts.events.contacts import (
    AddressKind,
    ContactChangeRequested,
    ContactProofRequested,
)
from contracts.values import CitizenRef, Locale
from contracts.visible import written
from contracts.wire.envelope import derive_id
from services.intake.contact import Contact, Email, OneAddress
from services.intake.contacts import Contacts, NoAnswerYet
from services.runtime import (
    CHANGES,
    Answers,
    IdempotencyKey,
    Json,
    Problem,
    current_actor,
    described,
    failing,
    key_owner,
)
from services.shared.authority.judging import Bonds
from services.shared.authority.route import must_be_permitted
from services.shared.person import Person, citizen, staff
from services.shared.references import References

StaffNumber = Annotated[
    str,
    Path(min_length=1, max_length=64, description="A staff number."),
    AfterValidator(written),
]


class CitizensAddress(OneAddress):
    """An address at which a citizen wants to be told things."""

    citizen: CitizenRef
    """The citizen's reference; an identity number is hashed."""
    locale: Locale = Locale.VI


class OwnAddress(BaseModel):
    """Where an officer wants to be told things: officers are written to."""

    model_config = ConfigDict(extra="forbid")

    email: Email


class EnteredCode(BaseModel):
    """The code that was sent to the new address."""

    model_config = ConfigDict(extra="forbid")

    change: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    """The change that it was sent for."""
    code: str = Field(pattern=r"^[0-9 .\-]{4,20}$", examples=["4821 7730"])


class CitizensCode(EnteredCode):
    """The same, of a citizen."""

    citizen: CitizenRef


@described
class AskedChange(TypedDict):
    """A code is on its way. Nothing has changed yet."""

    change: str
    """To be given with the code."""
    address: AddressKind
    expires_at: str
    """Until then the code can be entered."""


@described
class AnswerToCome(TypedDict):
    """The request is on the log, and its answer is still to come."""

    request: str
    status: Literal["pending"]


_ANSWERS: Answers = {
    202: {
        "model": AnswerToCome,
        "description": "It is on the log; ask again with the same Idempotency-Key.",
    },
    409: CHANGES[409],
}
_OWN: Answers = {**_ANSWERS, 401: failing("Nobody is signed in.")}


def add_contact_routes(app: FastAPI, contacts: Contacts, references: References) -> None:
    """Add the routes about contact data."""

    async def ask(whose: Person, address: OneAddress, locale: Locale, key: str | None) -> Response:
        # Before a key is made for somebody, and not only in the decision.
        must_be_permitted("intake", ContactChangeRequested.NAME, Bonds(person=whose))
        try:
            waiting = await contacts.ask(whose, address, locale, key)
        except NoAnswerYet as error:
            return _to_come(error)
        asked: AskedChange = {
            "change": waiting.change,
            "address": address.kind,
            "expires_at": waiting.expires_at.isoformat(),
        }
        return Json(asked, 201)

    async def prove(whose: Person, entered: EnteredCode, key: str | None) -> Response:
        must_be_permitted("intake", ContactProofRequested.NAME, Bonds(person=whose))
        try:
            await contacts.prove(whose, entered.change, entered.code, key)
        except NoAnswerYet as error:
            return _to_come(error)
        return Response(status_code=204)

    @app.post(
        "/contacts/citizens/changes",
        tags=["contacts"],
        status_code=201,
        response_model=AskedChange,
        responses=_ANSWERS,
    )
    async def ask_for_citizen(body: CitizensAddress, key: IdempotencyKey = None) -> Response:
        """Send a one-time code to an address at which a citizen wants to be told things.

        It counts once the code is entered. Until then they are told things where they were, and
        their proven addresses are told that a change was asked for.
        """
        return await ask(citizen(references.citizen(body.citizen)), body, body.locale, key)

    @app.post("/contacts/citizens/proofs", tags=["contacts"], status_code=204, responses=_ANSWERS)
    async def prove_for_citizen(body: CitizensCode, key: IdempotencyKey = None) -> Response:
        """Enter the code that a citizen was sent: the address counts from now on, for all of their
        dossiers. The addresses that were proven before are told."""
        return await prove(citizen(references.citizen(body.citizen)), body, key)

    @app.post(
        "/contacts/me/changes",
        tags=["contacts"],
        status_code=201,
        response_model=AskedChange,
        responses=_OWN,
    )
    async def ask_for_myself(body: OwnAddress, key: IdempotencyKey = None) -> Response:
        """Send a one-time code to an address at which whoever is signed in wants to be told things
        as an officer or a head."""
        return await ask(_myself(), OneAddress(email=body.email), Locale.VI, key)

    @app.post("/contacts/me/proofs", tags=["contacts"], status_code=204, responses=_OWN)
    async def prove_for_myself(body: EnteredCode, key: IdempotencyKey = None) -> Response:
        """Enter the code that whoever is signed in was sent: the address counts from now on."""
        return await prove(_myself(), body, key)

    @app.put("/contacts/staff/{number}", tags=["contacts"], status_code=204)
    async def leave(number: StaffNumber, body: Contact, key: IdempotencyKey = None) -> Response:
        """Say where an officer or a head is reached, as the city's directory has it. It is used as
        long as they have proven nothing, and never after that."""
        whose = staff(number)
        cause = derive_id("contact", whose.subject, key_owner(), key) if key else None
        await contacts.leave(whose, body, Locale.VI, cause)
        return Response(status_code=204)


def _myself() -> Person:
    number = current_actor().authid
    if number is None:
        raise Problem(
            401, "not-signed-in", "your own contact data is changed by whoever is signed in as you"
        )
    return staff(number)


def _to_come(error: NoAnswerYet) -> Response:
    to_come: AnswerToCome = {"request": error.request, "status": "pending"}
    return Json(to_come, 202, {"Retry-After": "1"})
