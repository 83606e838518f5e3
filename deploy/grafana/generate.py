"""Generates Grafana's dashboard from what this file says of it.

python -m deploy.grafana.generate           writes dashboards/motcua.json
python -m deploy.grafana.generate --check   says whether the file is in step, by exit code
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.grafana.panels import Node, heatmap, row, series, stat

FILE = Path(__file__).parent / "dashboards" / "motcua.json"

_PUBLISHED = "motcua_events_published_total"
_ME = 'service=~"$service"'


def _type(pattern: str) -> str:
    return f'type=~"vn.motcua.{pattern}.v.+"'


def _quantile(share: float, metric: str, by: str, more: str = "") -> str:
    return (
        f"histogram_quantile({share}, sum by ({by}, le) "
        f"(rate({metric}_bucket{{{more}}}[$__rate_interval])))"
    )


def _city() -> list[Node]:
    return [
        row("City"),
        stat(
            "Dossiers in, last 24 h",
            f"sum(increase({_PUBLISHED}{{{_type('Dossier(Received|Registered)')}}}[1d]))",
            "Dossiers that were received or registered online. About 90,000 on a working day. "
            "One that was registered and then received counts twice.",
        ),
        stat(
            "Soon due, last 24 h",
            f"sum(increase({_PUBLISHED}{{{_type('DossierSoonDue')}}}[1d]))",
            "Warnings: most of the dossier's time is used up.",
        ),
        stat(
            "Overdue, last 24 h",
            f"sum(increase({_PUBLISHED}{{{_type('DossierOverdue')}}}[1d]))",
            "Breaches: each is owed a letter of apology. About 150 on a usual working day.",
            red_above=500,
        ),
        stat(
            "Alerts retracted, last 24 h",
            f"sum(increase({_PUBLISHED}{{{_type('AlertRetracted')}}}[1d]))",
            "Warnings and breaches that a late fact proved wrong.",
        ),
        stat(
            "Behind the log",
            "max(motcua:lag_seconds:max)",
            "The worst age of the newest handled record of a partition in which others wait.",
            unit="s",
            red_above=300,
        ),
        stat(
            "Open dead letters",
            "sum(motcua:dead_letters:open7d) or vector(0)",
            "Of the last seven days, as the instances counted them; their dossiers stand still. "
            "`motcua dead-letters list` is exact.",
            red_above=1,
        ),
        series(
            "Dossiers in",
            {
                "received": f"sum(rate({_PUBLISHED}{{{_type('DossierReceived')}}}[5m]))",
                "registered online": f"sum(rate({_PUBLISHED}{{{_type('DossierRegistered')}}}[5m]))",
                "not received": f"sum(rate({_PUBLISHED}{{{_type('DossierNotReceived')}}}[5m]))",
                "withdrawn": f"sum(rate({_PUBLISHED}{{{_type('DossierWithdrawn')}}}[5m]))",
            },
            "Three a second over the working day, bursts of twenty times that.",
            unit="/s",
        ),
        series(
            "Dossiers out",
            {
                "processed": f"sum(rate({_PUBLISHED}{{{_type('DossierProcessed')}}}[5m]))",
                "result returned": f"sum(rate({_PUBLISHED}{{{_type('ResultReturned')}}}[5m]))",
            },
            "What was decided, and what the citizen has been given.",
            unit="/s",
        ),
        series(
            "Warnings and breaches per hour",
            {
                "soon due": f"sum(increase({_PUBLISHED}{{{_type('DossierSoonDue')}}}[1h]))",
                "overdue": f"sum(increase({_PUBLISHED}{{{_type('DossierOverdue')}}}[1h]))",
                "retracted": f"sum(increase({_PUBLISHED}{{{_type('AlertRetracted')}}}[1h]))",
            },
            "Within the hour before each point in time.",
        ),
        series(
            "Events by type",
            {"{{type}}": f"sum by (type) (rate({_PUBLISHED}{{{_ME}}}[$__rate_interval]))"},
            "Facts and refusals that the services published.",
            unit="/s",
            stacked=True,
        ),
        series(
            "Refusals by type",
            {"{{type}}": f"sum by (type) (rate({_PUBLISHED}{{{_type('.*Refused')}}}[5m]))"},
            "Requests that the dossier's state did not allow.",
            unit="/s",
        ),
    ]


def _messages() -> list[Node]:
    return [
        row("Messages"),
        series(
            "Messages by outcome",
            {
                "planned": f"sum(rate({_PUBLISHED}{{{_type('MessagePlanned')}}}[5m]))",
                "{{channel}} {{outcome}}": "sum by (channel, outcome) "
                "(rate(motcua_messages_total[$__rate_interval]))",
                "{{channel}} put off": "sum by (channel) "
                "(rate(motcua_message_retries_total[$__rate_interval]))",
            },
            "Messages that were planned, that came to an end, and attempts that were put off. "
            "Those that are only written down (the ledger) are planned and no more.",
            unit="/s",
        ),
        series(
            "Messages by provider",
            {
                "{{provider}}": "sum by (provider) (rate("
                'motcua_provider_calls_total{outcome="accepted"}[$__rate_interval]))'
            },
            "What each provider accepted. A second one takes over while the first fails, or is "
            "slow and the second is not.",
            unit="/s",
            stacked=True,
        ),
        series(
            "Messages pending",
            {"{{instance}}": "motcua_messages_pending"},
            "Dossiers with messages that are due and not sent yet.",
        ),
        series(
            "Oldest message",
            {"{{channel}}": "max by (channel) (motcua_messages_oldest_seconds)"},
            "For how long the message has been due that has waited longest, but for those to "
            "recipients who cannot be reached.",
            unit="s",
        ),
        series(
            "Provider's answer time",
            {
                "{{provider}} half": _quantile(0.5, "motcua_message_send_seconds", "provider"),
                "{{provider}} 99 %": _quantile(0.99, "motcua_message_send_seconds", "provider"),
            },
            "Seconds until the provider accepted or refused a message.",
            unit="s",
        ),
        series(
            "Providers' answers",
            {
                "{{provider}} {{outcome}}": "sum by (provider, outcome) "
                "(rate(motcua_provider_calls_total[$__rate_interval]))",
            },
            "Attempts by what became of them. Unknown: no answer, so that the same provider is "
            "asked again.",
            unit="/s",
        ),
        series(
            "Recipients who cannot be reached",
            {"{{channel}}": "sum by (channel) (motcua_recipients_unreached)"},
            "Their mailbox is full, their domain unknown, their webhooks' receiver down. They are "
            "tried again, within half an hour at the latest, and nobody else waits for them.",
        ),
        series(
            "Providers left alone",
            {"{{provider}}": "max by (provider) (motcua_provider_failing)"},
            "1 while a provider is left alone because it fails: its messages go to the second, "
            "or wait.",
        ),
        series(
            "Receipts",
            {
                "{{provider}} {{status}}": "sum by (provider, status) "
                "(rate(motcua_receipts_total[$__rate_interval]))",
            },
            "What gateways say became of the messages that they had accepted.",
            unit="/s",
        ),
        series(
            "SMS segments",
            {
                "{{provider}}": "sum by (provider) "
                "(rate(motcua_sms_parts_total[$__rate_interval]))",
            },
            "Segments that were accepted: what is paid for. Without diacritics there are fewer.",
            unit="/s",
        ),
    ]


def _status_page() -> list[Node]:
    return [
        row("Status page"),
        series(
            "Look-ups",
            {
                "{{outcome}}": "sum by (outcome) (rate(motcua_lookups_total[$__rate_interval]))",
            },
            "Attempts to open a dossier. Wrong: code and key do not belong together. Too-many: "
            "guessed too often, by code or by address. Not-yet-here: the key is right.",
            unit="/s",
            stacked=True,
        ),
        series(
            "Open status pages",
            {"{{instance}}": "motcua_live_pages"},
            "Pages that each instance keeps up to date while they are open.",
        ),
        series(
            "Not kept up to date",
            {
                "refused": "sum(rate(motcua_http_request_seconds_count"
                '{route="/status/{code}/events",status="503"}[$__rate_interval]))'
            },
            "Open pages that were one too many. They can be read all the same.",
            unit="/s",
        ),
    ]


def _deadlines() -> list[Node]:
    def per_unit(metric: str) -> dict[str, str]:
        return {"{{unit}}": f"topk(10, sum by (unit) ({metric}))"}

    return [
        row("Deadlines"),
        stat(
            "Open",
            "sum(motcua_sla_open_dossiers)",
            "Dossiers that were received and are not resolved, those that wait for their citizen "
            "included.",
            w=3,
        ),
        stat(
            "Soon due",
            "sum(motcua_sla_soon_due_dossiers)",
            "Open, most of the time used, and not overdue.",
            w=3,
        ),
        stat(
            "Overdue",
            "sum(motcua_sla_overdue_dossiers)",
            "Open, and the promised date is past.",
            w=3,
        ),
        stat(
            "Unjudged",
            "sum(motcua_sla_unjudged_dossiers)",
            "Open, and nobody can say whether in time: it is not known what was promised, or the "
            "calendars lack the years. They are in no on-time rate.",
            red_above=1,
            w=3,
        ),
        stat(
            "Letters owed",
            "sum(motcua_sla_letters_owed_dossiers)",
            "Open, and a letter of apology is owed that has not come: the date was missed, or who "
            "leads the dossier said that it will be.",
            w=3,
        ),
        stat(
            "Late without a letter",
            "sum(motcua_sla_late_without_letter_dossiers)",
            "Open, overdue, not exempt, and the citizen has no letter of apology.",
            w=3,
        ),
        stat(
            "Two contents",
            "sum(motcua_contents_differ_total)",
            "Events that came back under a known id with another content. None ever should: what "
            "is decided again after a crash is the same.",
            red_above=1,
            w=3,
        ),
        stat(
            "No competent unit",
            "sum(motcua_sla_unrouted_dossiers)",
            "Open, and no rule names a unit for them. The units that received them hold them until "
            "they are handed over by hand.",
            red_above=1,
            w=3,
        ),
        stat(
            "Breaches taken back late",
            "sum(increase(motcua_sla_breaches_taken_back_total[30d]))",
            "In thirty days: overdue when they were due, and in time by what was entered "
            "afterwards. The rates by time of entry count them as late.",
            w=3,
        ),
        series(
            "Entered late, ten units with the most",
            per_unit("motcua_sla_entered_late_dossiers"),
            "Open dossiers about which something was entered more than a working day after it "
            "happened.",
        ),
        series(
            "Overdue, ten units with the most",
            per_unit("motcua_sla_overdue_dossiers"),
            "Open dossiers whose promised date is past.",
        ),
        series(
            "Letters of overdue dossiers",
            {
                "in time": "sum(motcua_sla_late_letter_in_time_dossiers)",
                "late": "sum(motcua_sla_late_letter_late_dossiers)",
                "missing": "sum(motcua_sla_late_without_letter_dossiers)",
                "last calls, not overdue": "sum(motcua_sla_last_call_dossiers)",
            },
            "Open dossiers. A last call is no debt: most of them are finished in time.",
        ),
        series(
            "Letters owed, ten units with the most",
            per_unit("motcua_sla_letters_owed_dossiers"),
            "Each is the head of the unit's to sign.",
        ),
        series(
            "Soon due, ten units with the most",
            per_unit("motcua_sla_soon_due_dossiers"),
            "What will be overdue next if nothing is done.",
        ),
        series(
            "Retractions per hour, by alert",
            {"{{alert}}": "sum by (alert) (increase(motcua_sla_retractions_total[1h]))"},
            "Alerts that a late fact, or a change of rules or calendar, showed to be wrong.",
        ),
        series(
            "Enacted rules, by service",
            {
                "{{service}}, least": "min by (service) (motcua_rules_number)",
                "{{service}}, most": "max by (service) (motcua_rules_number)",
            },
            "The number of the newest set of rules that the partitions know: the one that knows "
            "least, and the one that knows most.",
        ),
        series(
            "Judged anew",
            {"dossiers": f"sum(rate({_PUBLISHED}{{{_type('RulesApplied')}}}[$__rate_interval]))"},
            "Open dossiers whose times were computed again because other rules came into force.",
            unit="/s",
        ),
    ]


def _engine() -> list[Node]:
    return [
        row("Engine: $service", repeat="service"),
        series(
            "Records handled",
            {
                "handled": f"sum(rate(motcua_batch_records_sum{{{_ME}}}[$__rate_interval]))",
                "published": f"sum(rate({_PUBLISHED}{{{_ME}}}[$__rate_interval]))",
            },
            "Records taken up in batches, and events that came of them.",
            unit="/s",
        ),
        series(
            "Records by outcome",
            {
                "{{outcome}}": "sum by (outcome) "
                f"(rate(motcua_events_total{{{_ME}}}[$__rate_interval]))"
            },
            "Applied, duplicate (known already), skipped (not used here), dead, or held behind a "
            "dead one.",
            unit="/s",
            stacked=True,
        ),
        series(
            "Batch size",
            {
                "half": _quantile(0.5, "motcua_batch_records", "service", _ME),
                "99 %": _quantile(0.99, "motcua_batch_records", "service", _ME),
            },
            "Records handled together. Large batches are a service that catches up.",
        ),
        series(
            "Time by phase",
            {
                "{{phase}}": "sum by (phase) "
                f"(rate(motcua_phase_seconds_sum{{{_ME}}}[$__rate_interval]))"
            },
            "Seconds per second that the engine spends in each phase. Together close to 1 per "
            "instance: it can do no more.",
            unit="s",
            stacked=True,
        ),
        series(
            "Lag",
            {"{{topic}}": f"motcua:lag_records:sum{{{_ME}}}"},
            "Records that wait.",
        ),
        series(
            "Lag in time",
            {"{{topic}}": f"motcua:lag_seconds:max{{{_ME}}}"},
            "Age of the newest handled record while others wait: the worst partition.",
            unit="s",
        ),
        series(
            "Retries",
            {
                "{{reason}}": "sum by (reason) "
                f"(rate(motcua_batch_retries_total{{{_ME}}}[$__rate_interval]))"
            },
            "Batches tried again. Transient: Kafka or MongoDB away. Fenced: another instance "
            "wrote.",
            unit="/s",
        ),
        series(
            "Partitions and rebalances",
            {
                "{{instance}} {{topic}}": f"motcua_partitions_owned{{{_ME}}}",
                "rebalances in 5 min": f"sum(increase(motcua_rebalances_total{{{_ME}}}[5m]))",
            },
            "Partitions that each instance looks after, and how often they were assigned anew.",
        ),
        series(
            "States in memory",
            {"{{instance}}": f"motcua_cached_states{{{_ME}}}"},
            "Dossiers' states that an instance need not load.",
        ),
        heatmap(
            "Delay",
            f"sum by (le) (increase(motcua_event_delay_seconds_bucket{{{_ME}}}[$__rate_interval]))",
            "From arrival in Kafka until the effects were written down, of the record that waited "
            "longest in each batch and partition.",
        ),
    ]


def _timers() -> list[Node]:
    return [
        row("Timers"),
        series(
            "Timers fired",
            {"{{service}}": "sum by (service) (rate(motcua_timers_fired_total[$__rate_interval]))"},
            "Deadlines, warnings and other times that came.",
            unit="/s",
        ),
        series(
            "Lateness",
            {
                "{{service}} half": _quantile(0.5, "motcua_timer_lateness_seconds", "service"),
                "{{service}} 99 %": _quantile(0.99, "motcua_timer_lateness_seconds", "service"),
            },
            "Seconds between a timer's time and its firing.",
            unit="s",
        ),
        series(
            "Age of the clock",
            {"{{service}} {{instance}}": "time() - motcua_clock_seconds"},
            "Seconds since an instance last looked for timers; in a replay, how long ago the "
            "recorded time is.",
            unit="s",
        ),
    ]


def _dead_letters() -> list[Node]:
    return [
        row("Dead letters"),
        series(
            "New, by fault",
            {
                "{{service}} {{fault}}": "sum by (service, fault) "
                "(increase(motcua_dead_letters_total[5m]))"
            },
            "Records that could not be handled, within five minutes. Held: behind another of the "
            "same dossier.",
        ),
        series(
            "Redriven and purged",
            {
                "{{service}} {{outcome}}": "sum by (service, outcome) "
                "(increase(motcua_dead_letters_redriven_total[5m]))"
            },
            "Letters that were settled by command, within five minutes.",
        ),
        series(
            "Open",
            {"{{service}}": "motcua:dead_letters:open7d"},
            "Of the last seven days, neither redriven nor purged.",
        ),
    ]


def _http() -> list[Node]:
    return [
        row("HTTP"),
        series(
            "Requests by status",
            {
                "{{service}} {{status}}": "sum by (service, status) "
                "(rate(motcua_http_request_seconds_count"
                '{route!~"/health/.*|/metrics"}[$__rate_interval]))'
            },
            "Without probes and scrapes. 202: the answer took too long and is asked for again. "
            "409: refused. 503: nothing was half done.",
            unit="/s",
            stacked=True,
        ),
        series(
            "Share of errors",
            {"{{service}}": "motcua:http_errors:ratio5m"},
            "Answers with status 500 and above.",
            unit="percentunit",
        ),
        series(
            "Time to answer, 99 %",
            {
                "{{service}} {{method}} {{route}}": _quantile(
                    0.99,
                    "motcua_http_request_seconds",
                    "service, method, route",
                    'route!~"/health/.*|/metrics"',
                )
            },
            "A change is answered when its fact is written down, an open status page when its "
            "events begin.",
            unit="s",
        ),
    ]


def _security() -> list[Node]:
    events = "motcua_security_events_total"
    return [
        row("Sign-in and audit"),
        stat(
            "Forged tokens, last 24 h",
            f'sum(increase({events}{{kind="forged-token"}}[1d]))',
            "Tokens that the provider has not signed. No application sends one by itself.",
            red_above=1,
        ),
        stat(
            "Foreign facts, last 24 h",
            "sum(increase(motcua_forged_records_total[1d]))",
            "Records that nobody has written who may, of any service.",
            red_above=1,
        ),
        stat(
            "Not answered for want of an audit, last 24 h",
            "sum(increase(motcua_audit_refused_total[1d]))",
            "Requests that got 503 because the audit could not be written.",
            red_above=1,
        ),
        stat(
            "Entries lost, last 24 h",
            "sum(increase(motcua_audit_lost_total[1d]))",
            "Entries of the audit that were only counted, because too much came at once.",
            red_above=1,
        ),
        stat(
            "Since the last anchor",
            "time() - max(max_over_time(motcua_audit_anchored_seconds[7d]))",
            "Until the next anchor nobody can tell whether the newest links were cut off.",
            unit="s",
            red_above=26 * 3600,
        ),
        stat(
            "Security events that wait",
            "max(time() - (motcua_audit_waiting_since_seconds > 0)) or vector(0)",
            "For how long the oldest has waited that the collector does not have.",
            unit="s",
            red_above=600,
        ),
        series(
            "Security events",
            {"{{kind}}": f'sum by (kind) (rate({events}{{kind!~"key-used|anchored"}}[5m]))'},
            "What those who watch over security are told, each repetition counted: refused "
            "sign-ins, forged tokens, what is not permitted, guesses, foreign facts.",
            unit="/s",
            stacked=True,
        ),
        series(
            "Refused, by service",
            {
                "{{service}} {{kind}}": "sum by (service, kind) (increase("
                f'{events}{{kind=~"sign-in-refused|forged-token|not-permitted"}}[15m]))'
            },
            "Within the quarter of an hour before each point in time. One service alone: somebody "
            "looks at it. All at once: the provider, or an application.",
        ),
        series(
            "Links of the audit",
            {"{{service}}": "sum by (service) (rate(motcua_audit_links_total[5m]))"},
            "Entries on the log. None of a service that is asked: its audit stands still.",
            unit="/s",
        ),
        series(
            "Audit not written",
            {
                "{{service}} not answered": "sum by (service) "
                "(increase(motcua_audit_refused_total[5m]))",
                "{{service}} lost": "sum by (service) (increase(motcua_audit_lost_total[5m]))",
            },
            "Requests that got 503 for it, and entries that were only counted.",
        ),
    ]


def _processes() -> list[Node]:
    return [
        row("Processes"),
        series(
            "CPU",
            {"{{app}} {{instance}}": 'rate(process_cpu_seconds_total{job="motcua"}[5m])'},
            "Seconds per second; an instance uses one core at the most.",
            unit="percentunit",
        ),
        series(
            "Memory",
            {"{{app}} {{instance}}": 'process_resident_memory_bytes{job="motcua"}'},
            "Resident set.",
            unit="bytes",
        ),
        series(
            "Age of the process",
            {"{{app}} {{instance}}": 'time() - process_start_time_seconds{job="motcua"}'},
            "A fall is a restart.",
            unit="s",
        ),
    ]


def dashboard() -> Node:
    """Return the dashboard: panels are numbered, and laid out three (numbers: six) to a line."""
    panels: list[Node] = []
    for part in (
        _city(),
        _messages(),
        _status_page(),
        _deadlines(),
        _engine(),
        _timers(),
        _dead_letters(),
        _http(),
        _security(),
        _processes(),
    ):
        panels += part
    x = y = height = 0
    for number, panel in enumerate(panels, start=1):
        size = panel["gridPos"]
        if x + size["w"] > 24:
            x, y, height = 0, y + height, 0
        panel["id"] = number
        panel["gridPos"] = {"x": x, "y": y, **size}
        x, height = x + size["w"], max(height, size["h"])
    return {
        "uid": "motcua",
        "title": "motcua",
        "description": "The one-stop office's dossiers, and the services that follow them.",
        "tags": ["motcua"],
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "templating": {"list": [_services()]},
        "annotations": {"list": []},
        "panels": panels,
    }


def _services() -> Node:
    query = "label_values(motcua_partitions_owned, service)"
    return {
        "name": "service",
        "label": "Service",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "motcua-prometheus"},
        "definition": query,
        "query": {"query": query, "refId": "services"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def text() -> str:
    """Return the text of the dashboard's file."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or with --check compare it; return the exit code."""
    options: list[Any] = list(sys.argv[1:] if arguments is None else arguments)
    wanted = text()
    if options == ["--check"]:
        if FILE.exists() and FILE.read_text(encoding="utf-8") == wanted:
            return 0
        sys.stderr.write(
            "dashboards/motcua.json is out of step; run: python -m deploy.grafana.generate\n"
        )
        return 1
    if options:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    FILE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
