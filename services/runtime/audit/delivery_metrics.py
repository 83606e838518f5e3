"""The metrics of whoever delivers security events, who also sees what is anchored and broken."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

DELIVERED = Counter(
    "motcua_audit_delivered_total", "Security events that were delivered to those who watch."
)
FAILED = Counter(
    "motcua_audit_delivery_failures_total", "Tries to deliver security events that failed."
)
WAITING_SINCE = Gauge(
    "motcua_audit_waiting_since_seconds",
    "When the oldest security event was written that is not delivered yet, as Unix seconds; 0 if "
    "none waits.",
)
ANCHORED = Gauge(
    "motcua_audit_anchored_seconds",
    "When the newest anchor was made of those read since the start, as Unix seconds; 0 if none.",
)
BROKEN = Counter(
    "motcua_audit_broken_total", "Links that a verification found broken, by what it told."
)
UNREADABLE = Counter("motcua_audit_unreadable_total", "Records of the audit that are no link.")
