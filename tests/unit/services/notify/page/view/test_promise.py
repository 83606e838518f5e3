"""What a citizen is promised: the date, why it moved, what is said once it was missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from contracts.events import routing, sla
from contracts.events.sla import MoveCause
from contracts.model import EventData
from contracts.values import Locale
from services.notify.dossier.state import Notify
from services.notify.page.view.portal import portal
from services.notify.page.view.status import status_view
from services.runtime.core.stored import Stored, state_of
from tests.support.page_dossier import (
    BEGIN,
    CATALOGUE,
    CODE,
    DELIVERED,
    DEMANDED,
    DUE,
    HTML,
    MISSED_AGAIN,
    PROCESSED,
    REASONS,
    RESUMED,
    SECOND_DUE,
    SET,
    STOPPED,
    VI,
    WARD,
    WORDS,
    after,
    letter,
    moved,
    shown,
)

OVERDUE = sla.DossierOverdue(due=DUE, unit="H29.101")


@pytest.mark.parametrize(("cause", "vi", "en"), REASONS, ids=[cause for cause, _, _ in REASONS])
def test_a_moved_date_says_what_sla_said_moved_it_in_both_languages(
    cause: MoveCause, vi: str, en: str
) -> None:
    # The dossier waited and there is a letter: from neither is anything concluded.
    facts = (*BEGIN, STOPPED, RESUMED, letter(DUE + timedelta(days=2)), moved(cause))
    for locale, said in ((Locale.VI, vi), (Locale.EN, en)):
        promise = shown(*facts, locale=locale).promise
        assert promise is not None
        assert promise.why is not None
        assert HTML.texts[locale].say(promise.why) == said
        assert promise.moved == promise.why


def test_every_cause_of_a_move_has_its_reason() -> None:
    assert [cause for cause, _, _ in REASONS] == list(MoveCause)


def test_of_several_moves_the_one_that_sla_said_last_is_the_reason() -> None:
    causes = (MoveCause.EXTENDED, MoveCause.RULES_CHANGED, None, MoveCause.OTHER_HOURS)
    for order in permutations(causes):
        dates = {cause: moved(cause, days) for days, cause in enumerate(causes, 1)}
        state = after(*BEGIN, *(dates[cause] for cause in order))
        assert (state.due, state.moved_by) == (dates[order[-1]].due, order[-1])
    assert after(*BEGIN, moved(MoveCause.OTHER_HOURS), SET).moved_by is None


def test_a_date_that_moved_and_moved_back_is_the_one_promised_first() -> None:
    promise = shown(
        *BEGIN, moved(MoveCause.RULES_CHANGED), moved(MoveCause.RULES_CHANGED, 0)
    ).promise
    assert promise is not None
    assert (promise.original, promise.moved) == (None, None)
    assert promise.why is not None
    assert promise.why.key == "why.working-days"


@pytest.mark.parametrize(
    ("then", "why"),
    [(STOPPED, "why.stopped"), (OVERDUE, "why.late"), (PROCESSED, "why.ended")],
    ids=["paused", "late", "ended"],
)
def test_what_moved_the_date_is_said_beside_what_has_come_after(then: EventData, why: str) -> None:
    promise = shown(*BEGIN, moved(MoveCause.RULES_CHANGED), then).promise
    assert promise is not None
    assert promise.why is not None
    assert promise.moved is not None
    assert (promise.why.key, promise.moved.key) == (why, "why.rules-changed")


def test_a_state_of_before_causes_and_papers_were_kept_is_read_and_concluded_from() -> None:
    facts = (*BEGIN, DEMANDED, DELIVERED, moved(MoveCause.RULES_CHANGED))
    document = Stored(CODE, 0, after(*facts)).document()
    del document["state"]["moved_by"], document["state"]["papers"]
    state = state_of(document, Notify)
    assert state.moved_by is None
    promise = status_view(state, WORDS[Locale.VI]).promise
    assert promise is not None
    assert promise.why is not None
    assert promise.why.key == "why.time-given-back"


def test_an_overdue_dossier_apologises_and_shows_the_new_date_of_the_letter() -> None:
    seen = shown(*BEGIN, OVERDUE)
    assert seen.tone == "late"
    assert seen.promise is not None
    assert seen.promise.why is not None
    assert "xin lỗi" in VI.say(seen.promise.why)
    again = shown(*BEGIN, OVERDUE, letter(DUE + timedelta(days=4)))
    assert again.promise is not None
    assert again.promise.expected is not None
    assert again.promise.expected.text == "17:00 thứ Hai, ngày 09/03/2026"
    assert again.apology is not None
    assert again.apology.reason == "Chờ xác minh"


def test_a_letter_without_a_new_date_is_shown_and_promises_none() -> None:
    for facts in ((*BEGIN, OVERDUE, letter(None)), (*BEGIN, OVERDUE, PROCESSED, letter(None))):
        seen = shown(*facts)
        assert seen.apology is not None
        assert (seen.apology.due, seen.apology.missed) == (None, False)
        assert seen.promise is not None
        assert seen.promise.why is not None
        assert seen.promise.expected is None
        assert not seen.promise.again
        assert "Ngày hẹn lại sẽ" not in VI.say(seen.promise.why)
        assert portal(after(*facts), WORDS, HTML.texts)["apology"] == {
            **{"reason": "Chờ xác minh", "due": None, "unit": "H29.101", "missed": False}
        }


def test_a_second_letter_without_a_date_leaves_the_first_ones_date() -> None:
    for order in ((SECOND_DUE, None), (None, SECOND_DUE)):
        seen = shown(*BEGIN, OVERDUE, *(letter(due) for due in order))
        assert seen.apology is not None
        assert seen.apology.due is not None


@pytest.mark.parametrize("locale", Locale)
def test_whoever_is_let_down_twice_is_promised_no_third_date_and_told_whom_to_ask(
    locale: Locale,
) -> None:
    seen = shown(*MISSED_AGAIN, locale=locale)
    assert seen.promise is not None
    assert seen.promise.again
    assert seen.promise.expected is None
    assert seen.promise.why is not None
    said = HTML.texts[locale].say(seen.promise.why)
    once = {Locale.VI: "chỉ được hẹn lại một lần", Locale.EN: "changed once only"}
    soon = {Locale.VI: "sẽ được ghi ở đây", Locale.EN: "is shown here as soon as"}
    assert once[locale] in said
    assert soon[locale] not in said
    assert {Locale.VI: WARD.name_vi, Locale.EN: f"The {WARD.name_en}"}[locale] in said
    assert WARD.address in said
    assert seen.apology is not None
    assert seen.apology.missed


def test_the_unit_that_has_the_dossier_now_is_the_one_to_ask() -> None:
    over = routing.DossierHandedOver(
        from_unit="H29.101", to_unit="H29.102", reason="r", lead="cb-4", by="cb-1"
    )
    promise = shown(*MISSED_AGAIN, over).promise
    assert promise is not None
    assert promise.why is not None
    assert CATALOGUE.units["H29.102"].address in VI.say(promise.why)


def test_the_date_of_a_letter_that_came_late_is_missed_when_it_has_gone_by() -> None:
    state = after(*BEGIN, OVERDUE, letter(SECOND_DUE))

    def missed(state: Notify, now: datetime | None) -> tuple[bool, str]:
        seen = status_view(state, WORDS[Locale.VI], now)
        assert seen.promise is not None
        assert seen.promise.why is not None
        assert seen.apology is not None
        assert seen.apology.missed is seen.promise.again
        return seen.promise.again, seen.promise.why.key

    assert missed(state, SECOND_DUE) == (False, "why.late-new-date")
    later = SECOND_DUE + timedelta(seconds=1)
    assert missed(state, later) == (True, "why.late-again")
    assert missed(state, None) == (False, "why.late-new-date")
    waits = after(*BEGIN, OVERDUE, letter(SECOND_DUE), DEMANDED)
    assert missed(waits, later)[0] is False, "whose turn it is is not late"
    kept = after(*BEGIN, OVERDUE, letter(SECOND_DUE), PROCESSED)
    assert missed(kept, later) == (False, "why.ended-late")


def test_an_overdue_alert_that_was_retracted_is_not_shown() -> None:
    overdue = len(BEGIN)
    back = sla.AlertRetracted(
        alert_id=f"fact-{overdue}", alert="DossierOverdue", reason="r", due=DUE
    )
    assert shown(*BEGIN, OVERDUE, back).tone == "working"


def test_what_was_done_after_the_due_time_is_not_called_in_time() -> None:
    late = shown(*BEGIN, OVERDUE, PROCESSED).promise
    assert late is not None
    assert late.why is not None
    assert late.why.key == "why.ended-late"
    in_time = shown(*BEGIN, PROCESSED).promise
    assert in_time is not None
    assert in_time.why is not None
    assert in_time.why.key == "why.ended"
