"""What is found still fails, and with none of it less."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motcua.replay.delta import NotFailing, minimal


@given(st.integers(1, 200), st.data())
def test_it_fails_with_what_is_found_and_with_none_of_it_less(
    size: int, data: st.DataObject
) -> None:
    numbers = st.integers(0, size - 1)
    needed = data.draw(st.lists(st.sets(numbers, min_size=1, max_size=4), min_size=1, max_size=3))

    def fails(some: Sequence[int]) -> bool:
        return any(one <= set(some) for one in needed)

    found = minimal(range(size), fails)
    assert fails(found)
    assert found == sorted(found)
    assert not any(fails([n for n in found if n != out]) for out in found)


def test_the_one_of_many_costs_as_much_as_one_trial_of_all() -> None:
    tried: list[int] = []

    def fails(some: Sequence[int]) -> bool:
        tried.append(len(some))
        return 44_321 in some

    assert minimal(range(45_000), fails) == [44_321]
    assert sum(tried) < 45_100
    assert len(tried) < 20


@pytest.mark.parametrize("size", [0, 1, 7])
def test_what_does_not_fail_is_said(size: int) -> None:
    with pytest.raises(NotFailing):
        minimal(range(size), lambda some: False)
