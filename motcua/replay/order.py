"""In which order, of all that are permitted, a city's services come to its records."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

MOST_PARTITIONS = 12


@dataclass(frozen=True)
class Order:
    """Permitted is what a broker promises: a dossier's records have one order, each service reads
    all of them in it, and what it decides goes behind all that stands there. The default is the
    calmest of all: one partition, and everything is read as soon as it is there."""

    seed: int = 0
    """Decides everything that the rest leaves open."""
    partitions: int = 1
    """Of each topic, 1 to 12: records of two dossiers in different ones have no order."""
    batch: int = 1
    """The most records that a service reads at once."""
    behind: bool = False
    """Whether services are as far behind the log as it happens."""
    apart: bool = False
    """Whether what was asked of different dossiers between two ticks is shuffled."""
    twice: float = 0.0
    """The share of what was asked that stands on the log twice."""
    late: float = 0.0
    """The share of ticks that come with the next one, or, for units' mornings, after it."""
    kills: float = 0.0
    """The share of batches in which a service is killed, and reads again from its last commit."""


CALM = Order()


def order_of(seed: int) -> Order:
    """Return the order that a seed stands for."""
    draw = Random(seed)
    return Order(
        seed=seed,
        partitions=draw.randint(1, MOST_PARTITIONS),
        batch=draw.choice((1, 2, 5, 50)),
        behind=draw.random() < 0.8,
        apart=draw.random() < 0.5,
        twice=draw.choice((0.0, 0.05, 0.5)),
        late=draw.choice((0.0, 0.2)),
        kills=draw.choice((0.0, 0.02, 0.1)),
    )
