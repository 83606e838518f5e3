"""The last call for a letter of apology, and since when a letter is owed.

On the dossier of `test_letters`: due on Thursday 7 March 2024 at 8:00, the letter is in time until
Wednesday at 8:00.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contracts.catalogue import load_catalogue
from contracts.events import sla
from contracts.events.sla import AlertKind, DebtCause, RetractionCause
from contracts.model import EventData
from contracts.values import rfc3339
from contracts.wire import codec
from services.sla.dossier.state import Alert, LetterStanding
from services.sla.http.view import view
from tests.support.event import CODE
from tests.support.facts import OFFICER, PROCESSED, STOPPED, WITHDRAWN, started
from tests.support.letters import HEAD, Desk, names
from tests.support.rule_sets import WORLD
from tests.support.sla_dossiers import DECIDER
from tests.support.times import at, vietnam

OTHER_HEAD = load_catalogue().units["H29.1"].head
DUE = at(7)
LETTER_BY = at(6)


class TestTheLastCall:
    def test_is_given_once_a_working_day_before_and_owes_nothing(self) -> None:
        desk = Desk()
        desk.passes(at(6, "09:00"))
        assert "LastCallGiven" in desk.standing
        assert "ApologyOwed" not in desk.standing
        desk.told(PROCESSED, at(6, "16:00"))
        desk.passes(at(28))
        assert desk.standing.count("LastCallGiven") == 1
        assert "ApologyOwed" not in desk.standing
        assert desk.state.letter_standing is None

    def test_is_not_given_to_whom_wrote_the_letter(self) -> None:
        desk = Desk()
        desk.apologises(at(5), at(11))
        desk.passes(at(6, "09:00"))
        assert "LastCallGiven" not in desk.standing

    def test_that_an_older_release_called_a_letter_owed_is_not_given_again(self) -> None:
        old = codec.from_json(
            {
                "specversion": "1.0",
                **{"id": "old", "source": "/motcua/sla", "subject": CODE},
                **{"type": "vn.motcua.ApologyOwed.v1", "time": rfc3339(LETTER_BY)},
                "data": {"at": rfc3339(LETTER_BY), "due": rfc3339(DUE), "unit": "H29.15"},
            }
        )
        assert isinstance(old.data, sla.LastCallGiven)
        on_the_log, in_the_state = Desk(), Desk()
        on_the_log.stored.state = DECIDER.evolve(WORLD, on_the_log.state, old)
        kept = Alert(LETTER_BY, "old", AlertKind.APOLOGY_OWED, DUE)
        in_the_state.stored.state = replace(in_the_state.state, alerts=(kept,))
        for desk in (on_the_log, in_the_state):
            desk.passes(at(8))
            said = [e.data.NAME for e in desk.said if isinstance(e.data, sla.ALERTS)]
            assert said == ["DossierSoonDue", "ApologyOwed", "DossierOverdue"]
            assert not any(isinstance(e.data, sla.AlertRetracted) for e in desk.said)
        in_the_state.told(STOPPED, at(5))  # it stood: the old one is taken back by its own name
        gone = [e.data for e in in_the_state.said if isinstance(e.data, sla.AlertRetracted)]
        assert ("old", "ApologyOwed") in {(data.alert_id, data.alert) for data in gone}


def test_what_ended_late_before_debts_were_announced_lacks_its_letter_all_the_same() -> None:
    desk = Desk()
    desk.told(PROCESSED, at(8))
    kept = tuple(a for a in desk.state.alerts if a.kind is not AlertKind.APOLOGY_OWED)
    assert replace(desk.state, alerts=kept).letter_standing is LetterStanding.MISSING


class TestADebt:
    def test_stands_from_the_breach_on(self) -> None:
        desk = Desk()
        desk.passes(at(8))
        (owed,) = [e.data for e in desk.said if isinstance(e.data, sla.ApologyOwed)]
        assert (owed.at, owed.due, owed.cause) == (DUE, DUE, DebtCause.BREACH)
        assert desk.state.letter_standing is LetterStanding.MISSING

    @pytest.mark.parametrize("by", [HEAD, OFFICER])
    def test_stands_from_when_the_lead_or_the_head_says_that_it_will_be_late(self, by: str) -> None:
        desk = Desk()
        desk.told(started(lead=OFFICER), at(4, "09:00"))
        foreseen, owed = desk.foresees(at(5), by)
        assert isinstance(foreseen, sla.DelayForeseen)
        assert (foreseen.unit, foreseen.by) == ("H29.15", by)
        assert isinstance(owed, sla.ApologyOwed)
        assert (owed.at, owed.due, owed.cause) == (at(5), DUE, DebtCause.FORESEEN)
        desk.passes(at(8))
        assert desk.standing.count("ApologyOwed") == 1

    def test_is_void_if_the_date_was_kept_after_all(self) -> None:
        desk = Desk()
        desk.foresees(at(5))
        (gone,) = desk.told(PROCESSED, at(6))
        assert isinstance(gone, sla.AlertRetracted)
        assert (gone.alert, gone.cause) == ("ApologyOwed", RetractionCause.KEPT)
        assert desk.state.letter_standing is None

    def test_is_taken_back_by_a_late_fact_that_shows_that_the_date_was_kept(self) -> None:
        desk = Desk()
        desk.passes(at(8))
        gone = desk.told(PROCESSED, at(6, "16:00"))
        assert {d.alert for d in gone if isinstance(d, sla.AlertRetracted)} == {
            *("ApologyOwed", "DossierOverdue")
        }
        assert desk.state.letter_standing is None

    def test_is_taken_away_by_an_exemption(self) -> None:
        desk = Desk()
        desk.foresees(at(5))
        gone = desk.exempts(at(5, "09:00"))[-1]
        assert isinstance(gone, sla.AlertRetracted)
        assert (gone.alert, gone.cause) == ("ApologyOwed", RetractionCause.EXEMPT)

    def test_is_shown_with_its_reason(self) -> None:
        desk = Desk()
        desk.foresees(at(5))
        shown = view(CODE, desk.state)
        assert shown["foreseen"] == {"at": at(5), "reason": "the surveyor is ill"}
        assert shown["letter"] is LetterStanding.MISSING
        assert shown["letter_missing"] is False, "it is not late yet"


class TestAForeseenDelayIsRefused:
    def test_to_anyone_but_the_lead_and_the_head(self) -> None:
        desk = Desk()
        desk.told(started(lead=OFFICER), at(4, "09:00"))
        for by in ("cb-2", OTHER_HEAD):
            reason, detail = desk.refuses_foresight(at(5), by)
            assert reason == "not-the-lead"
            assert detail.startswith(
                "this takes: officer who leads the open step; officer who stands in"
            )
            assert HEAD not in detail

    def test_to_whoever_leads_another_step_than_the_open_one(self) -> None:
        desk = Desk()
        desk.told(started(lead=OFFICER), at(4, "09:00"))
        desk.told(started(1, lead="cb-2"), at(5))
        assert desk.refuses_foresight(at(5, "09:00"), OFFICER)[0] == "not-the-lead"
        assert names(desk.foresees(at(4, "10:00"), OFFICER))[0] == "DelayForeseen"

    def test_a_second_time_and_once_it_is_late(self) -> None:
        desk = Desk()
        desk.foresees(at(5))
        assert desk.refuses_foresight(at(5, "09:00"))[0] == "already-owed"
        late = Desk()
        assert late.refuses_foresight(at(8))[0] == "already-owed"

    @pytest.mark.parametrize("data", [PROCESSED, WITHDRAWN])
    def test_after_the_end(self, data: EventData) -> None:
        desk = Desk()
        desk.told(data, at(5))
        reason, detail = desk.refuses_foresight(at(5, "09:00"))
        assert reason == "wrong-state"
        assert "cannot be foreseen to be late" in detail

    def test_for_a_dossier_that_is_not_there_or_that_nobody_can_judge(self) -> None:
        assert Desk(begin=None).refuses_foresight(at(5))[0] == "unknown-dossier"
        archived = Desk(vietnam("1999-12-30 08:00"))
        assert archived.refuses_foresight(vietnam("1999-12-31 08:00"))[0] == "wrong-state"

    def test_not_in_a_pause(self) -> None:
        desk = Desk()
        desk.told(STOPPED, at(5))
        assert names(desk.foresees(at(5, "09:00"))) == ["DelayForeseen", "ApologyOwed"]
