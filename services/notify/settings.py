"""What notify is told beyond what every service is."""

from __future__ import annotations

from pydantic import Field

from contracts.notify import MessageChannel
from services.runtime.sealing import ContactSettings


class NotifySettings(ContactSettings):
    """How citizens are told things."""

    channel: MessageChannel = MessageChannel.LEDGER
    """``email`` sends; ``ledger`` only writes down, which is what a replay does."""
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_sender: str = "mot-cua@example.test"
    smtp_connections: int = Field(default=4, ge=1, le=64)
    smtp_timeout: float = Field(default=20.0, gt=0)
    """Seconds for one message, from greeting to the server's answer."""
