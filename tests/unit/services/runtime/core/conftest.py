"""What is known of subjects, and a batch that is decided over it."""

from __future__ import annotations

from typing import Any

import pytest

from services.runtime.core.batch import decide, pick
from services.runtime.core.decided import Decided
from services.runtime.core.stored import Stored
from tests.support.batches import NOW, Run
from tests.support.rule_sets import WORLD


@pytest.fixture
def states() -> dict[str, Stored[Any]]:
    return {}


@pytest.fixture
def run(purse: Any, states: dict[str, Stored[Any]]) -> Run:
    """Hands records to the purse as the engine does."""

    def run(*records: Any) -> Decided[Any]:
        wanted, _ = pick(purse, records)
        return decide(purse, {3: WORLD}, wanted, states, NOW)

    return run
