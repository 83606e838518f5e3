"""The drawing of a dossier's time: every piece where it belongs, within the width."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given

from contracts.values import Locale
from services.sla.clock.segments import Reason
from services.sla.explain.drawing.picture import LATE, ticks
from services.sla.explain.drawing.text import CHARACTERS, draw, plain
from services.sla.explain.explanation import Explanation
from services.sla.explain.page import plain_page
from tests.support.event import CODE
from tests.support.explained import dossier, explain
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    PROCESSED,
    RESUMED,
    STOPPED,
    consulted,
    handed_over,
    started,
)
from tests.support.properties import examples
from tests.support.sla_dossiers import Dossier, dossiers
from tests.support.times import at, vietnam


class TestTheDrawing:
    def lines(self, told: Explanation, width: int = 100) -> list[str]:
        return plain(draw(told.picture, told.words, width)).splitlines()

    def test_shows_each_kind_of_span_by_its_own_character(self) -> None:
        facts = [(at(4, "12:00"), consulted("H29.3")), (at(5), DEMANDED), (at(6), DELIVERED)]
        said = explain(dossier(*facts), at(11))
        (bar,) = (line for line in self.lines(said) if line.startswith("Dossier "))
        for kind in (Reason.HANDLING, Reason.CONSULTATION, Reason.SUPPLEMENT, LATE):
            assert CHARACTERS[kind] in bar
        assert len(set(CHARACTERS.values())) == len(CHARACTERS)

    def test_shows_what_is_short_on_a_long_scale(self) -> None:
        facts = [(at(4, "09:00"), STOPPED), (at(4, "09:01"), RESUMED)]
        said = explain(dossier(*facts), vietnam("2025-03-04 08:00"))
        assert any(CHARACTERS[Reason.STOPPED] in line for line in self.lines(said))

    def test_shows_days_off_and_a_scale_of_dates(self) -> None:
        lines = self.lines(explain(dossier(), at(11)))
        assert "05/03" in lines[0]
        (off,) = (line for line in lines if line.startswith("Days off"))
        assert re.search("▫{10,}", off)

    def test_names_the_moments_and_gives_steps_and_authorities_their_lines(self) -> None:
        facts = [(at(4), started(0)), (at(5), consulted("H29.3", 1)), (at(5), handed_over("H29.1"))]
        text = "\n".join(self.lines(explain(dossier(*facts), at(6)), 130))
        for name in ("Received: 08:00 04/03/2024", "Due: ", "Asked about: ", "to H29.1: ", "┃"):
            assert name in text
        assert "Opinion of H29.3 " in text

    @pytest.mark.parametrize(
        ("days", "label"), [(0.3, "%H:%M"), (9, "%d/%m"), (80, "%d/%m"), (900, "%m/%Y")]
    )
    def test_has_few_enough_dates_on_its_scale(self, days: float, label: str) -> None:
        picture = explain(dossier((at(4, "08:05"), PROCESSED)), at(20)).picture
        long = type(picture)(at(4), at(4) + timedelta(days=days), (), (), (), ())
        found = ticks(long, 10)
        assert 2 <= len(found) <= 10
        assert found[-1][1] == f"{found[-1][0]:{label}}"

    def test_as_svg_is_told_to_those_who_cannot_see_it_and_runs_nothing(self) -> None:
        said = explain(dossier((at(5), STOPPED), (at(5, "10:00"), RESUMED)), at(11))
        document = ElementTree.fromstring(said.svg())
        space = "{http://www.w3.org/2000/svg}"
        title, desc = document.find(f"{space}title"), document.find(f"{space}desc")
        assert title is not None
        assert desc is not None
        assert CODE in (title.text or "")
        assert said.sentences[-1] in (desc.text or "")
        assert document.get("role") == "img"
        assert not {each.tag for each in document.iter()} & {f"{space}script", f"{space}style"}
        used = set(re.findall(r"url\(#([a-z-]+)\)", said.svg()))
        assert used <= {each.get("id") for each in document.iter(f"{space}pattern")}


@examples(0.6)
@given(dossiers())
def test_every_dossier_is_drawn_within_the_width_and_as_well_formed_svg(
    drawn: tuple[Dossier, datetime],
) -> None:
    random, moment = drawn
    said = explain(random, moment, Locale.VI)
    for width in (60, 80, 133):
        assert all(
            len(line) <= width for line in plain(draw(said.picture, said.words, width)).split("\n")
        )
    assert all(len(line) <= 100 for line in plain_page(said).splitlines())
    ElementTree.fromstring(said.svg())
