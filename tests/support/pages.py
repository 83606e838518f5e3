"""A dossier's pages as they are sent."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.catalogue import load_catalogue
from contracts.values import Locale
from services.notify.dossier.state import Demand, HistoryEntry, Letter, Notify
from services.notify.page.http.html import Html
from services.notify.page.http.links import Links
from services.notify.page.http.receipt import receipt
from services.notify.page.security.gate import Opened
from services.notify.page.text.texts import FOLDER
from services.notify.page.text.words import Words
from services.shared.lifecycle import Mark, Move, Span
from services.shared.lookup_key import LookupKeys

CODE = "H29.1-260302-0001"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'
LINKS = Links("https://hoso.example.vn/mot-cua", LookupKeys({1: "secret"}))
HTML = Html(LINKS)
WORDS = {locale: Words(load_catalogue(), locale) for locale in Locale}


def a_state(words: str = "Thiếu ảnh", lines: int = 2) -> Notify:
    """A dossier that waits for papers, with officers' words wherever there can be any."""
    return Notify(
        code=CODE,
        marks=(
            Mark(AT, Move.RECEIVED, "1"),
            Mark(AT, Move.STARTED, "2"),
            Mark(AT, Move.SUPPLEMENT_DEMANDED, "3"),
            Mark(AT, Move.PAYMENT_DEMANDED, "4"),
        ),
        span=Span(AT),
        citizen="citizen-1",
        procedure="1.004873",
        receiving_unit="H29.1",
        returning_unit="H29.102",
        unit="H29.101",
        due=AT + timedelta(days=5),
        original_due=AT + timedelta(days=3),
        plan=tuple(f"step-{number}" for number in range(12)),
        supplement=Demand(AT, words, (words[:200],) * 10),
        payment=Demand(AT, words, amount=1_500_000),
        letter=Letter(AT, words, AT + timedelta(days=5), "H29.101"),
        story=tuple(
            HistoryEntry(AT + timedelta(hours=n), "DossierStopped", str(n), "H29.101", words)
            for n in range(lines)
        ),
    )


def a_receipt(state: Notify, locale: Locale = Locale.VI) -> str:
    shown = receipt(Opened(CODE, "KEY", 1, state), WORDS, LINKS.link(CODE))
    answer = HTML.page("receipt.html", locale, other="/", **shown)
    return bytes(answer.body).decode()


def texts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "texts"))
