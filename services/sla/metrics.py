"""Sla's own metrics, declared once."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

OPEN = Gauge("motcua_sla_open_dossiers", "Dossiers received and not resolved yet.", ["unit"])
SOON_DUE = Gauge(
    "motcua_sla_soon_due_dossiers",
    "Open dossiers of which most of the time is used, and that are not overdue.",
    ["unit"],
)
OVERDUE = Gauge(
    "motcua_sla_overdue_dossiers", "Open dossiers whose promised date has passed.", ["unit"]
)
LATE_WITHOUT_LETTER = Gauge(
    "motcua_sla_late_without_letter_dossiers",
    "Open dossiers that are overdue, not exempt, and without a letter of apology.",
    ["unit"],
)
LETTERS_IN_TIME = Gauge(
    "motcua_sla_late_letter_in_time_dossiers",
    "Open dossiers that are overdue, and whose letter of apology came in time.",
    ["unit"],
)
LETTERS_LATE = Gauge(
    "motcua_sla_late_letter_late_dossiers",
    "Open dossiers that are overdue, and whose letter of apology came late.",
    ["unit"],
)
LAST_CALLS = Gauge(
    "motcua_sla_last_call_dossiers",
    "Open dossiers, not overdue, for which the last moment for a letter in time has come, and that "
    "have none. Most will be finished in time.",
    ["unit"],
)
LETTERS_OWED = Gauge(
    "motcua_sla_letters_owed_dossiers",
    "Open dossiers for which a letter of apology is owed and not issued: the first date was missed "
    "or, as the lead or the head said, it will be.",
    ["unit"],
)
UNJUDGED = Gauge(
    "motcua_sla_unjudged_dossiers",
    "Open dossiers of which nobody can say whether they are on time, for want of a promise or of "
    "the calendar's years.",
    ["unit"],
)
UNROUTED = Gauge(
    "motcua_sla_unrouted_dossiers",
    "Open dossiers for which no competent unit was found, by the unit that received them and holds "
    "them until they are handed over by hand.",
    ["unit"],
)
RETRACTIONS = Counter(
    "motcua_sla_retractions_total", "Alerts that proved wrong and were taken back.", ["alert"]
)
ENTERED_LATE = Gauge(
    "motcua_sla_entered_late_dossiers",
    "Open dossiers about which something was entered more than a working day after it happened.",
    ["unit"],
)
BREACHES_TAKEN_BACK = Counter(
    "motcua_sla_breaches_taken_back_total",
    "Breaches that were taken back, after the due time, because something was entered late.",
)
