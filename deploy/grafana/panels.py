"""The kinds of panel in the dashboard. Their places are set when it is laid out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Node: TypeAlias = dict[str, Any]

_SOURCE: Node = {"type": "prometheus", "uid": "motcua-prometheus"}
_UNITS = {"/s": "cps"}
"""Grafana's names of units, where they differ from the usual ones."""


def row(title: str, *, repeat: str | None = None) -> Node:
    """Return a heading; with `repeat`, it and the panels below come once per value of a
    variable."""
    node: Node = {"type": "row", "title": title, "collapsed": False, "panels": []}
    node["gridPos"] = {"w": 24, "h": 1}
    if repeat is not None:
        node["repeat"] = repeat
    return node


def stat(
    title: str,
    expr: str,
    description: str,
    *,
    unit: str = "short",
    red_above: float | None = None,
    w: int = 4,
) -> Node:
    """Return one number, with its course behind it."""
    steps: list[Node] = [{"color": "text" if red_above is None else "green", "value": None}]
    if red_above is not None:
        steps.append({"color": "red", "value": red_above})
    return {
        **_panel("stat", title, description, w=w, h=4),
        "targets": [_target("A", expr, "")],
        "fieldConfig": {
            "defaults": {
                "unit": _UNITS.get(unit, unit),
                "decimals": 0,
                "noValue": "0",
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "options": {
            "graphMode": "area",
            "colorMode": "value",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    }


def series(
    title: str,
    queries: Mapping[str, str],
    description: str,
    *,
    unit: str = "short",
    stacked: bool = False,
) -> Node:
    """Return lines over time; `queries` are expressions by their legend."""
    return {
        **_panel("timeseries", title, description, w=8, h=8),
        "targets": [
            _target(chr(ord("A") + number), expr, legend)
            for number, (legend, expr) in enumerate(queries.items())
        ],
        "fieldConfig": {
            "defaults": {
                "unit": _UNITS.get(unit, unit),
                "min": 0,
                "custom": {
                    "lineWidth": 1,
                    "fillOpacity": 30 if stacked else 8,
                    "showPoints": "never",
                    "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
                },
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def heatmap(title: str, expr: str, description: str) -> Node:
    """Return a picture of how a histogram's buckets fill over time."""
    target = _target("A", expr, "{{le}}")
    target["format"] = "heatmap"
    return {
        **_panel("heatmap", title, description, w=8, h=8),
        "targets": [target],
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {
            "calculate": False,
            "yAxis": {"unit": "s"},
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": False},
            "legend": {"show": True},
        },
    }


def _panel(kind: str, title: str, description: str, *, w: int, h: int) -> Node:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": _SOURCE,
        "gridPos": {"w": w, "h": h},
    }


def _target(ref: str, expr: str, legend: str) -> Node:
    return {"refId": ref, "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
