"""What a portal is told of a dossier: codes, both languages, Vietnamese time; raw and whole."""

from __future__ import annotations

import json

from fastapi.encoders import jsonable_encoder

from contracts.events.sla import MoveCause
from services.notify.page.view.portal import portal
from tests.support.facts import (
    demanded,
    received,
)
from tests.support.page_dossier import (
    BEGIN,
    CATALOGUE,
    DEMANDED,
    FIRST,
    HTML,
    MISSED_AGAIN,
    REASONS,
    SECOND_DUE,
    SET,
    STOPPED,
    WORDS,
    after,
    letter,
    moved,
)


def test_programs_are_told_that_a_letters_date_was_missed() -> None:
    view = portal(after(*MISSED_AGAIN), WORDS, HTML.texts)
    assert view["apology"] is not None
    assert view["due_reason"] is not None
    assert view["apology"]["missed"] is True
    assert view["apology"]["due"] == "2026-03-09T17:00:00+07:00"
    assert view["due_reason"]["code"] == "late-again"
    kept = portal(after(*BEGIN, letter(SECOND_DUE)), WORDS, HTML.texts)
    assert kept["apology"] is not None
    assert kept["apology"]["missed"] is False
    assert portal(after(*BEGIN), WORDS, HTML.texts)["apology"] is None


def test_the_json_has_the_portals_state_codes_both_languages_and_vietnamese_time() -> None:
    state = after(*BEGIN, DEMANDED)
    view = json.loads(json.dumps(jsonable_encoder(portal(state, WORDS, HTML.texts))))
    assert view["status"] == {
        "code": 5,
        "name": {"vi": "Yêu cầu bổ sung giấy tờ", "en": "Supplement requested"},
    }
    assert view["due"] == "2026-03-05T17:00:00+07:00"
    assert view["due_reason"]["code"] == "paused"
    assert view["asked"][0]["documents"] == ["Bản sao giấy khai sinh", "Ảnh 4x6"]
    assert view["handling_unit"]["name_en"] == CATALOGUE.units["H29.101"].name_en
    assert view["history"][0]["event"] == "SupplementDemanded"
    assert "citizen-1" not in json.dumps(view)
    assert "cb-1" not in json.dumps(view)


def test_to_programs_everything_is_said_raw_and_whole() -> None:
    hostile = '"><script>alert(1)</script>&'
    many = tuple(f"{hostile} {number}" for number in range(1200))
    asked = demanded(documents=many, reason=hostile)
    state = after(received(hostile), SET, FIRST, asked)
    view = json.loads(json.dumps(jsonable_encoder(portal(state, WORDS, HTML.texts))))
    assert view["procedure"]["name"] == {"vi": hostile, "en": hostile}
    assert view["asked"][0]["reason"] == hostile
    assert tuple(view["asked"][0]["documents"]) == many
    assert view["history"][0]["reason"] == hostile


def test_the_json_says_why_the_date_is_another_than_was_promised_first() -> None:
    view = portal(after(*BEGIN, moved(MoveCause.OTHER_HOURS), STOPPED), WORDS, HTML.texts)
    (_, vi, en) = REASONS[1]
    assert view["due_reason"] is not None
    assert view["due_reason"]["code"] == "stopped"
    assert view["due_moved"] == {"code": "other-hours", "vi": vi, "en": en}
    assert portal(after(*BEGIN), WORDS, HTML.texts)["due_moved"] is None
