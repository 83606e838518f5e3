"""The live view of a city at work: from the services' own metrics."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from prometheus_client.parser import text_string_to_metric_families
from rich.table import Table

from deploy.local.stack.city import City, Instance

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


class LiveView:
    """What is shown while a day is played; `told` comes from the player, the rest is scraped."""

    def __init__(self, city: City, total: int) -> None:
        self._city = city
        self._total = total
        self._done = 0
        self._now: datetime | None = None
        self._last: dict[str, tuple[float, float]] = {}

    def told(self, done: int, until: datetime) -> None:
        """The player has come so far."""
        self._done, self._now = done, until

    def table(self) -> Table:
        """The view as it is now."""
        clock = self._now.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M") if self._now else "…"
        share = 100 * self._done // max(1, self._total)
        table = Table(title=f"{clock}   {share} % of the requests", title_justify="left")
        for column in ("service", "events/s", "applied", "known already", "facts", "lag", "MiB"):
            table.add_column(column, justify="right")
        for instance in list(self._city.instances):
            table.add_row(instance.service, *self._row(instance))
        return table

    def _row(self, instance: Instance) -> list[str]:
        outcomes: Counter[str] = Counter()
        published = lag = 0.0
        try:
            with urllib.request.urlopen(f"{instance.url}/metrics", timeout=2.0) as response:
                text = response.read().decode()
        except (urllib.error.URLError, OSError):
            return ["…"] * 6
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "motcua_events_total":
                    outcomes[sample.labels["outcome"]] += int(sample.value)
                elif sample.name == "motcua_events_published_total":
                    published += sample.value
                elif sample.name == "motcua_lag_records":
                    lag += sample.value
        total = float(outcomes.total())
        now = time.monotonic()
        before, at = self._last.get(instance.service, (total, now - 1.0))
        self._last[instance.service] = (total, now)
        return [
            f"{(total - before) / max(0.001, now - at):,.0f}",
            f"{outcomes['applied']:,}",
            f"{outcomes['duplicate']:,}",
            f"{published:,.0f}",
            f"{lag:,.0f}",
            f"{instance.memory() / 2**20:.0f}",
        ]
