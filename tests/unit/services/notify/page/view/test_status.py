"""What a citizen is shown of a dossier: where it is, what comes next, by when and why."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from fastapi.encoders import jsonable_encoder

import contracts
from contracts.catalogue import load_catalogue
from contracts.events import intake, notify, routing, sla
from contracts.events.sla import MoveCause
from contracts.model import EventData, Kind, registered
from contracts.values import Channel, Locale, Outcome
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.notify.deciders import NotifyDecider
from services.notify.dossier.fold import evolve
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify, Papers
from services.notify.page.http.html import Html
from services.notify.page.http.links import Links
from services.notify.page.text.words import Words
from services.notify.page.view.history import STORY_KEYS
from services.notify.page.view.portal import portal
from services.notify.page.view.status import Look, look
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored, state_of
from services.shared.lifecycle import ENDED, PublicStatus
from tests.support import facts
from tests.support.facts import (
    deadline_set,
    delivered,
    demanded,
    filing,
    owed,
    paid,
    processed,
    received,
    resumed,
    returned,
    routed,
    started,
    stopped,
)

SAMPLES = Path(contracts.__file__).parent / "samples"
CODE = "H29.1-260302-0001"
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DUE = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
CATALOGUE = load_catalogue()
WORDS = {locale: Words(CATALOGUE, locale) for locale in Locale}
HTML = Html(Links("https://hoso.example.vn", "secret"))
VI = HTML.texts[Locale.VI]

FILING = filing("1.004873", "H29.1", returning_unit="H29.102")
RECEIVED = intake.DossierReceived(**FILING, by="cb-1")
REGISTERED = intake.DossierRegistered(**{**FILING, "channel": "online"})
ROUTED = routed("H29.101", "1.004873", "short", steps=("receive-check", "decide"))
SET = deadline_set(DUE)
FIRST = started(0, step="receive-check", unit="H29.101")
SECOND = started(1, step="decide", unit="H29.101", lead="cb-2")
BEGIN: tuple[EventData, ...] = (RECEIVED, ROUTED, SET, FIRST)
DEMANDED = demanded(
    documents=("Bản sao giấy khai sinh", "Ảnh 4x6"),
    reason="Thiếu giấy tờ",
    until=DUE + timedelta(days=10),
)
DELIVERED = delivered(documents=("Ảnh 4x6",), unit="H29.102")
OWED = owed(amount=1_500_000, reason="Lệ phí trước bạ")
PART = paid(amount=500_000, outstanding=1_000_000)
PAID = paid(amount=1_000_000, reference="p2")
STOPPED = stopped(reason="Chờ tòa án")
RESUMED = resumed(reason="Đã có bản án")
OVERDUE = sla.DossierOverdue(due=DUE, unit="H29.101")
PROCESSED = processed("H29.101", by="cb-2")
DENIED = processed("H29.101", outcome=Outcome.DENIED, by="cb-2")
RETURNED = returned("H29.102", by="cb-3")


def moved(cause: MoveCause | None = None, days: int = 2) -> sla.DeadlineMoved:
    due = DUE + timedelta(days=days)
    return sla.DeadlineMoved(due=due, previous=DUE, original=DUE, reason="r", rule="r", cause=cause)


def letter(due: datetime) -> sla.ApologyIssued:
    return facts.letter(DUE, due, reason="Chờ xác minh", unit="H29.101")


def after(*facts: EventData) -> Notify:
    """The state after facts, one a minute."""
    decider = NotifyDecider(Policy(CATALOGUE))
    stored: Stored[Notify] = Stored(CODE, 0, decider.initial(CODE))
    for minute, data in enumerate(facts):
        fact = Event(f"fact-{minute}", "/x", CODE, START + timedelta(minutes=minute), data)
        handle(decider, stored, fact)
    return stored.state


def shown(*facts: EventData, locale: Locale = Locale.VI) -> Look:
    return look(after(*facts), WORDS[locale])


def test_it_says_where_the_dossier_is_and_which_step_it_is_in() -> None:
    seen = shown(*BEGIN)
    assert seen.status is PublicStatus.IN_PROCESS
    ward = CATALOGUE.units["H29.101"].name_vi
    assert VI.say(seen.now) == (f"Hồ sơ đang được giải quyết tại {ward}, bước 1/2: Kiểm tra hồ sơ.")
    assert VI.say(seen.next) == "Sau bước này đến bước: Quyết định và ký."
    assert [(s.title, s.state) for s in seen.steps] == [
        ("Kiểm tra hồ sơ", "now"),
        ("Quyết định và ký", "later"),
    ]


def test_the_last_step_says_where_the_result_will_be_returned() -> None:
    other = CATALOGUE.units["H29.102"]
    said = VI.say(shown(*BEGIN, SECOND).next)
    assert other.name_vi in said
    assert other.address in said


def test_the_due_time_stands_with_the_weekday_in_vietnam_and_the_law_that_set_it() -> None:
    promise = shown(*BEGIN).promise
    assert promise is not None
    assert promise.due.text == "17:00 thứ Năm, ngày 05/03/2026"
    assert promise.due.iso == "2026-03-05T17:00:00+07:00"
    assert promise.why is not None
    assert VI.say(promise.why) == (
        "Theo thời hạn của thủ tục: 3 ngày làm việc kể từ khi tiếp nhận."
    )
    english = shown(*BEGIN, locale=Locale.EN).promise
    assert english is not None
    assert english.due.text == "17:00, Thursday 5 March 2026"


def test_what_is_asked_of_the_citizen_has_its_reason_its_last_day_and_its_place() -> None:
    seen = shown(*BEGIN, DEMANDED)
    (wish,) = seen.asked
    assert wish.documents == ("Bản sao giấy khai sinh", "Ảnh 4x6")
    assert wish.reason == "Thiếu giấy tờ"
    assert wish.until is not None
    assert CATALOGUE.units["H29.1"].address in VI.say(wish.where)
    assert seen.tone == "yours"
    assert seen.promise is not None
    assert seen.promise.paused
    assert seen.promise.why is not None
    assert seen.promise.why.key == "why.paused"


def test_what_was_handed_in_is_asked_no_more_and_the_moved_date_says_why() -> None:
    seen = shown(*BEGIN, DEMANDED, DELIVERED, moved())
    assert seen.asked == ()
    assert seen.promise is not None
    assert seen.promise.original is not None
    assert seen.promise.original.text == "17:00 thứ Năm, ngày 05/03/2026"
    assert seen.promise.why is not None
    assert seen.promise.why.key == "why.time-given-back"


def test_a_date_that_moved_though_nobody_waited_was_computed_anew() -> None:
    promise = shown(*BEGIN, moved()).promise
    assert promise is not None
    assert promise.why is not None
    assert promise.why.key == "why.recomputed"


WARD = CATALOGUE.units["H29.101"]
REASONS = [
    (
        MoveCause.TIME_GIVEN_BACK,
        "Ngày hẹn được dời, vì thời gian hồ sơ chờ không tính vào thời hạn giải quyết.",
        "The date has moved, because the time that the dossier waited does not count.",
    ),
    (
        MoveCause.OTHER_HOURS,
        "Ngày hẹn được tính lại theo giờ làm việc của cơ quan đang giải quyết hồ sơ.",
        "The date was computed anew by the office hours of the authority that handles the dossier.",
    ),
    (
        MoveCause.EXTENDED,
        f"{WARD.name_vi} đã xin lỗi và hẹn lại ngày trả kết quả.",
        f"The {WARD.name_en} has apologised and given a new date.",
    ),
    (
        MoveCause.RULES_CHANGED,
        "Ngày hẹn được tính lại theo lịch làm việc hoặc quy định về thời hạn mới được ban hành.",
        "The date was computed anew by a newly issued working calendar or rule on standard times.",
    ),
]
"""What a citizen reads of each cause, in both languages."""


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
    promise = look(state, WORDS[Locale.VI]).promise
    assert promise is not None
    assert promise.why is not None
    assert promise.why.key == "why.time-given-back"


def test_what_was_handed_in_is_kept_by_name_and_of_very_much_the_number() -> None:
    assert after(*BEGIN).papers is None
    many = tuple(f"Giấy tờ {number}" for number in range(400))
    for kind in (intake.DossierReceived, intake.DossierRegistered):
        by = {"by": "cb-1"} if kind is intake.DossierReceived else {}
        few = after(kind(**FILING, **by, documents=many[:2]))
        assert few.papers == Papers(many[:2])
        papers = after(kind(**FILING, **by, documents=many)).papers
        assert papers is not None
        assert papers.names == many[: len(papers.names)]
        assert len(papers.names) + papers.more == 400
        assert len(papers.names) <= 50


def test_a_payment_in_part_leaves_the_rest_to_be_paid() -> None:
    (wish,) = shown(*BEGIN, OWED, PART).asked
    assert wish.amount == 1_000_000
    assert VI.say(wish.title) == "Nộp 1.000.000 đồng"
    assert shown(*BEGIN, OWED, PART, PAID).asked == ()


def test_papers_and_money_may_be_asked_at_once() -> None:
    assert [w.kind for w in shown(*BEGIN, DEMANDED, OWED).asked] == ["supplement", "payment"]


def test_nothing_is_asked_any_more_once_the_dossier_has_ended() -> None:
    withdrawn = facts.withdrawn(reason="không cần nữa")
    seen = shown(*BEGIN, DEMANDED, withdrawn)
    assert seen.asked == ()
    assert seen.promise is None
    assert seen.reason == "không cần nữa"
    assert seen.steps == ()


def test_a_stopped_dossier_says_why() -> None:
    seen = shown(*BEGIN, STOPPED)
    assert seen.reason == "Chờ tòa án"
    assert seen.tone == "paused"
    assert shown(*BEGIN, STOPPED, RESUMED).reason == ""


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


SECOND_DUE = DUE + timedelta(days=4)
OVERDUE_AGAIN = sla.DossierOverdue(due=SECOND_DUE, unit="H29.101")
MISSED_AGAIN = (*BEGIN, letter(SECOND_DUE), moved(MoveCause.EXTENDED, 4), OVERDUE_AGAIN)


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
        seen = look(state, WORDS[Locale.VI], now)
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


def test_an_overdue_alert_that_was_retracted_is_not_shown() -> None:
    overdue = len(BEGIN)
    back = sla.AlertRetracted(
        alert_id=f"fact-{overdue}", alert="DossierOverdue", reason="r", due=DUE
    )
    assert shown(*BEGIN, OVERDUE, back).tone == "working"


def test_a_letter_that_moved_the_date_is_its_reason() -> None:
    due = DUE + timedelta(days=2)
    promise = shown(*BEGIN, letter(due), moved(MoveCause.EXTENDED)).promise
    assert promise is not None
    assert promise.why is not None
    assert promise.why.key == "why.letter"


def test_a_result_says_what_it_is_and_where_it_is_fetched() -> None:
    seen = shown(*BEGIN, SECOND, PROCESSED)
    assert seen.tone == "done"
    assert CATALOGUE.procedures["1.004873"].result_vi in VI.say(seen.now)
    assert CATALOGUE.units["H29.102"].address in VI.say(seen.next)
    assert {step.state for step in seen.steps} == {"done"}
    denied = shown(*BEGIN, SECOND, DENIED)
    assert denied.now.key == "now.9-denied"


@pytest.mark.parametrize(
    ("channel", "vi", "en"),
    [
        (Channel.COUNTER, "trả kết quả trực tiếp cho Ông/Bà", "to you in person"),
        (Channel.POSTAL, "cho Ông/Bà qua dịch vụ bưu chính công ích", "to you by post"),
        (Channel.ONLINE, "cho Ông/Bà theo hình thức trực tuyến", "to you online"),
    ],
)
def test_a_result_that_was_returned_says_how_on_the_page_and_in_its_history(
    channel: Channel, vi: str, en: str
) -> None:
    returned = routing.ResultReturned(unit="H29.102", channel=channel, by="cb-3")
    for locale, how in ((Locale.VI, vi), (Locale.EN, en)):
        seen = shown(*BEGIN, PROCESSED, returned, locale=locale)
        for said in (
            HTML.texts[locale].say(seen.now),
            HTML.texts[locale].say(seen.history[0].what),
        ):
            assert how in said
            assert WORDS[locale].office("H29.102").name in said
        assert seen.history[0].words == ""


def test_a_result_of_which_an_older_release_did_not_write_down_how_is_not_guessed_at() -> None:
    document = Stored(CODE, 0, after(*BEGIN, PROCESSED, RETURNED)).document()
    story = document["state"]["story"]
    document["state"]["story"] = [line[:5] for line in story]
    assert len(story[0]) == 6, "a line has grown at its end alone"
    seen = look(state_of(document, Notify), WORDS[Locale.VI])
    name = CATALOGUE.units["H29.102"].name_vi
    assert VI.say(seen.now) == f"{name} đã trả kết quả cho Ông/Bà."
    assert VI.say(seen.history[0].what) == f"{name} trả kết quả cho Ông/Bà"


def test_an_english_sentence_puts_an_article_before_each_unit() -> None:
    english = HTML.texts[Locale.EN]
    places = {"asked.supplement-where", "asked.payment-where"}  # after the word "where" alone
    for key in english.keys - places:
        said = english(key, unit="Department of Justice")
        assert "Department" not in re.sub(r"\b[Tt]he Department", "", said), key


def test_what_was_done_after_the_due_time_is_not_called_in_time() -> None:
    late = shown(*BEGIN, OVERDUE, PROCESSED).promise
    assert late is not None
    assert late.why is not None
    assert late.why.key == "why.ended-late"
    in_time = shown(*BEGIN, PROCESSED).promise
    assert in_time is not None
    assert in_time.why is not None
    assert in_time.why.key == "why.ended"


@pytest.mark.parametrize("end", [PROCESSED, RETURNED, facts.WITHDRAWN])
def test_the_rating_is_offered_when_notify_would_take_it(end: EventData) -> None:
    facts = (*BEGIN, PROCESSED, end) if end is RETURNED else (*BEGIN, end)
    state = after(*facts)
    assert state.status in ENDED
    request = notify.RatingRequested(score=5)
    event = Event("rate", "/x", CODE, START + timedelta(hours=1), request)
    (answer,) = NotifyDecider(Policy(CATALOGUE)).decide(state, event)
    taken = isinstance(answer, notify.RatingGiven)
    assert look(state, WORDS[Locale.VI]).may_rate is taken
    assert not look(after(*facts, notify.RatingGiven(score=4)), WORDS[Locale.VI]).may_rate


def test_a_dossier_registered_online_waits_without_a_date() -> None:
    seen = shown(REGISTERED)
    assert seen.promise is None
    assert VI.say(seen.state) == "Mới đăng ký"
    refused = shown(REGISTERED, intake.DossierNotReceived(reason="Sai mẫu", by="cb-1"))
    assert refused.reason == "Sai mẫu"
    assert refused.tone == "closed"


def test_the_history_is_told_newest_first_and_a_long_reason_is_cut_there_but_not_above() -> None:
    long = "rất dài " * 249
    seen = shown(*BEGIN, stopped(reason=long))
    assert seen.reason == long
    newest = seen.history[0]
    assert VI.say(newest.what) == "Dừng giải quyết hồ sơ"
    assert len(newest.words) <= 300
    assert newest.words.endswith("…")
    assert seen.history[-1].event == "DossierReceived"


def test_a_history_that_is_very_long_is_shown_in_part() -> None:
    pauses = [fact for _ in range(60) for fact in (STOPPED, RESUMED)]
    seen = shown(*BEGIN, *pauses)
    assert len(seen.history) + seen.older == 3 + 120
    assert seen.older > 0


def test_what_the_catalogue_does_not_know_is_shown_by_its_code() -> None:
    step = started(step="odd", unit="X1")
    seen = shown(received("9.999999", "X1", returning_unit="X2"), SET, step)
    assert seen.procedure == "9.999999"
    assert seen.receiving is not None
    assert seen.receiving.name == "X1"
    assert VI.say(seen.now)
    assert VI.say(seen.next)
    assert seen.promise is not None
    assert seen.promise.why is None


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


def test_every_fact_that_stands_in_a_history_has_its_line_in_every_language() -> None:
    told = set()
    for path in SAMPLES.glob("*.json"):
        sample = json.loads(path.read_text(encoding="utf-8"))
        kind = registered().get(sample["type"])
        if kind is not None and kind.KIND is Kind.FACT and kind.TOPIC == DOSSIER_EVENTS:
            fact = Event("x", "/x", CODE, START, kind.model_validate(sample["data"]))
            told |= {f"story.{entry.what}" for entry in evolve(Notify(), fact).story}
    by_channel = {f"story.ResultReturned-{channel}" for channel in Channel}
    assert told | {"story.PaymentReceivedInPart"} | by_channel == STORY_KEYS
