"""The explanation of a due time: every sentence true, in both languages, for every dossier."""

from __future__ import annotations

import json
from datetime import datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given

from contracts.model import EventData
from contracts.values import Locale
from services.runtime.http.answers import Json
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Sla, Unjudged
from services.sla.explain.explanation import Explanation, asked_at, explanation, why_unjudged
from services.sla.explain.texts import clean
from services.sla.http.clock_view import view
from tests.support.event import CODE
from tests.support.explained import LANGUAGES, dossier, explain
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    PROCESSED,
    RESUMED,
    STOPPED,
    WITHDRAWN,
    answered,
    completed,
    consulted,
    exempted,
    foreseen,
    handed_over,
    letter,
    received,
    routed,
    started,
)
from tests.support.rule_sets import WORLD, newest
from tests.support.sla_dossiers import Dossier, dossiers, reading, told
from tests.support.times import at, vietnam


def sentence(told: Explanation, *words: str) -> str:
    """The one sentence with all of these words."""
    (found,) = (s for s in told.sentences if all(word in s for word in words))
    return found


class TestTheSentences:
    def test_derive_the_original_due_time_from_reception_law_and_office_hours(self) -> None:
        said = explain(dossier(), at(4, "09:00")).sentences
        assert "received by Department" in said[0]
        assert "08:00 on Monday 4 March 2024" in said[0]
        assert said[1].endswith(": Monday to Friday 07:30–11:30, 13:00–17:00.")
        assert said[2].startswith("The standard time of this procedure is 3 working days.")
        assert "Luật Cư trú 2020, Điều 28" in said[2]
        assert "8 working hours" in said[3]
        assert "come to 24 hours" in said[3]
        assert "no public holiday" in said[4]
        assert said[5] == "So the original due time was 08:00 on Thursday 7 March 2024."

    def test_are_what_a_civil_servant_would_write(self) -> None:
        facts = [(at(5), DEMANDED), (at(6), DELIVERED)]
        told_so = explain(dossier(*facts), at(6, "09:00"), Locale.VI)
        text = " ".join(told_so.sentences)
        for term in (
            "thời hạn giải quyết",
            "ngày hẹn trả",
            "tạm dừng tính thời hạn",
            "yêu cầu bổ sung",
            "giờ làm việc",
            "ngày làm việc",
        ):
            assert term in text.lower()
        assert "08 giờ 00 phút thứ Sáu ngày 08/03/2024" in told_so.sentences[-1]

    def test_name_every_holiday_weekend_and_make_up_day(self) -> None:
        begin = vietnam("2025-12-31 09:00")
        swapped = told([(begin, received("9.9")), (begin, routed("H29.15", "9.9", "standard"))])
        said = explain(swapped, begin)
        assert "New Year's Day" in sentence(said, "public holidays do not count")
        assert "Friday 2 January 2026: Day off (swapped" in sentence(said, "public holidays")
        assert "Saturday 10 January 2026" in sentence(said, "make-up days count")
        assert "Sunday 11 January 2026" in sentence(said, "weekly rest")
        assert "Saturday 10 January 2026" not in sentence(said, "weekly rest")

    def test_say_that_the_days_off_of_the_year_are_not_decided_yet(self) -> None:
        begin = vietnam("2031-01-02 08:00")
        open_ = [(begin, received()), (begin, routed())]
        said = explain(told(open_), begin)
        assert sentence(said, "days off of 2031 are not decided yet", "may move")
        assert view(said)["forecast"] is True
        in_vietnamese = explain(told(open_), begin, Locale.VI)
        assert sentence(in_vietnamese, "năm 2031 chưa được công bố", "có thể thay đổi")
        for then, forecast in (
            ((vietnam("2031-01-03 08:00"), STOPPED), False),  # nothing is due
            ((vietnam("2031-01-03 08:00"), PROCESSED), False),  # nothing moves any more
            ((vietnam("2031-01-03 08:00"), handed_over("H29.1")), True),
        ):
            told_then = explain(told([*open_, then]), then[0])
            assert told_then.shown.forecast is forecast
            assert any("not decided yet" in each for each in told_then.sentences) is forecast

    @pytest.mark.parametrize(
        ("begin", "due", "forecast"),
        [
            ("2026-12-28 08:00", "2026-12-31 08:00", False),
            ("2026-12-29 08:00", "2027-01-04 08:00", True),
        ],
    )
    def test_say_so_from_the_first_year_on_that_is_not_decided(
        self, begin: str, due: str, forecast: bool
    ) -> None:
        start = vietnam(begin)
        said = explain(told([(start, received()), (start, routed())]), start)
        assert said.shown.due == vietnam(due)
        assert said.shown.forecast is forecast
        assert any("not decided yet" in each for each in said.sentences) is forecast

    @pytest.mark.parametrize(
        ("days", "end", "words"),
        [
            ("same-time", "closing", "at the time of day at which the dossier was received"),
            ("end-of-day", "closing", "at closing time of the last working day"),
        ],
    )
    def test_say_how_working_days_are_read(self, days: str, end: str, words: str) -> None:
        read = told([(at(4), received()), (at(4), routed())], reading(days, end))
        assert sentence(explain(read, at(4)), words)

    def test_say_how_calendar_days_are_read_and_that_the_last_was_a_day_off(self) -> None:
        begin = vietnam("2024-01-15 09:00")  # thirty days later it is Tết
        facts = [(begin, received("1.012812")), (begin, routed("H29.6", "1.012812"))]
        said = explain(told(facts), begin)
        assert sentence(said, "days off within it count like any other", "at closing time")
        assert "Wednesday 14 February 2024" in sentence(said, "is a day off")
        assert "Thursday 15 February 2024" in sentence(said, "is a day off")
        midnight = explain(told(facts, reading("eight-hours", "midnight")), begin)
        assert sentence(midnight, "at 24:00 of the last day")

    def test_tell_each_pause_with_what_it_gave_back(self) -> None:
        said = explain(dossier((at(5), DEMANDED), (at(6), DELIVERED)), at(6, "09:00"))
        assert sentence(said, "the clock stood", "supplement", "the citizen's time")
        moved = sentence(said, "In the pause")
        assert "8 hours" in moved
        assert "from 08:00 on Thursday 7 March 2024 to 08:00 on Friday 8 March 2024" in moved

    def test_tell_a_pause_that_lasts_as_one_though_an_authority_was_asked_meanwhile(self) -> None:
        facts = [(at(5), STOPPED), (at(6), consulted("H29.3"))]
        said = explain(dossier(*facts), at(7))
        assert sentence(said, "the clock has stood", "the unit's time")
        assert "the clock stands, so there is no due time" in said.sentences[-1]
        assert "16 hours" in said.sentences[-1]

    def test_tell_that_a_pause_after_the_breach_gave_nothing_back(self) -> None:
        said = explain(dossier((at(8), STOPPED), (at(11), RESUMED)), at(12))
        assert sentence(said, "after the dossier was overdue")

    def test_tell_a_hand_over_with_the_other_hours_and_what_they_did(self) -> None:
        begin = at(6)
        facts = [(begin, received()), (begin, routed()), (at(7), handed_over("H29.1"))]
        said = explain(told(facts), at(7, "09:00"))
        assert sentence(said, "handed over to", "(H29.1)")
        assert sentence(said, "office hours", "Saturday 07:30–11:30")
        assert "to 08:00 on Saturday 9 March 2024" in sentence(said, "Because these differ")
        same = explain(dossier((at(5), handed_over("H29.101"))), at(6))
        assert sentence(same, "did not move the due time")
        of_a_day = explain(told(facts, reading("end-of-day", "closing")), at(7, "09:00"))
        assert sentence(of_a_day, "one of days, so the due time stays")

    @pytest.mark.parametrize(
        ("facts", "words"),
        [
            ([], "still had time to"),
            ([(at(4, "17:00"), answered("H29.3"))], "answered at 17:00 on Monday 4 March 2024, in"),
            ([(at(6), answered("H29.3"))], "late"),
            ([(at(4, "12:00"), PROCESSED)], "did not answer before the dossier ended"),
        ],
    )
    def test_tell_a_consultation_with_its_own_deadline_and_answer(
        self, facts: list[tuple[datetime, EventData]], words: str
    ) -> None:
        asked = dossier((at(4, "10:00"), consulted("H29.3", 1)), *facts)
        said = explain(asked, at(6) if facts else at(5))
        assert "10:00 on Tuesday 5 March 2024" in sentence(said, "was consulted")
        assert sentence(said, "Department of Justice", words)

    def test_tell_a_letter_by_its_form_and_what_it_moved(self) -> None:
        said = explain(dossier((at(5), letter(at(7), at(12)))), at(6))
        assert "form 04, Circular 01/2018/TT-VPCP" in sentence(said, "signed the")
        assert "24 hours" in sentence(said, "It extends")
        assert "08:00 on Tuesday 12 March 2024" in sentence(said, "The due time moved")
        once = explain(
            dossier((at(5), letter(at(7), at(12))), (at(6), letter(at(12), at(15)))), at(7)
        )
        assert sentence(once, "may move once only")
        late = explain(dossier((at(8), letter(at(7), at(12), in_time=False))), at(11))
        assert sentence(late, "later than is prescribed")
        assert sentence(late, "overdue by then")

    def test_tell_by_when_a_letter_is_owed_and_that_there_is_none(self) -> None:
        assert "by 08:00 on Wednesday 6 March 2024" in sentence(
            explain(dossier(), at(5)), "must be issued"
        )
        late = explain(dossier(until=at(8)), at(8))
        assert sentence(late, "should have been issued")
        # The last call has been given, and nothing is owed yet.
        assert sentence(explain(dossier(), at(6, "10:00")), "must be issued by")
        for kept in (dossier((at(6, "12:00"), PROCESSED)), dossier((at(5), exempted()))):
            assert not any("been issued" in s for s in explain(kept, at(20)).sentences)

    def test_tell_a_letter_that_gives_no_date_after_the_end(self) -> None:
        after = dossier((at(8), PROCESSED), (at(11), letter(at(7), None, in_time=False)))
        said = explain(after, at(12))
        assert "gives no new date and moves nothing" in sentence(said, "11 March 2024 the head")
        assert sentence(said, "later than is prescribed")
        assert not any("should have been issued" in s for s in said.sentences)
        assert sentence(explain(after, at(9)), "should have been issued")

    def test_tell_a_delay_that_was_foreseen_and_did_not_come(self) -> None:
        facts = [(at(5), foreseen(reason="the surveyor is ill")), (at(6), PROCESSED)]
        said = explain(dossier(*facts), at(12))
        assert "Reason: the surveyor is ill." in sentence(said, "would not be kept")
        assert sentence(said, "apology is owed", "the date was kept after all")

    def test_tell_an_exemption_a_supplement_too_many_and_a_late_step(self) -> None:
        facts = [
            (at(4, "09:00"), DEMANDED),
            (at(4, "10:00"), DELIVERED),
            (at(4, "11:00"), DEMANDED),
        ]
        said = explain(dossier(*facts, (at(5), exempted())), at(7))
        assert sentence(said, "no apology is owed", "force majeure", "a flood")
        assert sentence(said, "2 times", "once is the most", "766/QD-TTg")
        late = explain(dossier((at(4), started(0)), (at(6), completed(0))), at(6))
        assert sentence(late, "The step", "8 hours", "until 08:00 on Tuesday 5 March 2024")

    def test_tell_what_was_retracted_and_why(self) -> None:
        facts = [(at(4), received()), (at(4), routed()), (at(8), exempted()), (at(5), STOPPED)]
        said = explain(told(facts), at(20))
        assert sentence(said, "The alert that the dossier is overdue", "did not come to that")
        assert sentence(said, "an apology is owed", "was retracted", "no apology is owed")

    def test_end_with_the_conclusion_however_it_came_out(self) -> None:
        def last(*facts: tuple[datetime, EventData]) -> str:
            return explain(dossier(*facts), at(20)).sentences[-1]

        assert "overdue by 72 hours of working time, 13 days" in last()
        assert last((DUE, PROCESSED)).endswith("in time.")
        assert "late by 8 hours of working time, 1 day" in last((at(8), PROCESSED))
        assert last((at(5), STOPPED), (at(6), WITHDRAWN)).endswith("in time.")
        assert "its clock stands" in last((at(8), STOPPED))

    def test_say_if_the_announced_time_is_by_rules_that_are_no_longer_in_force(self) -> None:
        ended = dossier((at(6), PROCESSED))
        others = Rules(
            ended.rules.catalogue,
            ended.rules.calendars,
            ended.rules.book.model_copy(update={"version": "another"}),
        )
        found = explanation(CODE, ended.state, others, LANGUAGES[Locale.EN], at(20))
        assert found is not None
        assert sentence(found, "by another version", "rules another")

    def test_obey_no_control_character_that_somebody_typed(self) -> None:
        typed = exempted().model_copy(update={"reason": "\x1b[2Ja\nflood\x00"})
        said = explain(dossier((at(5), typed)), at(6))
        assert " [2Ja flood " in sentence(said, "no apology is owed")
        ElementTree.fromstring(said.svg())
        assert clean("Đường Nguyễn Huệ – “số 5”") == "Đường Nguyễn Huệ – “số 5”"


DUE = at(7)


def test_as_data_times_are_utc_and_enumerations_words() -> None:
    data = json.loads(bytes(Json(view(explain(dossier((at(5), DEMANDED)), at(6)))).body))
    assert (data["code"], data["clock"], data["due"]) == (CODE, "stopped", None)
    assert data["received_at"] == "2024-03-04T01:00:00+00:00"
    assert data["segments"][1]["reason"] == "supplement"
    assert data["by_account"]["citizen"]["elapsed_seconds"] == 86_400
    assert data["explanation"][-1].startswith("Conclusion")
    assert data["days"][0] == {
        "date": "2024-03-04",
        "kind": "working",
        "working_seconds": 7 * 3600 + 1800,
        "name_vi": "",
        "name_en": "",
    }


def test_of_nothing_there_is_no_explanation() -> None:
    assert explanation(CODE, Sla(), newest(WORLD), LANGUAGES[Locale.VI], at(4)) is None


@pytest.mark.parametrize(
    ("reason", "vi", "en"),
    [
        (Unjudged.NO_PROMISE, "không có thông tin về thời hạn giải quyết", "what was promised"),
        (Unjudged.NO_CALENDAR, "chưa có lịch làm việc", "the calendars lack the years"),
    ],
)
def test_of_an_unjudged_dossier_it_is_said_why(reason: Unjudged, vi: str, en: str) -> None:
    state = Sla(procedure="1.004194", unjudged=reason)
    for locale, words in ((Locale.VI, ("chưa đủ căn cứ đánh giá", vi)), (Locale.EN, (en,))):
        said = why_unjudged(CODE, state, LANGUAGES[locale])
        assert said is not None
        assert CODE in said
        assert all(each in said for each in words)


def test_of_a_dossier_that_is_judged_nothing_is_said_of_that() -> None:
    assert why_unjudged(CODE, dossier().state, LANGUAGES[Locale.VI]) is None


def test_a_dossier_without_a_promise_is_unjudged_and_not_explained() -> None:
    known = told([(at(4), received(promise=None)), (at(4), routed())])
    assert known.state.unjudged is Unjudged.NO_PROMISE
    assert known.state.assessment is None
    assert explanation(CODE, known.state, known.rules, LANGUAGES[Locale.EN], at(6)) is None


def test_a_stream_that_is_ahead_of_the_clock_is_asked_about_after_all_that_is_known() -> None:
    state = dossier((at(6), STOPPED)).state
    assert asked_at(state, at(1)) == at(6)
    assert asked_at(state, at(9)) == at(9)
    assert asked_at(Sla(), at(9)) == at(9)


@given(dossiers())
def test_every_dossier_is_explained_in_both_languages_and_ends_with_its_due_time(
    drawn: tuple[Dossier, datetime],
) -> None:
    random, moment = drawn
    for locale in Locale:
        said = explain(random, moment, locale)
        for text in (*said.sentences, said.headline, said.title):
            assert not set(text) & set("{}")
            assert "None" not in text
        if said.shown.due is not None:
            assert said.words.moment(said.shown.due) in said.sentences[-1]
        assert said.sentences[-1].startswith(("Kết luận", "Conclusion"))
