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
    "Seconds that a provider took to accept or refuse a message, or to say nothing.",
    ["channel", "provider"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
CALLS = Counter(
    "motcua_provider_calls_total",
    "Attempts to hand a message to a provider, by what became of them: accepted, rejected (for "
    "good), not-taken (now), deferred (it works, and cannot reach this one recipient now), unknown "
    "(no answer, so the same provider is asked again), no-address (so it was not asked) or defect "
    "(ours).",
    ["provider", "outcome"],
)
FAILING = Gauge(
    "motcua_provider_failing",
    "1 while a provider is left alone because it fails, 0 otherwise.",
    ["provider"],
)
PENDING = Gauge(
    "motcua_messages_pending",
    "Dossiers with messages that are due and not sent yet, in this instance's partitions.",
)
OLDEST = Gauge(
    "motcua_messages_oldest_seconds",
    "Seconds for which the message has been due that has waited longest, by channel, in this "
    "instance's partitions; but for those to recipients who cannot be reached.",
    ["channel"],
)
RETRIED = Counter(
    "motcua_message_retries_total",
    "Times that a message could not be sent yet, by whose affair it is: the recipient's (a full "
    "mailbox, a webhook's receiver that is down) or other.",
    ["channel", "whose"],
)
UNREACHED = Gauge(
    "motcua_recipients_unreached",
    "Recipients who could not be reached when it was last tried, though messages for them wait, by "
    "channel, as far as this instance knows.",
    ["channel"],
)
PARTS = Counter(
    "motcua_sms_parts_total", "Segments of SMS that were accepted: what is paid for.", ["provider"]
)
RECEIPTS = Counter(
    "motcua_receipts_total",
    "Receipts that came back, by provider and status: delivered, failed, no-end (a mail is late, "
    "or went on) or refused (no good signature, or not understood).",
    ["provider", "status"],
)
LOOKUPS = Counter(
    "motcua_lookups_total",
    "Attempts to open a dossier on the status page, by outcome: opened, wrong (code or key), "
    "too-many (guessed too often) or not-yet-here.",
    ["outcome"],
)
LOOKUP_GENERATIONS = Counter(
    "motcua_lookup_generations_total",
    "Right look-up keys on the status page, by the generation of the secret that made them.",
    ["generation"],
)
LIVE_PAGES = Gauge("motcua_live_pages", "Open status pages that this instance keeps up to date.")
