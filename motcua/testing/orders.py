"""Orders of a recording for Hypothesis, which finds the calmest that makes a test fail."""

from __future__ import annotations

from hypothesis import strategies as st

from motcua.replay import Recording
from motcua.replay.order import MOST_PARTITIONS, Order
from services.runtime import ClockKind

_SHARES = st.sampled_from((0.0, 0.05, 0.5))
_KILLS = st.sampled_from((0.0, 0.02, 0.1))


def orders(recording: Recording) -> st.SearchStrategy[Order]:
    """Return the orders in which a city's services may come to that recording.

    Where a wall clock ran, no tick can be late.
    """
    ticked = recording.header.clock is ClockKind.STREAM
    return st.builds(
        Order,
        seed=st.integers(0, 2**32),
        partitions=st.integers(1, MOST_PARTITIONS),
        batch=st.sampled_from((1, 2, 5, 50)),
        behind=st.booleans(),
        apart=st.booleans(),
        twice=_SHARES,
        late=_SHARES if ticked else st.just(0.0),
        kills=_KILLS,
    )
