"""Rules in force: read as a whole or not at all, lenient where they must be. And the gauges."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import sla
from contracts.events.sla import MoveCause
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Stored
from services.shared import working_time
from services.shared.rulebook import book as rule_book
from services.shared.rulebook.book import load_rule_book
from services.shared.toml_file import FileError
from services.shared.working_time import load_calendars
from services.sla import metrics
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Sla
from services.sla.figures.gauges import GAUGES, show, tell_retractions
from services.sla.figures.open_dossiers import judged_by_others
from services.sla.in_force.files import RuleFiles
from services.sla.in_force.watch import unconfirmed
from services.sla.settings import SlaSettings
from tests.support.event import CODE
from tests.support.facts import RESUMED, STOPPED, paid, received, routed

BEGIN = datetime(2024, 3, 4, 1, tzinfo=UTC)
"""A Monday, eight o'clock in Vietnam; due on Thursday at eight."""
NEW_RULES_AT = BEGIN + timedelta(days=1)
DAY_OFF = '[[days]]\ndate = 2024-03-06\nkind = "off"\nreason = "Nghỉ"\nsource = "a test"\n'


@pytest.fixture
def settings(tmp_path: Path) -> SlaSettings:
    """Both folders, copied for a test to change."""
    made = SlaSettings(calendars=tmp_path / "calendars", rules=tmp_path / "rules")
    shutil.copytree(working_time.DATA, made.calendars)
    shutil.copytree(rule_book.DATA, made.rules)
    return made


@pytest.fixture
def files(settings: SlaSettings) -> RuleFiles:
    return RuleFiles(settings, load_catalogue())


class TestTheFiles:
    def test_are_those_that_come_with_the_product_unless_told_otherwise(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        rules = RuleFiles(SlaSettings(), load_catalogue()).read()
        assert rules.calendars.version == load_calendars().version
        assert rules.book == load_rule_book()
        monkeypatch.setenv("MOTCUA_CALENDARS", str(tmp_path))
        monkeypatch.setenv("MOTCUA_RULES", str(tmp_path))
        told = SlaSettings()
        assert (told.calendars, told.rules) == (tmp_path, tmp_path)
        with pytest.raises(FileError, match=r"rules\.toml: cannot be read: No such file"):
            RuleFiles(told, load_catalogue()).read()

    def test_are_read_at_the_first_look_and_then_only_when_they_have_changed(
        self, files: RuleFiles, settings: SlaSettings
    ) -> None:
        first = files.read_changed()
        assert first is not None
        assert files.read_changed() is None
        overrides = settings.calendars / "overrides.toml"
        overrides.touch()
        assert files.read_changed() is None, "only its time has changed"
        overrides.write_text(DAY_OFF, encoding="utf-8")
        second = files.read_changed()
        assert second is not None
        assert second.calendars.version != first.calendars.version
        assert files.read_changed() is None

    def test_of_the_rule_book_are_read_anew_and_not_taken_from_what_was_read_before(
        self, files: RuleFiles, settings: SlaSettings
    ) -> None:
        assert files.read().book.version == "2025-2"
        path = settings.rules / "rules.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"2025-2"', '"2026-1"'), encoding="utf-8")
        assert files.read().book.version == "2026-1"

    def test_that_are_broken_are_named_once_and_again_when_they_are_broken_otherwise(
        self, files: RuleFiles, settings: SlaSettings
    ) -> None:
        overrides = settings.calendars / "overrides.toml"
        assert files.read_changed() is not None
        overrides.write_text(DAY_OFF + "\n[[days]]\n", encoding="utf-8")
        with pytest.raises(FileError, match=r"overrides\.toml: line 7, \[\[days\]\] number 2"):
            files.read_changed()
        assert files.read_changed() is None
        overrides.unlink()
        with pytest.raises(FileError, match=r"overrides\.toml: cannot be read"):
            files.read_changed()
        overrides.mkdir()
        with pytest.raises(FileError, match=r"overrides\.toml: cannot be read"):
            files.read_changed()
        overrides.rmdir()
        overrides.write_text(DAY_OFF, encoding="utf-8")
        assert files.read_changed() is not None


REMARK = paid(amount=1, outstanding=499)
"""Moves no time."""


class Dossier:
    """One dossier, and what is said of it by whichever rules are asked."""

    def __init__(self, rules: Rules) -> None:
        self.decider = SlaDecider(rules)
        self.stored: Stored[Sla] = Stored(CODE, 0, Sla())
        self.count = 0
        for data in (received(), routed()):
            self.told(data, BEGIN)

    @property
    def state(self) -> Sla:
        return self.stored.state

    def told(self, data: EventData, at: datetime) -> list[EventData]:
        self.count += 1
        event = Event(f"e-{self.count}", "/x", CODE, at, data)
        return [e.data for e in handle(self.decider, self.stored, event)]

    def passes(self, time: datetime) -> list[Event]:
        return fire_timers(self.decider, self.stored, time)

    def judged_by(self, rules: Rules) -> None:
        self.decider.rules = rules


@pytest.fixture
def old(files: RuleFiles) -> Rules:
    return files.read()


@pytest.fixture
def new(files: RuleFiles, settings: SlaSettings, old: Rules) -> Rules:
    """The same with a day off, in force since the day after the dossier's reception."""
    (settings.calendars / "overrides.toml").write_text(DAY_OFF, encoding="utf-8")
    return replace(files.read(), since=NEW_RULES_AT)


class TestADossierJudgedByOthers:
    def test_is_judged_anew_by_its_timer_as_of_the_time_the_rules_are_in_force(
        self, old: Rules, new: Rules
    ) -> None:
        dossier = Dossier(old)
        due = dossier.state.due_told
        dossier.judged_by(new)
        set_due(dossier.decider, dossier.stored)
        assert dossier.stored.due == NEW_RULES_AT
        assert dossier.passes(NEW_RULES_AT) == []
        applied, moved = dossier.passes(NEW_RULES_AT + timedelta(milliseconds=1))
        assert applied.time == moved.time == NEW_RULES_AT
        assert isinstance(applied.data, sla.RulesApplied)
        assert isinstance(moved.data, sla.DeadlineMoved)
        assert moved.data.cause is MoveCause.RULES_CHANGED
        assert moved.data.previous == due
        assert moved.data.due == dossier.state.due_told == due + timedelta(days=1)

    def test_stands_by_lenient_rules_until_something_moves_its_times(
        self, old: Rules, new: Rules
    ) -> None:
        dossier = Dossier(old)
        due = dossier.state.due_told
        dossier.judged_by(unconfirmed(new))
        assert dossier.told(REMARK, BEGIN + timedelta(hours=1)) == []
        assert dossier.state.rule == old.rule
        set_due(dossier.decider, dossier.stored)
        assert dossier.stored.due is not None
        assert dossier.stored.due < due  # type: ignore[operator]

        assert dossier.told(STOPPED, BEGIN + timedelta(hours=2)) == []
        assert dossier.state.rule == new.rule
        (moved,) = dossier.told(RESUMED, BEGIN + timedelta(hours=3))
        assert isinstance(moved, sla.DeadlineMoved)
        assert moved.due > due + timedelta(days=1)  # type: ignore[operator]

    def test_is_not_contradicted_by_lenient_rules_that_hear_of_it_from_the_log(
        self, old: Rules, new: Rules
    ) -> None:
        elsewhere, here = Dossier(old), Dossier(old)
        elsewhere.judged_by(new)
        here.judged_by(unconfirmed(old))
        here.decider.rules = unconfirmed(new)
        for event in elsewhere.passes(NEW_RULES_AT + timedelta(hours=1)):
            assert handle(here.decider, here.stored, event) == []
        # Once they are in force here, only that it was judged is said again, by the same id.
        here.judged_by(new)
        said = here.passes(NEW_RULES_AT + timedelta(hours=1))
        assert [e.data.NAME for e in said] == ["RulesApplied"]
        assert here.state.assessment == elsewhere.state.assessment
        assert here.state.due_told == elsewhere.state.due_told

    def test_is_queried_for_by_any_rule_but_the_one_in_force(self, old: Rules) -> None:
        assert judged_by_others(old)["state.rule"] == {"$type": "string", "$ne": old.rule}


class TestTheGauges:
    def test_have_no_sample_of_a_unit_that_has_no_open_dossier_any_more(self) -> None:
        def units(name: str) -> dict[str, float]:
            (family,) = GAUGES[name].collect()
            return {sample.labels["unit"]: sample.value for sample in family.samples}

        nothing: dict[str, Counter[str]] = {name: Counter() for name in GAUGES}
        show(
            {
                **nothing,
                "open": Counter({"H29.1": 3, "H29.2": 1}),
                "overdue": Counter({"H29.2": 1}),
                "unjudged": Counter({"H29.1": 2}),
            }
        )
        assert units("open") == {"H29.1": 3, "H29.2": 1}
        assert units("overdue") == {"H29.1": 0, "H29.2": 1}
        assert units("unjudged") == {"H29.1": 2, "H29.2": 0}
        show({**nothing, "open": Counter({"H29.1": 2})})
        assert units("open") == {"H29.1": 2}
        assert units("overdue") == {"H29.1": 0}
        show(nothing)
        assert units("open") == {}

    def test_retractions_are_counted_by_the_alert_that_was_taken_back(self) -> None:
        def counted() -> dict[str, float]:
            (family,) = metrics.RETRACTIONS.collect()
            return {
                sample.labels["alert"]: sample.value
                for sample in family.samples
                if sample.name.endswith("_total")
            }

        before = counted()
        assert set(before) == {alert.NAME for alert in sla.ALERTS}
        back = sla.AlertRetracted(alert_id="a", alert="DossierOverdue", reason="r")
        tell_retractions(
            [Event("1", "/x", CODE, BEGIN, back), Event("2", "/x", CODE, BEGIN, REMARK)]
        )
        after = counted()
        assert after.pop("DossierOverdue") == before.pop("DossierOverdue") + 1
        assert after == before
