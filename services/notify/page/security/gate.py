"""Opens a dossier only to a person with its code and its look-up key."""

from __future__ import annotations

from dataclasses import dataclass

from services.notify import metrics
from services.notify.dossier.state import Notify
from services.notify.page.security.guesses import Guesses, TooMany
from services.notify.page.security.typed_codes import is_code, typed_code, typed_key
from services.runtime import Audit, AuditEntry, AuditKind, Store, state_of
from services.shared.lookup_key import LookupKeys


class NotOpened(Exception):
    """Code and key do not belong together; an unknown dossier looks the same."""


class NotYetHere(Exception):
    """The key is right, but the dossier has not arrived here yet."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A dossier that was opened with its key."""

    code: str
    key: str
    version: int
    """Grows each time that the state is written."""
    state: Notify


class Gate:
    """Every way to a dossier on the page goes through here."""

    def __init__(
        self, store: Store[Notify], guesses: Guesses, keys: LookupKeys, audit: Audit
    ) -> None:
        self._store = store
        self._guesses = guesses
        self._keys = keys
        self._audit = audit

    async def open(self, code: str, key: str, address: str) -> Opened:
        """Return the dossier. Code and key may be written as people write them.

        Raise TooMany, NotOpened or NotYetHere. The key is computed and compared for any code, and
        the database is read only if it fits. So neither the answer nor its duration tells whether
        there is a dossier with that code.
        """
        try:
            opened = await self._open(code, key, address)
        except (TooMany, NotOpened, NotYetHere) as error:
            outcome, kind = _OUTCOMES[type(error)]
            metrics.LOOKUPS.labels(outcome).inc()
            self._audit.tell(_entry(kind, code, address, outcome))
            raise
        # Not waited for: a citizen is shown their own dossier while the log is away, too.
        self._audit.tell(_entry(AuditKind.KEY_USED, code, address))
        metrics.LOOKUPS.labels("opened").inc()
        return opened

    async def _open(self, code: str, key: str, address: str) -> Opened:
        code, key = typed_code(code), typed_key(key)

        generation = self._keys.generation(code, key)

        def right() -> bool:
            return generation is not None and is_code(code)

        if not await self._guesses.right(code, address, right):
            raise NotOpened
        metrics.LOOKUP_GENERATIONS.labels(str(generation)).inc()
        document = await self._store.get(code)
        state = state_of(document, Notify) if document else None
        if document is None or state is None or state.citizen is None or state.status is None:
            raise NotYetHere
        return Opened(code, key, document["v"], state)


def _entry(kind: AuditKind, code: str, address: str, reason: str = "") -> AuditEntry:
    dossier = typed_code(code)
    return AuditEntry(
        kind,
        address=address,
        request="status page",
        # What is typed into the field may be anything, a person's number too.
        dossier=dossier if is_code(dossier) else "",
        reason=reason,
    )


_OUTCOMES: dict[type[Exception], tuple[str, AuditKind]] = {
    TooMany: ("too-many", AuditKind.GUESSING),
    NotOpened: ("wrong", AuditKind.KEY_REFUSED),
    NotYetHere: ("not-yet-here", AuditKind.KEY_USED),
}
