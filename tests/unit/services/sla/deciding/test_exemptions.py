"""Exemptions from the letter of apology: on which grounds, who grants them, what follows."""

from __future__ import annotations

from itertools import permutations

import pytest

from contracts.events import sla
from contracts.events.sla import ExemptionGround, RetractionCause
from contracts.model import EventData
from tests.support.facts import (
    PROCESSED,
    STOPPED,
    WITHDRAWN,
    exempted,
)
from tests.support.letters import HEAD, Desk, names
from tests.support.times import at


class TestAnExemption:
    def test_is_granted_to_the_head_with_its_ground(self) -> None:
        (granted,) = Desk().exempts(at(5))
        assert isinstance(granted, sla.ExemptionGranted)
        assert granted.ground is ExemptionGround.FORCE_MAJEURE
        assert (granted.reason, granted.unit, granted.by) == ("a flood", "H29.15", HEAD)

    def test_takes_the_letter_back_that_was_owed_at_once(self) -> None:
        desk = Desk()
        desk.passes(at(8))
        granted, *gone = desk.exempts(at(8))
        assert isinstance(granted, sla.ExemptionGranted)
        assert [(g.alert, g.cause) for g in gone if isinstance(g, sla.AlertRetracted)] == [
            ("LastCallGiven", RetractionCause.EXEMPT),
            ("ApologyOwed", RetractionCause.EXEMPT),
        ]
        assert desk.standing == ["DossierSoonDue", "DossierOverdue"]

    def test_makes_nothing_punctual_that_is_late(self) -> None:
        desk = Desk()
        desk.exempts(at(5))
        desk.passes(at(8))
        assert desk.standing == ["DossierSoonDue", "DossierOverdue"]
        assert desk.state.late
        assert not desk.state.letter_missing

    @pytest.mark.parametrize("data", [STOPPED, PROCESSED, WITHDRAWN])
    def test_may_be_stated_whatever_has_become_of_the_dossier(self, data: EventData) -> None:
        desk = Desk()
        desk.told(data, at(8))
        assert names(desk.exempts(at(8, "09:00")))[0] == "ExemptionGranted"

    def test_may_be_entered_late(self) -> None:
        desk = Desk()
        desk.passes(at(8))
        assert names(desk.exempts(at(5))) == ["ExemptionGranted", *["AlertRetracted"] * 2]
        exemption = desk.state.exemption
        assert exemption is not None
        assert exemption.at == at(5)

    def test_leaves_a_letter_possible(self) -> None:
        desk = Desk()
        desk.exempts(at(5))
        assert names(desk.apologises(at(5), at(11))) == ["ApologyIssued", "DeadlineMoved"]

    def test_is_refused_to_anyone_but_the_head(self) -> None:
        assert Desk().refuses_exemption(at(5), "cb-1")[0] == "not-the-head"

    def test_is_refused_for_a_dossier_that_is_not_there(self) -> None:
        assert Desk(begin=None).refuses_exemption(at(5))[0] == "unknown-dossier"

    def test_is_refused_for_a_time_at_which_nothing_was_promised(self) -> None:
        reason, detail = Desk().refuses_exemption(at(1))
        assert reason == "wrong-state"
        assert "not there yet" in detail

    def test_is_refused_a_second_time_even_if_it_is_dated_before_the_first(self) -> None:
        desk = Desk()
        desk.exempts(at(5))
        for time in (at(4, "09:00"), at(6)):
            reason, detail = desk.refuses_exemption(time)
            assert reason == "already-exempt"
            assert "force-majeure" in detail

    def test_that_was_told_earliest_stands_whatever_order_they_come_in(self) -> None:
        facts = [
            (at(6), exempted(ExemptionGround.STATE_SECRET)),
            (at(5), exempted(ExemptionGround.WITHHELD_INFORMATION)),
            (at(7), exempted(ExemptionGround.FORCE_MAJEURE)),
        ]
        for order in permutations(facts):
            desk = Desk()
            for time, fact in order:
                desk.told(fact, time)
            assert desk.state.exemption is not None
            assert desk.state.exemption.ground == ExemptionGround.WITHHELD_INFORMATION
