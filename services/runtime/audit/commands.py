"""The chain of a command, in the name of whoever runs it."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from contracts.wire.actor import Actor, AuthType
from services.runtime.audit.audit import Audit, NotAudited, audited
from services.runtime.audit.chain_keys import COMMAND, AuditSecrets, chain_key
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import wall_clock
from services.runtime.refusal import CannotStart
from services.runtime.settings import Settings


@asynccontextmanager
async def commands_audit(
    settings: Settings, secrets: AuditSecrets | None = None
) -> AsyncIterator[Audit]:
    """Open a chain of this command. Raise what aiokafka raises if the log is away.

    Whoever has the secrets needs no `MOTCUA_AUDIT_KEY`.
    """
    told = settings.audit_key
    key = chain_key(told.get_secret_value() if told else None)
    audit = Audit(
        COMMAND,
        EventProducer(settings.kafka),
        wall_clock(settings),
        key=secrets.current(COMMAND) if secrets else key,
        patience=settings.answer_timeout,
    )
    async with audited(audit):
        yield audit


async def tell_audit(settings: Settings, kind: AuditKind, command: str, about: str = "") -> None:
    """Have the audit tell what a command is about to do. Raise CannotStart if it cannot."""
    entry = AuditEntry(kind, actor=who_commands(), request=command, object=about)
    try:
        async with commands_audit(settings) as audit:
            await audit.write(entry)
    except (KafkaError, NotAudited) as error:
        raise CannotStart(
            f"the audit cannot be told of `{command}`, so it is not done: {error!r}; see that "
            f"{settings.kafka} is reached (MOTCUA_KAFKA), and run it again"
        ) from error


def who_commands() -> Actor:
    """Return whose command this is: the machine's user."""
    try:
        return Actor(AuthType.USER, getpass.getuser())
    except (KeyError, OSError):
        return Actor(AuthType.USER, str(os.getuid()))
