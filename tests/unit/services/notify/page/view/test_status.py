"""What a citizen is shown of a dossier: where it is, what comes next, by when and why."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

import contracts
from contracts.events import intake, notify, routing
from contracts.events.sla import MoveCause
from contracts.model import EventData, Kind, registered
from contracts.values import FilingChannel, Locale, Outcome
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.notify.deciders import NotifyDecider
from services.notify.dossier.fold import evolve
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify, Papers
from services.notify.page.text.phrase import Phrase
from services.notify.page.view.history import STORY_KEYS
from services.notify.page.view.status import status_view
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored, state_of
from services.shared.lifecycle import ENDED, PublicStatus
from tests.support import facts
from tests.support.facts import (
    completed,
    owed,
    paid,
    processed,
    received,
    returned,
    started,
    stopped,
)
from tests.support.page_dossier import (
    BEGIN,
    CATALOGUE,
    CODE,
    DELIVERED,
    DEMANDED,
    DUE,
    FILING,
    HTML,
    PROCESSED,
    RECEIVED,
    RESUMED,
    ROUTED,
    SET,
    START,
    STOPPED,
    VI,
    WORDS,
    after,
    letter,
    moved,
    shown,
)
from tests.support.rule_sets import WORLD

SAMPLES = Path(contracts.__file__).parent / "samples"
REGISTERED = intake.DossierRegistered(**{**FILING, "channel": "online"})
SECOND = started(1, step="decide", unit="H29.101", lead="cb-2")
OWED = owed(amount=1_500_000, reason="Lệ phí trước bạ")
PART = paid(amount=500_000, outstanding=1_000_000)
PAID = paid(amount=1_000_000, reference="p2")
DENIED = processed("H29.101", outcome=Outcome.DENIED, by="cb-2")
RETURNED = returned("H29.102", by="cb-3")


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
        (FilingChannel.COUNTER, "trả kết quả trực tiếp cho Ông/Bà", "to you in person"),
        (FilingChannel.POSTAL, "cho Ông/Bà qua dịch vụ bưu chính công ích", "to you by post"),
        (FilingChannel.ONLINE, "cho Ông/Bà theo hình thức trực tuyến", "to you online"),
    ],
)
def test_a_result_that_was_returned_says_how_on_the_page_and_in_its_history(
    channel: FilingChannel, vi: str, en: str
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
    seen = status_view(state_of(document, Notify), WORDS[Locale.VI])
    name = CATALOGUE.units["H29.102"].name_vi
    assert VI.say(seen.now) == f"{name} đã trả kết quả cho Ông/Bà."
    assert VI.say(seen.history[0].what) == f"{name} trả kết quả cho Ông/Bà"


def test_an_english_sentence_puts_an_article_before_each_unit() -> None:
    english = HTML.texts[Locale.EN]
    places = {"asked.supplement-where", "asked.payment-where"}  # after the word "where" alone
    for key in english.keys - places:
        said = english(key, unit="Department of Justice")
        assert "Department" not in re.sub(r"\b[Tt]he Department", "", said), key


@pytest.mark.parametrize("end", [PROCESSED, RETURNED, facts.WITHDRAWN])
def test_the_rating_is_offered_when_notify_would_take_it(end: EventData) -> None:
    facts = (*BEGIN, PROCESSED, end) if end is RETURNED else (*BEGIN, end)
    state = after(*facts)
    assert state.status in ENDED
    request = notify.RatingRequested(score=5)
    event = Event("rate", "/x", CODE, START + timedelta(hours=1), request)
    (answer,) = NotifyDecider(Policy(CATALOGUE)).decide(WORLD, state, event)
    taken = isinstance(answer, notify.RatingGiven)
    assert status_view(state, WORDS[Locale.VI]).may_rate is taken
    assert not status_view(after(*facts, notify.RatingGiven(score=4)), WORDS[Locale.VI]).may_rate


@pytest.mark.parametrize("end", [(PROCESSED,), (PROCESSED, RETURNED)])
def test_nobody_is_asked_to_rate_what_an_import_told_as_history(end: tuple[EventData, ...]) -> None:
    closed = intake.HistoryClosed()
    state = after(*BEGIN, *end, closed, history=True)
    assert not state.history
    assert not status_view(state, WORDS[Locale.VI]).may_rate
    event = Event("rate", "/x", CODE, START + timedelta(hours=1), notify.RatingRequested(score=5))
    (answer,) = NotifyDecider(Policy(CATALOGUE)).decide(WORLD, state, event)
    assert not isinstance(answer, notify.RatingGiven)


def test_a_result_that_the_city_returned_may_be_rated_wherever_it_was_decided() -> None:
    decider = NotifyDecider(Policy(CATALOGUE))
    stored: Stored[Notify] = Stored(CODE, 0, decider.initial(CODE))
    past = (*BEGIN, PROCESSED, intake.HistoryClosed())
    for minute, data in enumerate((*past, RETURNED)):
        told = data is not RETURNED
        when = START + timedelta(minutes=minute)
        handle(decider, WORLD, stored, Event(f"f-{minute}", "/x", CODE, when, data, history=told))
    assert status_view(stored.state, WORDS[Locale.VI]).may_rate


def test_a_step_that_never_started_is_not_shown_as_done() -> None:
    both = shown(*BEGIN, SECOND, PROCESSED)
    assert [(s.title, s.state) for s in both.steps] == [
        ("Kiểm tra hồ sơ", "done"),
        ("Quyết định và ký", "done"),
    ]
    left_out = shown(RECEIVED, ROUTED, SET, SECOND)
    assert [(s.title, s.state) for s in left_out.steps] == [("Quyết định và ký", "now")]
    ended = shown(RECEIVED, ROUTED, SET, SECOND, PROCESSED)
    assert [(s.title, s.state) for s in ended.steps] == [("Quyết định và ký", "done")]
    completed_alone = shown(RECEIVED, ROUTED, SET, completed(0), PROCESSED)
    assert completed_alone.steps == ()
    early = shown(*BEGIN, PROCESSED)
    assert [(s.title, s.state) for s in early.steps] == [("Kiểm tra hồ sơ", "done")]


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
    assert seen.promise.why == Phrase("why.working-days", {"count": "3"}), "as was promised"


def test_every_fact_that_stands_in_a_history_has_its_line_in_every_language() -> None:
    told = set()
    for path in SAMPLES.glob("*.json"):
        sample = json.loads(path.read_text(encoding="utf-8"))
        kind = registered().get(sample["type"])
        if kind is not None and kind.KIND is Kind.FACT and kind.TOPIC == DOSSIER_EVENTS:
            fact = Event("x", "/x", CODE, START, kind.model_validate(sample["data"]))
            told |= {f"story.{entry.what}" for entry in evolve(Notify(), fact).story}
    by_channel = {f"story.ResultReturned-{channel}" for channel in FilingChannel}
    assert told | {"story.PaymentReceivedInPart"} | by_channel == STORY_KEYS
