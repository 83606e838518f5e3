"""A state whose fields change gets another LAYOUT: an older release must not write over it.

To note a new layout: `python -m tests.unit.services.test_layouts`
"""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from contracts.catalogue import load_catalogue
from motcua.deciders import all_deciders
from services.intake.decider import IntakeDecider
from services.intake.proof_decider import ProofDecider
from services.notify.contacts.contact import SealedContactDecider
from services.notify.deciders import DeliveryDecider
from services.notify.dossier.policy import Policy
from services.runtime import Decider
from services.runtime.core.stored import NewerLayout, Stored, from_document, layout_of
from tests.support.paths import TEST_DATA

FILE = TEST_DATA / "layouts.json"
DECIDERS: list[Decider[Any]] = [
    *all_deciders(Policy(load_catalogue())),
    DeliveryDecider(),
    SealedContactDecider(),
    ProofDecider(),
]


def layout(state_type: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of a state, and of what it consists of, with the layout that it says it has."""
    found: dict[str, list[str]] = {}

    def visit(hint: Any) -> None:
        is_struct = isinstance(hint, type) and issubclass(hint, msgspec.Struct)
        if is_struct and hint.__name__ not in found:
            found[hint.__name__] = list(hint.__struct_fields__)
            for inner in get_type_hints(hint).values():
                visit(inner)
        for inner in get_args(hint):
            visit(inner)

    visit(state_type)
    return {"layout": layout_of(state_type), "fields": dict(sorted(found.items()))}


@pytest.mark.parametrize("decider", DECIDERS, ids=lambda d: d.state_type.__name__)
def test_a_state_with_other_fields_has_another_layout(decider: Decider[Any]) -> None:
    noted = json.loads(FILE.read_text(encoding="utf-8"))[decider.state_type.__name__]
    now = layout(decider.state_type)
    if now["fields"] != noted["fields"]:
        assert now["layout"] > noted["layout"], (
            f"the fields of {decider.state_type.__name__} changed: raise its LAYOUT, "
            f"then note it (see {__file__})"
        )
    assert now == noted, f"note the new layout (see {__file__})"


def test_a_release_does_not_read_what_a_newer_one_has_written() -> None:
    decider = IntakeDecider()
    document = Stored("H29.15-240304-0001", 0, decider.initial("")).document()
    assert from_document(document, decider.state_type).state == decider.initial("")
    for newer in ("layout", "state_layout"):
        with pytest.raises(NewerLayout, match=r"newer release has written it; start that one"):
            from_document({**document, newer: document[newer] + 1}, decider.state_type)


def test_what_a_release_before_layouts_has_written_is_read() -> None:
    stored = Stored("H29.15-240304-0001", 0, IntakeDecider().initial(""))
    stored.note(b"12345678", b"abcd")
    document = stored.document()
    del document["layout"], document["state_layout"]
    document["ids"] = b"12345678"
    read = from_document(document, IntakeDecider.state_type)
    assert read.knows(b"12345678")
    assert not read.differs(b"12345678", b"abcd")


if __name__ == "__main__":
    layouts = {d.state_type.__name__: layout(d.state_type) for d in DECIDERS}
    FILE.write_text(json.dumps(layouts, indent=1) + "\n", encoding="utf-8")
