"""A dossier of three working days as its citizen is shown it, and the facts it is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.catalogue import load_catalogue
from contracts.events import intake, sla
from contracts.events.sla import MoveCause
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.envelope import Event
from services.notify.deciders import NotifyDecider
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify
from services.notify.page.http.html import Html
from services.notify.page.http.links import Links
from services.notify.page.text.words import Words
from services.notify.page.view.status import StatusView, status_view
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from services.shared.lookup_key import LookupKeys
from tests.support import facts
from tests.support.facts import (
    deadline_set,
    delivered,
    demanded,
    filing,
    processed,
    resumed,
    routed,
    started,
    stopped,
)
from tests.support.rule_sets import WORLD

CODE = "H29.1-260302-0001"
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DUE = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
CATALOGUE = load_catalogue()
WORDS = {locale: Words(CATALOGUE, locale) for locale in Locale}
HTML = Html(Links("https://hoso.example.vn", LookupKeys({1: "secret"})))
VI = HTML.texts[Locale.VI]
FILING = filing("1.004873", "H29.1", returning_unit="H29.102")
RECEIVED = intake.DossierReceived(**FILING, by="cb-1")
ROUTED = routed("H29.101", "1.004873", "short", steps=("receive-check", "decide"))
SET = deadline_set(DUE)
FIRST = started(0, step="receive-check", unit="H29.101")
BEGIN: tuple[EventData, ...] = (RECEIVED, ROUTED, SET, FIRST)
DEMANDED = demanded(
    documents=("Bản sao giấy khai sinh", "Ảnh 4x6"),
    reason="Thiếu giấy tờ",
    until=DUE + timedelta(days=10),
)
DELIVERED = delivered(documents=("Ảnh 4x6",), unit="H29.102")
STOPPED = stopped(reason="Chờ tòa án")
RESUMED = resumed(reason="Đã có bản án")
PROCESSED = processed("H29.101", by="cb-2")


def moved(cause: MoveCause | None = None, days: int = 2) -> sla.DeadlineMoved:
    due = DUE + timedelta(days=days)
    return sla.DeadlineMoved(due=due, previous=DUE, original=DUE, reason="r", rule="r", cause=cause)


def letter(due: datetime | None) -> sla.ApologyIssued:
    return facts.letter(DUE, due, reason="Chờ xác minh", unit="H29.101")


def after(*facts: EventData, history: bool = False) -> Notify:
    """The state after facts, one a minute."""
    decider = NotifyDecider(Policy(CATALOGUE))
    stored: Stored[Notify] = Stored(CODE, 0, decider.initial(CODE))
    for minute, data in enumerate(facts):
        when = START + timedelta(minutes=minute)
        fact = Event(f"fact-{minute}", "/x", CODE, when, data, history=history)
        handle(decider, WORLD, stored, fact)
    return stored.state


def shown(*facts: EventData, locale: Locale = Locale.VI) -> StatusView:
    return status_view(after(*facts), WORDS[locale])


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
SECOND_DUE = DUE + timedelta(days=4)
OVERDUE_AGAIN = sla.DossierOverdue(due=SECOND_DUE, unit="H29.101")
MISSED_AGAIN = (*BEGIN, letter(SECOND_DUE), moved(MoveCause.EXTENDED, 4), OVERDUE_AGAIN)
