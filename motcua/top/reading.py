"""What an instance's metrics say, at one moment and between two. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_STARTED = "process_start_time_seconds"


@dataclass(frozen=True)
class Reading:
    """One instance's metrics at one moment."""

    at: float
    """Unix seconds."""
    samples: Mapping[str, Sequence[Sample]]
    """By name."""

    @property
    def service(self) -> str | None:
        """The service whose instance this is; None if it is no service of motcua."""
        for name, samples in self.samples.items():
            if name.startswith("motcua_"):
                for sample in samples:
                    if "service" in sample.labels:
                        return sample.labels["service"]
        return None

    @property
    def started(self) -> float:
        """When the process started, in Unix seconds; `at` if it does not say."""
        return self.total(_STARTED) or self.at

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples that have these labels."""
        return sum(
            s.value for s in self.samples.get(name, ()) if labels.items() <= s.labels.items()
        )

    def by(self, name: str, label: str) -> Counter[str]:
        """Return the sums by the values of one label, as integers."""
        sums: Counter[str] = Counter()
        for sample in self.samples.get(name, ()):
            sums[sample.labels[label]] += int(sample.value)
        return sums

    def largest(self, name: str) -> float:
        """Return the largest of the samples; 0 if there is none."""
        return max((s.value for s in self.samples.get(name, ())), default=0.0)

    def buckets(self, name: str, **labels: str) -> dict[float, float]:
        """Return a histogram's cumulative counts by upper bound, summed over all other labels."""
        counts: dict[float, float] = defaultdict(float)
        for sample in self.samples.get(f"{name}_bucket", ()):
            if labels.items() <= sample.labels.items():
                counts[float(sample.labels["le"])] += sample.value
        return counts


def read(text: str, at: float) -> Reading:
    """Read a page of metrics. Raise ValueError if it is no such page."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples[sample.name].append(sample)
    return Reading(at, samples)


@dataclass(frozen=True)
class Change:
    """Two readings of one instance, and what happened between them."""

    before: Reading
    after: Reading

    @classmethod
    def since_start(cls, reading: Reading) -> Change:
        """Return what happened since the process started, when every count was 0."""
        return cls(Reading(reading.started, {}), reading)

    def rate(self, name: str, **labels: str) -> float:
        """Return by how much a count rose per second."""
        rise = self.after.total(name, **labels) - self.before.total(name, **labels)
        return rise / max(0.001, self.after.at - self.before.at)

    def quantile(self, name: str, q: float, **labels: str) -> float | None:
        """Return a histogram's quantile between the readings; None if nothing was observed."""
        before = self.before.buckets(name, **labels)
        after = self.after.buckets(name, **labels)
        return quantile({bound: n - before.get(bound, 0.0) for bound, n in after.items()}, q)


def quantile(buckets: Mapping[float, float], q: float) -> float | None:
    """Compute a quantile from cumulative counts as Prometheus does; None if all are 0.

    Within a bucket, observations count as evenly spread; those above the highest finite bound count
    as that bound.
    """
    bounds = sorted(buckets)
    if not bounds or not buckets[bounds[-1]]:
        return None
    rank = q * buckets[bounds[-1]]
    low, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == inf:
                return low
            inside = buckets[bound] - below
            return low + (bound - low) * ((rank - below) / inside if inside else 1.0)
        low, below = bound, buckets[bound]
    return low
