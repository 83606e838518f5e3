"""Intake over HTTP: reception, supplements, payments, withdrawal, receipts, the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query, Response
from pydantic import BaseModel, ConfigDict

from contracts.catalogue import Catalogue, Procedure
from contracts.events import intake
from contracts.model import EventData
from contracts.values import DOSSIER_CODE, UNIT_CODE, FilingChannel
from contracts.wire.claims import Role
from contracts.wire.envelope import derive_id
from services.intake.codes import CallersKey, Codes
from services.intake.contact import Contact
from services.intake.contacts import Contacts
from services.intake.decisions import unit_fault
from services.intake.receipt import ReceiptView, receipt
from services.intake.settings import IntakeSettings
from services.intake.state import Intake
from services.intake.view import ChangedDossier, DossierView, Page, view
from services.runtime import (
    CHANGES,
    UNKNOWN,
    At,
    IdempotencyKey,
    Json,
    Problem,
    RequestRoutes,
    Requests,
    Running,
    Typed,
    current_caller,
    failing,
    invalid_field,
    key_owner,
    state_of,
    takes,
    unaudited,
    wall_clock,
)
from services.shared.authority.judging import Bonds
from services.shared.authority.route import must_be_permitted
from services.shared.city import City
from services.shared.lookup_key import LookupKeys
from services.shared.person import citizen
from services.shared.references import References
from services.shared.room import too_many_papers

Code = Annotated[str, Path(pattern=DOSSIER_CODE, description="The dossier code.")]

MANY_PAPERS = 131_072
"""Bytes of a body that names a dossier's papers: a hundred of the longest names fit."""


class NewDossier(BaseModel):
    """What is handed in."""

    model_config = ConfigDict(extra="forbid")

    filing: intake.FilingForm
    contact: Contact | None = None


def add_routes(
    app: FastAPI,
    running: Running[IntakeSettings],
    requests: Requests,
    city: Callable[[], City],
    contacts: Contacts,
    keys: LookupKeys,
    references: References,
) -> None:
    """Add intake's routes about dossiers."""
    codes = Codes(running.database)
    running.preparing.append(codes.prepare)
    wall = wall_clock(running.settings)
    store = running.dossiers.store

    async def load(code: str) -> Intake | None:
        document = await store.get(code)
        state: Intake | None = state_of(document, Intake) if document else None
        return state if state and state.filed else None

    async def show(code: str) -> DossierView | None:
        state = await load(code)
        return view(code, state, city().catalogue) if state else None

    async def present(code: str) -> Intake:
        state = await load(code)
        if state is None:
            raise Problem(404, "unknown-dossier", f"there is no dossier {code}")
        return state

    change = RequestRoutes(requests, running.clock, show)
    changes = APIRouter(tags=["intake"], responses=CHANGES)

    @app.post(
        "/dossiers",
        tags=["intake"],
        status_code=201,
        response_model=ChangedDossier,
        responses={status: CHANGES[status] for status in (202, 409)},
        openapi_extra=takes(MANY_PAPERS),
    )
    async def hand_in(
        body: Typed[NewDossier], key: IdempotencyKey = None, at: At = None
    ) -> Response:
        """Receive a dossier at a counter or by post, or register one that is filed online: an
        officer receives, a machine registers."""
        # Before anything is made of it: an identity number goes no further.
        ref = references.citizen(body.filing.citizen)
        filing = body.filing.model_copy(update={"citizen": ref})
        _check_filing(city().catalogue, filing, change.time(at))
        caller = current_caller()
        data: EventData
        if caller is None or Role.MACHINE not in caller.claims.roles:
            data = intake.ReceptionRequested(filing=filing)
        elif filing.channel is FilingChannel.ONLINE:
            data = intake.RegistrationRequested(**filing.model_dump())
        else:
            raise invalid_field("filing.channel", "a machine registers what is filed online alone")
        # Before a code is drawn and contact data is kept, and not only in the decision.
        must_be_permitted("intake", data.NAME, Bonds(receiving=filing.receiving_unit))
        own = CallersKey(key_owner(), key, wall.now()) if key else None
        code = await codes.draw(filing.receiving_unit, change.time(at), own)
        if body.contact is not None:
            cause = derive_id("hand-in", code)
            await contacts.leave(citizen(ref), body.contact, filing.locale, cause, dossier=code)
        response = await change(code, data, key, at, made=201)
        response.headers["Location"] = f"/dossiers/{code}"
        return response

    @app.get(
        "/dossiers/{code}/receipt",
        tags=["intake"],
        response_model=ReceiptView,
        responses=UNKNOWN,
    )
    async def read_receipt(code: Code) -> Response:
        """Return the citizen's receipt with the look-up key, to a unit that hands it out."""
        state = await present(code)
        assert state.filed is not None
        units = Bonds(receiving=state.filed.receiving_unit, returning=state.filed.returning_unit)
        must_be_permitted("intake", "receipt", units)
        return Json(receipt(code, state, city().catalogue, keys))

    @app.get("/dossiers/{code}", tags=["intake"], response_model=DossierView, responses=UNKNOWN)
    async def read(code: Code) -> Response:
        """Return intake's view of the dossier."""
        return Json(view(code, await present(code), city().catalogue))

    @app.get("/dossiers", tags=["intake"], response_model=Page)
    async def read_list(
        agency: Annotated[
            str | None, Query(pattern=UNIT_CODE, description="Only codes of this agency.")
        ] = None,
        after: Annotated[
            str | None, Query(description="The last code of the page before.", max_length=64)
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Return dossiers in code order, a page at a time; `next` is the next page. A unit sees
        those of its own codes, and names itself in `agency`."""
        must_be_permitted("intake", "list of dossiers", Bonds(named=agency))
        span: dict[str, Any] = {}
        if agency is not None:
            # All codes of an agency begin alike, so a page is a range of the key's index.
            span = {"$gte": f"{agency}-", "$lt": f"{agency}."}
        if after is not None:
            span["$gt"] = after
        query: dict[str, Any] = {"state.filed": {"$ne": None}}
        if span:
            query["_id"] = span
        catalogue = city().catalogue
        page = [
            view(document["_id"], state_of(document, Intake), catalogue)
            async for document in store.collection.find(query).sort("_id", 1).limit(limit + 1)
        ]
        more = len(page) > limit
        page = page[:limit]
        following = None
        if more:
            filter_by = f"agency={agency}&" if agency else ""
            following = f"/dossiers?{filter_by}after={page[-1]['code']}&limit={limit}"
        shown: Page = {"items": page, "next": following}
        return Json(shown)

    @changes.post("/dossiers/{code}/reception", response_model=ChangedDossier)
    async def receive(code: Code, key: IdempotencyKey = None, at: At = None) -> Response:
        """Receive a dossier that was registered online."""
        return await change(code, intake.ReceptionRequested(), key, at)

    @changes.post("/dossiers/{code}/rejection", response_model=ChangedDossier)
    async def reject(
        code: Code,
        body: Typed[intake.RejectionRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Refuse to receive a registered dossier, with the reason."""
        return await change(code, body, key, at)

    @changes.post(
        "/dossiers/{code}/supplement-demand",
        response_model=ChangedDossier,
        openapi_extra=takes(MANY_PAPERS),
    )
    async def demand_supplement(
        code: Code,
        body: Typed[intake.SupplementDemandRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Ask the citizen to complete the dossier: the clock stops."""
        _check_papers("documents", body.documents)
        return await change(code, body, key, at)

    @changes.post(
        "/dossiers/{code}/supplement",
        response_model=ChangedDossier,
        openapi_extra=takes(MANY_PAPERS),
    )
    async def deliver_supplement(
        code: Code,
        body: Typed[intake.SupplementDeliveryRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Hand in what was missing, for the citizen, at any unit: the clock runs again."""
        _check_papers("documents", body.documents)
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/payment-demand", response_model=ChangedDossier)
    async def demand_payment(
        code: Code,
        body: Typed[intake.PaymentDemandRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Ask for a fee or a tax: the clock stops."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/payment", response_model=ChangedDossier)
    async def report_payment(
        code: Code,
        body: Typed[intake.PaymentReportRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Report a payment, whole or in part."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/withdrawal", response_model=ChangedDossier)
    async def withdraw(
        code: Code,
        body: Typed[intake.WithdrawalRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Take the dossier back, for the citizen."""
        return await change(code, body, key, at)

    app.include_router(changes)

    published = unaudited("the catalogue is published")

    @app.get(
        "/procedures",
        tags=["intake"],
        response_model=list[Procedure],
        openapi_extra=published,
    )
    async def read_procedures() -> list[Procedure]:
        """Return the procedure catalogue: standard times, service levels, fees, documents."""
        return list(city().catalogue.procedures.values())

    @app.get(
        "/procedures/{procedure}",
        tags=["intake"],
        response_model=Procedure,
        responses={404: failing("There is no such procedure.")},
        openapi_extra=published,
    )
    async def read_procedure(procedure: str) -> Procedure:
        """Return one procedure of the catalogue."""
        known = city().catalogue.procedures.get(procedure)
        if known is None:
            raise Problem(404, "unknown-procedure", f"there is no procedure {procedure}")
        return known


def _check_papers(field: str, papers: Sequence[str]) -> None:
    if (why := too_many_papers(papers)) is not None:
        raise invalid_field(field, why)


def _check_filing(catalogue: Catalogue, filing: intake.FilingForm, at: datetime) -> None:
    # Checked here to name the field; the decision checks it again, whichever way it came.
    _check_papers("filing.documents", filing.documents)
    if filing.procedure not in catalogue.procedures:
        raise invalid_field("filing.procedure", f"there is no procedure {filing.procedure}")
    for name in ("receiving_unit", "returning_unit"):
        if (fault := unit_fault(catalogue, getattr(filing, name), at)) is not None:
            raise invalid_field(f"filing.{name}", fault)
    if filing.place not in catalogue.places:
        raise invalid_field("filing.place", f"no unit of the city answers for {filing.place}")
    # Checked only here: older events have one of the two, which notify treats as neither.
    chosen = filing.preferences
    if chosen is not None and (chosen.quiet_from is None) != (chosen.quiet_until is None):
        missing = "quiet_from" if chosen.quiet_from is None else "quiet_until"
        raise invalid_field(
            f"filing.preferences.{missing}",
            "give both quiet_from and quiet_until, or neither for the city's quiet hours",
        )
