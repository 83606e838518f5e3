"""The channels that the settings name."""

from __future__ import annotations

import asyncio

from contracts.events.notify import MessageChannel
from services.notify.channels.gateway import SmsProvider, ZaloProvider
from services.notify.channels.providers import PacedProvider, Providers
from services.notify.channels.settings import ChannelSettings
from services.notify.channels.smtp import SmtpProvider
from services.notify.channels.webhook import WebhookProvider


def set_up(settings: ChannelSettings, stopping: asyncio.Event) -> dict[str, Providers]:
    """Return every channel that has a provider; `stopping` is set when the service stops."""
    limits = settings.limits()
    lines: dict[str, list[PacedProvider]] = {
        MessageChannel.EMAIL: [
            PacedProvider(SmtpProvider(server), settings.smtp_connections, settings.smtp_rate)
            for server in settings.mail_servers()
        ],
        MessageChannel.SMS: [
            PacedProvider(
                SmsProvider(gateway, plain=settings.sms_plain, most_parts=settings.sms_parts),
                gateway.connections,
                gateway.rate,
            )
            for gateway in settings.gateways("sms")
        ],
        MessageChannel.ZALO: [
            PacedProvider(
                ZaloProvider(gateway, most_characters=settings.zalo_length),
                gateway.connections,
                gateway.rate,
            )
            for gateway in settings.gateways("zalo")
        ],
    }
    webhooks = settings.webhooks()
    calls = PacedProvider(WebhookProvider(webhooks), webhooks.connections, settings.webhook_rate)
    return {
        **{
            name: Providers(name, providers, stopping, limits=limits)
            for name, providers in lines.items()
            if providers
        },
        MessageChannel.WEBHOOK: Providers(
            "webhook", [calls], stopping, judged=False, each=max(1, webhooks.connections // 8)
        ),
    }
