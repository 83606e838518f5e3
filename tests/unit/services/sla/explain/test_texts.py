"""The texts of explanations: complete in both languages, and found by what was asked for."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

import pytest

from contracts.catalogue import load_catalogue
from contracts.rules import RulesError
from contracts.values import Locale
from services.sla.explain.texts import TEXTS, load_texts
from services.sla.explain.words import Words
from services.sla.http.clock_routes import ClockFormat, preferred
from tests.support.explained import LANGUAGES


class TestTheTexts:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for locale in Locale:
            copy(TEXTS / f"{locale}.toml", tmp_path)
        return tmp_path

    def fault(self, folder: Path, old: str, new: str) -> str:
        path = folder / "vi.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(RulesError) as caught:
            load_texts(folder)
        return str(caught.value)

    def test_that_name_a_field_that_they_are_not_given_are_refused(self, folder: Path) -> None:
        fault = self.fault(folder, "tiếp nhận lúc {at}.", "tiếp nhận lúc {when}.")
        assert "vi.toml" in fault
        assert "[sentences] reception: no field when; there are code, procedure" in fault

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ('original = "Vì', 'originale = "Vì', "[sentences] original is missing"),
            ('original = "Vì', 'originale = "Vì', "[sentences] originale: nobody asks for it"),
            ("{hour:02} giờ", "{hour:02s} giờ", "[sentences] time"),
            ("{hour:02} giờ", "{hour giờ", "[sentences] time"),
            ("{count} phút", "{number} phút", "[counted] minutes: no field number"),
            ('"Chủ nhật"]', '"Chủ nhật", "nữa"]', "weekdays"),
            ('title = "', "title = 5 #", "words.title"),
        ],
    )
    def test_that_are_broken_are_named(self, folder: Path, old: str, new: str, words: str) -> None:
        assert words in self.fault(folder, old, new)

    def test_count_in_the_singular_and_the_plural(self) -> None:
        words = Words(LANGUAGES[Locale.EN], load_catalogue())
        assert words.duration(3661) == "1 hour 1 minute 1 second"
        assert words.duration(2 * 3661) == "2 hours 2 minutes 2 seconds"
        assert words.duration(0) == "0 hours"
        assert words.hours_and_minutes(100 * 3600 + 60) == "100:01"

    def test_call_what_the_catalogue_lacks_by_its_code(self) -> None:
        words = Words(LANGUAGES[Locale.VI], load_catalogue())
        assert (words.unit("Z9"), words.procedure("9.9"), words.form("99/x")) == (
            "Z9",
            "9.9",
            "99/x",
        )
        assert words.step("short/1", "decide") == "Quyết định và ký"
        assert words.step(None, "decide") == words.step("none/7", "decide") == "decide"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, ClockFormat.JSON),
        ("*/*", ClockFormat.JSON),
        ("text/plain", ClockFormat.TEXT),
        ("text/html, image/svg+xml;q=0.9, */*;q=0.1", ClockFormat.SVG),
        ("text/plain;q=0.5, application/json", ClockFormat.JSON),
        ("Text/Plain; Q=1", ClockFormat.TEXT),
        ("text/plain;q=0", ClockFormat.JSON),
        ("text/plain;q=much", ClockFormat.JSON),
        ("application/pdf", ClockFormat.JSON),
    ],
)
def test_the_header_accept_decides_unless_somebody_asks(
    accept: str | None, wanted: ClockFormat
) -> None:
    assert preferred(accept) is wanted
