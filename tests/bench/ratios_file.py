"""The committed ratios: ``ratios.json`` beside this file, and the table that compares with it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from tests.bench.ratios import Change, Ratio, Verdict

PATH = Path(__file__).with_name("ratios.json")
_STYLE = {Verdict.FELL: "bold red", Verdict.ROSE: "green"}


def machine() -> dict[str, object]:
    """What the figures were taken on, as far as they depend on it."""
    return {"cores": os.cpu_count(), "python": platform.python_version()}


def read_ratios(path: Path = PATH) -> dict[str, Ratio]:
    """The ratios that were written down, by part; none if there is no such file."""
    if not path.exists():
        return {}
    return {part: Ratio(**kept["ratio"]) for part, kept in json.loads(path.read_text()).items()}


def write_ratios(now: Mapping[str, Ratio], path: Path = PATH) -> None:
    """Writes these down, each with its spread and the machine; other parts stay as they are."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    for part, ratio in now.items():
        figures = {name: float(f"{value:.4g}") for name, value in asdict(ratio).items()}
        kept[part] = {"ratio": figures, "machine": machine()}
    path.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n")


def table_of(changes: Sequence[Change]) -> Table:
    """What rose and what fell; the spreads say how much of it may be noise."""
    table = Table("part", "then (spread)", "now (spread)", "change", "", title="ratio to bare")
    for change in changes:
        share = "" if change.share is None else f"{change.share:+.0%}"
        style = _STYLE.get(change.verdict, "")
        table.add_row(
            change.part, _text(change.then), _text(change.now), share, change.verdict, style=style
        )
    return table


def _text(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio.median:.3g} ({ratio.least:.3g} to {ratio.most:.3g})"
