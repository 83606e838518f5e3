"""What is written where a date is not kept."""

from __future__ import annotations

from random import Random

import pytest

from contracts.events.sla import ExemptionGround
from motcua.simulate import odds
from motcua.simulate.reasons import why_exempt, why_late


@pytest.mark.parametrize("ground", ExemptionGround)
def test_there_is_a_reason_for_an_exemption_on_every_ground(ground: ExemptionGround) -> None:
    assert ground in odds.EXEMPTION_WEIGHTS
    assert why_exempt(Random(1), ground)


def test_a_letter_may_name_what_happens_in_its_field_alone() -> None:
    rng = Random(1)
    reasons = {field: {why_late(rng, field) for _ in range(100)} for field in ("land", "trade")}
    assert reasons["trade"] < reasons["land"]
