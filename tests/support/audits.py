"""Chains of the audit for tests, and what becomes of them when somebody tampers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from contracts.wire.actor import Actor, AuthType
from services.runtime.audit.anchors import Anchors
from services.runtime.audit.chain_keys import NO_KEY, AuditSecrets, ChainKey
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry, Chain
from services.runtime.audit.verification import Broken, Verification

NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
SECRETS = AuditSecrets({1: bytes(range(32))})
NONE = AuditSecrets({})
OFFICER = Actor(AuthType.APP_USER, "cb-0017", '{"roles":["head"],"unit":"H29.15"}')


def entry(number: int = 0) -> AuditEntry:
    return AuditEntry(
        AuditKind.READ,
        actor=OFFICER,
        address="192.0.2.7",
        request="GET /dossiers/{code}",
        dossier=f"H29.15-260302-{number:04}",
        status=200,
    )


def a_chain(
    links: int = 5,
    *,
    service: str = "sla",
    key: ChainKey = NO_KEY,
    ended: bool = False,
    chain: str | None = None,
) -> list[bytes]:
    """A process's links, from its first on."""
    made = Chain(service, key, chain)
    entries = [AuditEntry(AuditKind.OPENED), *map(entry, range(1, links))]
    if ended:
        entries[-1] = AuditEntry(AuditKind.CLOSED)
    return [made.next(each, NOON + timedelta(seconds=n)) for n, each in enumerate(entries)]


def verification_of(
    links: Sequence[bytes],
    secrets: AuditSecrets = NONE,
    anchors: Anchors | None = None,
    *,
    begins: int = 0,
) -> Verification:
    """What a verification finds in links that stand on a topic in this order."""
    made = Verification(secrets, anchors, begins=begins)
    for offset, link in enumerate(links, start=begins):
        made.take(link, f"offset {offset}", offset=offset)
    made.end()
    return made


def broken_in(
    links: Sequence[bytes],
    secrets: AuditSecrets = NONE,
    anchors: Anchors | None = None,
    *,
    begins: int = 0,
) -> list[Broken]:
    return verification_of(links, secrets, anchors, begins=begins).broken
