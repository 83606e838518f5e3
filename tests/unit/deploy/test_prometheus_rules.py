"""Rules and dashboard speak of metrics that there are, and every alert has a way to be met."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

import contracts.wire.codec  # noqa: F401  (imports, and so registers, every event type)
from contracts.model import registered
from deploy.grafana import generate
from services.notify import metrics as notify_metrics
from services.runtime import metrics as runtime_metrics
from services.runtime.audit import delivery_metrics
from services.sla import metrics as sla_metrics
from tests.support.paths import ROOT
from tests.support.tools import Tool

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "rules" / "motcua.rules.yml"
TESTS = sorted(RULES.parent.glob("*.test.yml"))
PROOFS = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in TESTS]
OPERATIONS = DEPLOY.parent / "docs" / "operations.md"

_SUFFIXES = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}
_NAME = re.compile(r"\b(?:motcua|process)[_:][a-z0-9_:]+")
_PROCESS = {  # what prometheus_client says of the process by itself
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
}


def _rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in _rules() if "alert" in rule]
_RECORDED = {rule["record"] for rule in _rules() if "record" in rule}


def _declared(*modules: ModuleType) -> set[str]:
    names: set[str] = set()
    for module in modules:
        for metric in vars(module).values():
            for kind, suffixes in _SUFFIXES.items():
                if isinstance(metric, kind):
                    names |= {metric.describe()[0].name + suffix for suffix in suffixes}
    return names


def _expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "definition", "query") and isinstance(value, str):
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _expressions(value)


def _unknown(expressions: Iterator[str]) -> set[str]:
    declared = _declared(runtime_metrics, delivery_metrics, notify_metrics, sla_metrics)
    known = declared | _RECORDED | _PROCESS
    return {name for text in expressions for name in _NAME.findall(text)} - known


def test_the_names_that_a_metric_is_scraped_by_are_known() -> None:
    declared = _declared(runtime_metrics)
    assert {
        "motcua_events_total",
        "motcua_lag_seconds",
        "motcua_phase_seconds_bucket",
    } <= declared
    assert _unknown(iter(["rate(motcua_evnts_total[5m])"])) == {"motcua_evnts_total"}


def test_rules_use_only_metrics_that_are_declared() -> None:
    assert _unknown(_expressions(_rules())) == set()


def test_the_dashboard_uses_only_metrics_that_are_declared() -> None:
    assert _unknown(_expressions(generate.dashboard())) == set()


def test_event_types_in_rules_and_dashboard_are_types_of_the_contracts() -> None:
    expressions = [*_expressions(_rules()), *_expressions(generate.dashboard())]
    matchers = {found for text in expressions for found in re.findall(r'type=~"([^"]+)"', text)}
    assert matchers
    for matcher in matchers:
        assert any(re.fullmatch(matcher, name) for name in registered()), matcher


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert file == "docs/operations.md"
    assert anchor == rule["alert"].lower()


def test_every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    sections = dict(
        re.findall(r"^## (Motcua\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    )
    assert set(sections) == {rule["alert"] for rule in ALERTS}
    for rule in ALERTS:
        section = sections[rule["alert"]]
        assert f"*{rule['labels']['severity']}.*" in section, rule["alert"]
        assert "**Look**" in section or "**Look** and **do**" in section, rule["alert"]
        assert re.search(r"\*\*[Dd]o\*\*", section), rule["alert"]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_is_proven_to_fire_and_to_be_quiet(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    fires = quiet = False
    for test in (test for proof in PROOFS for test in proof["tests"]):
        for case in test.get("promql_expr_test", ()):
            matcher = re.search(r'alertname(=~?)"([^"]+)"', case["expr"])
            if matcher is None:
                named = case["expr"].startswith(("sum by (alertname) (ALERTS", "count by"))
            elif matcher[1] == "=":
                named = matcher[2] == name
            else:
                named = re.fullmatch(matcher[2], name) is not None
            fires |= named and matcher is not None and bool(case["exp_samples"])
            quiet |= named and not case["exp_samples"]
        for case in test.get("alert_rule_test", ()):
            fires |= case["alertname"] == name and bool(case["exp_alerts"])
    assert fires, f"no case makes {name} fire"
    assert quiet, f"no case keeps {name} quiet"


def test_the_proof_looks_at_every_group_in_an_order_that_does_not_change() -> None:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for proof in PROOFS:
        assert proof["group_eval_order"] == [group["name"] for group in rules["groups"]]


@pytest.mark.slow
def test_promtool_finds_the_rules_good_and_their_tests_passed() -> None:
    promtool = Tool.PROMTOOL.needed()
    commands = [("check", "rules", RULES), *(("test", "rules", test) for test in TESTS)]
    assert len(commands) == 5
    # Each runs on one processor: side by side they take half as long.
    running = [
        subprocess.Popen(
            [promtool, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for command in commands
    ]
    ends = [(process.communicate()[0].decode(), process.returncode) for process in running]
    assert not [said for said, code in ends if code], "\n".join(said for said, _ in ends)


def test_the_dashboard_is_in_step_with_its_generator() -> None:
    assert generate.main(["--check"]) == 0, "run: python -m deploy.grafana.generate"
    assert generate.text() == generate.text()


def test_the_dashboard_s_panels_explain_themselves_and_do_not_overlap() -> None:
    panels = json.loads(generate.FILE.read_text(encoding="utf-8"))["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert place["x"] + place["w"] <= 24, panel["title"]
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
    assert len({panel["id"] for panel in panels}) == len(panels)
