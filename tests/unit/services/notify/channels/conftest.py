"""Mail servers for the tests of channels."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.notify.channels.smtp import MailServer, Tls
from tests.support.mail_servers import Asked, Mailbox, Serve


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def serve(mailbox: Mailbox) -> AsyncIterator[Serve]:
    """Starts a mail server and says how it is reached."""
    servers: list[asyncio.Server] = []
    loop = asyncio.get_running_loop()

    Asked.commands.clear()

    async def start(
        tls: Tls = Tls.NONE, context: ssl.SSLContext | None = None, **options: Any
    ) -> MailServer:
        server = await loop.create_server(
            lambda: Asked(
                mailbox,
                hostname="mail.test",
                loop=loop,
                tls_context=context if tls is Tls.STARTTLS else None,
                **options,
            ),
            "127.0.0.1",
            0,
            ssl=context if tls is Tls.IMPLICIT else None,
        )
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        return MailServer("smtp", "127.0.0.1", port, "mot-cua@example.test", tls, timeout=5.0)

    yield start
    for server in servers:
        server.close()
