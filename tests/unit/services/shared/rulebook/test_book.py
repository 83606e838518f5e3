"""The rules of `rules.toml`: what a fault in the file is called, and what each rule changes."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from contracts.events.sla import Budget, TimeUnit
from contracts.model import EventData
from contracts.rules import RulesError, sample_rules
from services.runtime import World
from services.shared.rulebook.book import load_rule_book
from services.sla.dossier.state import Assessment
from tests.support.facts import DELIVERED, DEMANDED, consulted, letter, received, routed
from tests.support.rule_sets import WORLD, changed, newest, world
from tests.support.sla_dossiers import told
from tests.support.times import at

GOOD = sample_rules().files["rules.toml"]


def fault_of(old: str, new: str) -> str:
    """What is said of the product's rules with one thing replaced."""
    with pytest.raises(RulesError) as caught:
        load_rule_book(changed(("rules.toml", old, new)))
    return str(caught.value)


class TestTheProductsRules:
    def test_are_what_the_law_says_as_it_is_read_here(self) -> None:
        book = load_rule_book()
        assert (book.apology.notice_working_hours, book.apology.max_extensions) == (8, 1)
        assert book.supplement.allowed == 1
        assert book.consultation.budget == Budget(amount=5, unit=TimeUnit.WORKING_DAYS)

    def test_are_named_beside_each_deadline_by_their_version(self) -> None:
        rule = newest(WORLD).rule
        assert f"rules {load_rule_book().version};" in rule

    def test_are_explained_in_the_file_in_both_languages(self) -> None:
        assert "Nghị định 61/2018" in GOOD
        assert "can be changed here" in GOOD


class TestAFault:
    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            ("notice_working_hours = 8", "notice_working_hours = -1", "notice_working_hours: "),
            ("notice_working_hours = 8", 'notice_working_hours = "8 h"', "notice_working_hours: "),
            ("never_before_share = 0.5", "never_before_share = 1.0", "never_before_share: "),
            ("max_extensions = 1", "max_extension = 1", "max_extension: Extra inputs"),
            ("max_extensions = 1", "max_extensions = -1", "max_extensions: "),
        ],
    )
    def test_in_what_is_said_of_letters_is_named_by_its_key(
        self, old: str, new: str, fault: str
    ) -> None:
        found = fault_of(old, new)
        assert "rules.toml: apology." in found
        assert fault in found

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            ('version = "2025-2"', "", "version: Field required"),
            ('version = "2025-2"', 'version = ""', "version: "),
            ("allowed = 1", "allowed = 0", "supplement.allowed: Input should be greater than"),
            ("amount = 5", "amount = 0", "consultation.budget.amount: Input should be greater"),
            ('"working-days"', '"days"', "consultation.budget.unit: Input should be"),
            ("[supplement]", "[supplements]", "supplements: Extra inputs"),
            ("[supplement]", "[supplements]", "supplement: Field required"),
            ('extended = "late"', 'extended = "yes"', "figures.extended: Input should be"),
        ],
    )
    def test_elsewhere_is_named_too(self, old: str, new: str, fault: str) -> None:
        lines = fault_of(old, new).splitlines()
        assert any(line.startswith(f"rules.toml: {fault}") for line in lines)

    def test_of_writing_is_named_by_its_line(self) -> None:
        line = GOOD[: GOOD.index("max_extensions")].count("\n") + 1
        found = fault_of("max_extensions = 1", "max_extensions = one")
        assert "rules.toml: not TOML: " in found
        assert f"line {line}" in found

    def test_names_each_of_several(self) -> None:
        found = fault_of("[apology]\n", "[apology]\nmax_letters = 2\n[supplement.x]\n")
        assert "max_letters" in found


def by(rule: str, value: float | str) -> World:
    """The product's rules with one of them changed."""
    (line,) = re.findall(rf"^{rule} = .*$", GOOD, re.MULTILINE)
    return world(changed(("rules.toml", line, f"{rule} = {value}")))


def judged(world: World, *facts: tuple[datetime, EventData]) -> Assessment:
    """Three working days from Monday 4 March 2024 at 8:00, and what else happened."""
    found = told([(at(4), received()), (at(4), routed()), *facts], world)
    assert found.state.assessment is not None
    return found.state.assessment


def moments(assessment: Assessment, kind: str) -> list[datetime]:
    return [each.at for each in assessment.expected if each.kind == kind]


class TestARule:
    @pytest.mark.parametrize(
        ("hours", "letter_by"), [(0, at(7)), (4, at(6, "13:30")), (8, at(6)), (100, at(5, "13:30"))]
    )
    def test_says_how_long_before_the_due_time_a_letter_is_owed(
        self, hours: int, letter_by: datetime
    ) -> None:
        # A hundred hours before is before half of the time is used: then half of it is the moment.
        assert judged(by("notice_working_hours", hours)).letter_by == letter_by

    @pytest.mark.parametrize(
        ("share", "letter_by"), [(0.0, at(6)), (0.5, at(6)), (0.75, at(6, "10:00"))]
    )
    def test_says_before_which_share_a_letter_is_never_owed(
        self, share: float, letter_by: datetime
    ) -> None:
        assert judged(by("never_before_share", share)).letter_by == letter_by

    @pytest.mark.parametrize(("number", "due"), [(0, at(7)), (1, at(8)), (2, at(11)), (3, at(11))])
    def test_says_how_often_letters_may_move_the_date(self, number: int, due: datetime) -> None:
        found = judged(
            by("max_extensions", number),
            (at(5), letter(at(7), at(8))),
            (at(7, "16:00"), letter(at(8), at(11))),
        )
        assert found.due == due

    @pytest.mark.parametrize(("allowed", "repeated"), [(1, [at(5, "10:00")]), (2, [])])
    def test_says_how_often_a_citizen_may_be_sent_back(
        self, allowed: int, repeated: list[datetime]
    ) -> None:
        found = judged(
            by("allowed", allowed),
            (at(5), DEMANDED),
            (at(5, "09:00"), DELIVERED),
            (at(5, "10:00"), DEMANDED),
        )
        assert moments(found, "SupplementRepeated") == repeated

    def test_says_how_long_an_authority_has_whom_nobody_told(self) -> None:
        short = by("budget", '{ amount = 4, unit = "working-hours" }')
        asked = (at(5), consulted("H29.6"))
        assert moments(judged(short, asked), "ConsultationOverdue") == [at(5, "13:30")]
        assert moments(judged(WORLD, asked), "ConsultationOverdue") == [at(12)]
        told_so = (at(5), consulted("H29.6", 1))
        assert moments(judged(short, told_so), "ConsultationOverdue") == [at(6)]


def test_a_rule_book_is_never_changed() -> None:
    book = load_rule_book()
    assert book == load_rule_book()
    with pytest.raises(ValueError, match="frozen"):
        setattr(book, "version", "other")  # noqa: B010  the type checker, too, says that it cannot be
