"""The channels that the settings name."""

from __future__ import annotations

import asyncio

from contracts.events.notify import MessageChannel
from services.notify.channels.channel import Channel, Line
from services.notify.channels.gateway import SmsProvider, ZaloProvider
from services.notify.channels.settings import ChannelSettings
from services.notify.channels.smtp import SmtpProvider
from services.notify.channels.webhook import WebhookProvider


def set_up(settings: ChannelSettings, stopping: asyncio.Event) -> dict[str, Channel]:
    """Every channel that has a provider; `stopping` is set when the service ends."""
    limits = settings.limits()
    lines: dict[str, list[Line]] = {
        MessageChannel.EMAIL: [
            Line(SmtpProvider(server), settings.smtp_connections, settings.smtp_rate)
            for server in settings.mail_servers()
        ],
        MessageChannel.SMS: [
            Line(
                SmsProvider(gateway, plain=settings.sms_plain, most_parts=settings.sms_parts),
                gateway.connections,
                gateway.rate,
            )
            for gateway in settings.gateways("sms")
        ],
        MessageChannel.ZALO: [
            Line(
                ZaloProvider(gateway, most_characters=settings.zalo_length),
                gateway.connections,
                gateway.rate,
            )
            for gateway in settings.gateways("zalo")
        ],
    }
    webhooks = settings.webhooks()
    calls = Line(WebhookProvider(webhooks), webhooks.connections, settings.webhook_rate)
    return {
        **{
            name: Channel(name, providers, stopping, limits=limits)
            for name, providers in lines.items()
            if providers
        },
        MessageChannel.WEBHOOK: Channel(
            "webhook", [calls], stopping, judged=False, each=max(1, webhooks.connections // 8)
        ),
    }
