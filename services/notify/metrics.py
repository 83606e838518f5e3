"""Notify's own metrics, declared once."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter(
    "motcua_messages_total",
    "Messages that came to an end, by channel and outcome: sent, or why not.",
    ["channel", "outcome"],
)
SEND = Histogram(
    "motcua_message_send_seconds",
    "Seconds that a provider took to accept or refuse a message.",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
PENDING = Gauge(
    "motcua_messages_pending", "Dossiers with messages to be sent that this instance found."
)
RETRIED = Counter(
    "motcua_message_retries_total", "Times that a message could not be sent yet.", ["channel"]
)
