"""Contact data over HTTP: of a citizen who changes their number, or of an officer."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Response

from contracts.values import Locale
from contracts.wire.envelope import derive_id
from services.intake.contact import Contact
from services.intake.contacts import Contacts
from services.runtime import IdempotencyKey, key_owner

Ref = Annotated[
    str,
    Path(min_length=1, max_length=64, description="A citizen's reference, or a staff number."),
]


def add_contact_routes(app: FastAPI, contacts: Contacts) -> None:
    """Add the routes about contact data. For officers, behind the gateway."""

    @app.put("/contacts/{ref}", tags=["contacts"], status_code=204)
    async def register(
        ref: Ref, body: Contact, locale: Locale = Locale.VI, key: IdempotencyKey = None
    ) -> Response:
        """Set where the person is told things from now on; earlier contact data is replaced."""
        cause = derive_id("contact", ref, key_owner(), key) if key else None
        await contacts.take(ref, body, locale, cause)
        return Response(status_code=204)
