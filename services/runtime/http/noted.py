"""What is to be told in the audit of the request that is being answered."""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import Scope

from contracts.values import DOSSIER_CODE
from contracts.wire.actor import NOBODY, Actor
from contracts.wire.envelope import Event
from services.runtime.audit.audit import Audit
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry

_CODE = re.compile(DOSSIER_CODE)
_OBJECTS = ("request", "period", "procedure", "sender")
"""The parts of an address that name what is asked for, and nobody. A citizen's reference is left
out: it may be an identity number."""
_SEEING = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class Noted:
    """One request, and what became known of it on the way."""

    audit: Audit
    scope: Scope
    address: str
    kind: AuditKind | None = None
    dossier: str = ""
    event: str = ""
    reason: str = ""
    actor: Actor | None = None
    asked: bool = False
    """Whether a change was asked for, or may have been."""

    async def ask(self, event: Event) -> None:
        """Tell that a change is asked for, before it is. Raise NotAudited if that fails."""
        self.event = event.id
        if _CODE.fullmatch(event.subject):
            self.dossier = event.subject
        await self.audit.write(self._entry(AuditKind.ASKED, event.actor))
        self.asked = True

    async def answered(self, status: int, actor: Actor) -> None:
        """Tell what is answered, before it is. Raise NotAudited if that fails.

        A refusal at the door gives nothing away: it is not waited for.
        """
        kind = self.kind or (
            AuditKind.READ if self.scope["method"] in _SEEING else AuditKind.ANSWERED
        )
        entry = self._entry(kind, self.actor or actor, status)
        if kind.is_security:
            self.audit.tell(entry)
        else:
            await self.audit.write(entry)

    def _entry(self, kind: AuditKind, actor: Actor | None, status: int = 0) -> AuditEntry:
        told = self.scope.get("path_params", {})
        code = str(told.get("code", ""))
        named = next((str(told[name]) for name in _OBJECTS if name in told), "")
        return AuditEntry(
            kind,
            actor=actor or NOBODY,
            address=self.address,
            request=f"{self.scope['method']} {self.scope['route'].path}",
            dossier=self.dossier or (code if _CODE.fullmatch(code) else ""),
            object=self.event or named[:_LONGEST],
            status=status,
            reason=self.reason,
        )


_LONGEST = 80
_NOTED: ContextVar[Noted | None] = ContextVar("noted", default=None)


def note(*, kind: AuditKind | None = None, reason: str = "", actor: Actor | None = None) -> None:
    """Have the audit tell this of the request that is being answered; of no request, do nothing.

    `kind`: what it is to those who watch over security; `reason`: why it is refused;
    `actor`: who asks, as far as the route itself found out.
    """
    if (found := _NOTED.get()) is not None:
        found.kind = kind or found.kind
        found.reason = reason or found.reason
        found.actor = actor or found.actor


async def ask_audited(event: Event) -> None:
    """Tell that a change is asked for, before it is; outside of requests, do nothing.

    Raise NotAudited if that fails: then it must not be asked for.
    """
    if (found := _NOTED.get()) is not None:
        await found.ask(event)


begin_noting, end_noting = _NOTED.set, _NOTED.reset
