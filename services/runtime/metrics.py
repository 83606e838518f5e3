"""Every metric of the engine, declared once, with the help that an operator reads."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DELAYS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)

EVENTS = Counter(
    "motcua_events_total",
    "Records read, by event type and by what became of them: applied, duplicate, skipped, "
    "dead, held or refused.",
    ["service", "type", "outcome"],
)
PUBLISHED = Counter(
    "motcua_events_published_total", "Events written to Kafka, by type.", ["service", "type"]
)
BATCH = Histogram("motcua_batch_records", "Records handled together.", ["service"], buckets=_SIZES)
PHASE = Histogram(
    "motcua_phase_seconds",
    "Seconds that one batch spent in a phase of the engine: load, decide, publish, persist, "
    "commit.",
    ["service", "phase"],
    buckets=_SECONDS,
)
DELAY = Histogram(
    "motcua_event_delay_seconds",
    "Seconds from a record's arrival in Kafka until its effects were persisted: of the record "
    "that waited longest in each batch and partition.",
    ["service"],
    buckets=_DELAYS,
)
LAG = Gauge(
    "motcua_lag_records",
    "Records of a partition that this instance has not handled yet.",
    ["service", "topic", "partition"],
)
LAG_SECONDS = Gauge(
    "motcua_lag_seconds",
    "Age in seconds of the newest handled record of a partition while others wait; 0 when none "
    "does.",
    ["service", "topic", "partition"],
)
RETRIES = Counter(
    "motcua_batch_retries_total",
    "Batches tried again, by reason: transient (broker or database away) or fenced (another "
    "instance wrote).",
    ["service", "reason"],
)
DEAD_LETTERS = Counter(
    "motcua_dead_letters_total",
    "Records put among the dead letters, by fault.",
    ["service", "fault"],
)
REDRIVEN = Counter(
    "motcua_dead_letters_redriven_total",
    "Dead letters handled at last (redriven) or given up by command (purged).",
    ["service", "outcome"],
)
TIMERS = Counter("motcua_timers_fired_total", "Timers fired.", ["service"])
TIMER_LATENESS = Histogram(
    "motcua_timer_lateness_seconds",
    "Seconds between a timer's time and its firing, by the service's clock.",
    ["service"],
    # From a quiet day's (below the poll's second) to those of a long weekend's outage.
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 300, 900, 3600, 14400, 86400, 259200),
)
RULES_NUMBER = Gauge(
    "motcua_rules_number",
    "The number of the newest set of rules that was enacted in a partition that this instance "
    "looks after; 0 for the product's sample.",
    ["service", "topic", "partition"],
)
CONTENTS_DIFFER = Counter(
    "motcua_contents_differ_total",
    "Events that came back under a known id with another content. None ever should.",
    ["service", "type"],
)
FORGED = Counter(
    "motcua_forged_records_total",
    "Records that nobody has written who may, by why: no-mac, wrong-mac, wrong-signer, "
    "unknown-key, ended-key; or undecided, a fact that its owner did not decide.",
    ["service", "reason"],
)
PARTITIONS = Gauge(
    "motcua_partitions_owned", "Partitions that this instance looks after.", ["service", "topic"]
)
REBALANCES = Counter(
    "motcua_rebalances_total", "Times that partitions were assigned anew.", ["service"]
)
CACHED = Gauge("motcua_cached_states", "States held in memory.", ["service"])
REQUESTS = Histogram(
    "motcua_http_request_seconds",
    "Seconds from an HTTP request to its response, by route and status; of a page that stays open, "
    "until its events begin.",
    ["service", "method", "route", "status"],
    buckets=_SECONDS,
)
CLOCK = Gauge(
    "motcua_clock_seconds",
    "The service's time as Unix seconds; under the stream clock, that of the newest tick.",
    ["service"],
)
CLOCK_JUMPS = Counter(
    "motcua_clock_jumps_total",
    "Times that the machine's clock was set, by direction: forward (further than is believed at "
    "once) or backward.",
    ["direction"],
)
AUDIT_LINKS = Counter(
    "motcua_audit_links_total",
    "Links of the audit that are on the log, by kind.",
    ["service", "kind"],
)
SECURITY_EVENTS = Counter(
    "motcua_security_events_total",
    "What those who watch over security are told, by kind, each repetition counted.",
    ["service", "kind"],
)
AUDIT_REFUSED = Counter(
    "motcua_audit_refused_total",
    "Requests that were not answered because the audit could not be written.",
    ["service"],
)
AUDIT_LOST = Counter(
    "motcua_audit_lost_total",
    "Entries of the audit that nobody waited for and that were only counted, because too much came "
    "at once.",
    ["service"],
)
