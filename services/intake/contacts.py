"""Takes contact data in: sealed under the person's own key, told only to notify."""

from __future__ import annotations

import structlog

from contracts.values import Locale
from contracts.wire.envelope import derive_id, fingerprint
from services.intake.contact import Contact, contact_event
from services.runtime import Clock, Problem, Requests, current_actor
from services.shared.citizen_keys import CitizenKeys, KeyWithdrawn, Sealed
from services.shared.sealing import Unreadable

log = structlog.get_logger("motcua.intake")


class Contacts:
    """Passes contact data on from intake."""

    def __init__(self, requests: Requests, clock: Clock, keys: CitizenKeys) -> None:
        self._requests = requests
        self._clock = clock
        self._keys = keys
        self._complained = False

    async def take(
        self, who: str, contact: Contact, locale: Locale, cause: str | None = None
    ) -> None:
        """Have the person told things there from now on; earlier contact data is replaced.

        It counts from when it is written, even with a dossier that was handed in earlier: an
        erasure in between only concerned older data. The same `cause` makes the same event. Raise
        Problem 503 if it cannot be sealed, or the log is away.
        """
        sealed = await self._seal(who, contact)
        # After sealing: if the key was deleted before, that deletion has an earlier time.
        now = self._clock.now()
        cause = cause or derive_id("contact", who, fingerprint([now.isoformat(), sealed.text]))
        event = contact_event(who, sealed, locale, now, cause, current_actor())
        await self._requests.publish(event)

    async def _seal(self, who: str, contact: Contact) -> Sealed:
        try:
            return await self._keys.seal(who, contact.plain(), self._clock.now())
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
