"""Contact data over HTTP: of a citizen who changes their number, of an officer."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Response

from contracts.envelope import derive_id, fingerprint
from contracts.values import Locale
from services.intake.contact import Contact, contact_event
from services.runtime.ask import Ask
from services.runtime.changes import IdempotencyKey
from services.runtime.citizen_keys import CitizenKeys
from services.runtime.service import Running

Ref = Annotated[
    str,
    Path(min_length=1, max_length=64, description="A citizen's reference, or a staff number."),
]


def add_contact_routes(app: FastAPI, running: Running, ask: Ask, keys: CitizenKeys) -> None:
    """Adds the routes about contact data. For officers, behind the gateway."""

    @app.put("/contacts/{ref}", tags=["contacts"], status_code=204)
    async def register(
        ref: Ref, body: Contact, locale: Locale = Locale.VI, key: IdempotencyKey = None
    ) -> Response:
        """Where the person is told things from now on; what was there before is replaced."""
        time = running.clock.now()
        sealed = await keys.seal(ref, body.plain(), time)
        cause = derive_id("contact", ref, key or fingerprint([time.isoformat(), sealed.text]))
        await ask.publish(contact_event(ref, sealed, locale, time, cause))
        return Response(status_code=204)
