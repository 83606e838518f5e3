"""A note of 100 kB: nothing of the contract carries one, so no page and no message meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import contracts
from contracts.events import intake, routing, sla
from contracts.model import EventData, registered

HUGE = "ộ" * 100_000
NOTES = {"reason": HUGE, "activity": HUGE, "documents": (HUGE,)}
"""The fields that people write into."""


def samples() -> list[tuple[type[EventData], str, dict[str, Any]]]:
    """Every type that has such a field, and the data of its golden sample."""
    found: list[tuple[type[EventData], str, dict[str, Any]]] = []
    for path in sorted((Path(contracts.__file__).parent / "samples").glob("*.json")):
        sample = json.loads(path.read_text(encoding="utf-8"))
        kind = registered().get(sample["type"])
        if kind is not None:
            found += [(kind, note, sample["data"]) for note in NOTES if note in kind.model_fields]
    return found


SAMPLES = samples()


@pytest.mark.parametrize(
    ("kind", "note", "data"), SAMPLES, ids=[f"{kind.NAME}-{note}" for kind, note, _ in SAMPLES]
)
def test_a_huge_note_is_refused_by_the_name_of_its_field(
    kind: type[EventData], note: str, data: dict[str, Any]
) -> None:
    kind.model_validate(data)
    with pytest.raises(ValidationError) as refused:
        kind.model_validate({**data, note: NOTES[note]})
    assert refused.value.errors()[0]["loc"][0] == note


def test_the_notes_that_citizens_read_are_among_those() -> None:
    read = {
        intake.SupplementDemanded,
        intake.PaymentDemanded,
        intake.DossierNotReceived,
        intake.DossierWithdrawn,
        routing.DossierStopped,
        routing.DossierResumed,
        routing.DossierHandedOver,
        sla.ApologyIssued,
    }
    assert read <= {kind for kind, note, _ in SAMPLES if note == "reason"}
