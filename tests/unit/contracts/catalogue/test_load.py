"""The catalogue that comes with the product is sound, and a broken one says where it is broken."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from contracts.catalogue import (
    Catalogue,
    CatalogueError,
    FormKind,
    Procedure,
    Unit,
    UnitKind,
    load_catalogue,
)
from contracts.catalogue.load import DATA
from contracts.values import FilingChannel, ServiceLevel

Edit = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue that a test may break."""
    shutil.copytree(DATA, tmp_path / "catalogue")
    return tmp_path / "catalogue"


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Replaces the first occurrence of a text in one of the copy's files."""

    def replace(file: str, old: str, new: str) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


def fault_of(folder: Path) -> str:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    return str(caught.value)


def competent_unit(catalogue: Catalogue, procedure: Procedure, place: str) -> Unit | None:
    """What the rules say, as the format describes it: the first that fits decides."""
    for rule in catalogue.rules:
        fits = (
            procedure.code in rule.procedures
            if rule.procedures
            else not rule.fields or procedure.field in rule.fields
        )
        if fits and (not rule.places or place in rule.places):
            if rule.unit is not None:
                return catalogue.units[rule.unit]
            return catalogue.unit_for(rule.kind, place) if rule.kind else None
    return None


def handler(catalogue: Catalogue, code: str, place: str) -> str:
    unit = competent_unit(catalogue, catalogue.procedures[code], place)
    assert unit is not None
    return unit.code


def ward_places(catalogue: Catalogue) -> set[str]:
    return {
        place
        for unit in catalogue.units.values()
        if unit.kind is UnitKind.WARD
        for place in unit.places
    }


# ---- The shipped catalogue ----


def test_the_shipped_catalogue_loads_and_is_large_enough_to_try_a_city_with(
    catalogue: Catalogue,
) -> None:
    assert len(catalogue.procedures) >= 34
    assert len(catalogue.units) >= 60
    assert len({key for key, _ in catalogue.workflows}) >= 8
    assert len(ward_places(catalogue)) >= 36


def test_every_procedure_has_a_competent_unit_in_every_place(catalogue: Catalogue) -> None:
    orphans = [
        (procedure.code, place)
        for procedure in catalogue.procedures.values()
        for place in sorted(ward_places(catalogue))
        if competent_unit(catalogue, procedure, place) is None
    ]
    assert orphans == []


def test_a_place_that_any_unit_answers_for_has_exactly_one_ward_and_one_branch(
    catalogue: Catalogue,
) -> None:
    for kind in (UnitKind.WARD, UnitKind.BRANCH):
        served = Counter(
            place for unit in catalogue.units.values() if unit.kind is kind for place in unit.places
        )
        everywhere = {place for unit in catalogue.units.values() for place in unit.places}
        assert set(served) == everywhere
        assert set(served.values()) == {1}


@pytest.mark.parametrize(
    ("code", "place", "unit_name"),
    [
        ("1.001193", "26740", "Sài Gòn"),  # births: the ward
        ("1.001193", "26732", "Côn Đảo"),  # births: the special zone
        ("1.013831", "26740", "Đăng ký đất đai Quận 1"),  # a transfer: the branch
        ("1.013978", "26740", "phường Sài Gòn"),  # a first certificate: the ward
        ("1.014199", "26740", "Sở Nội vụ"),  # a work permit: the department
        ("1.014199", "27478", "HEPZA"),  # ... in an industrial zone: its authority
        ("1.014199", "26842", "Khu Công nghệ cao"),  # ... in the hi-tech park
        ("1.001193", "27478", "phường Tân Thuận"),  # births there are still the ward's
        ("1.013236", "26740", "Sở Xây dựng"),  # a large building: the department
        ("1.013236", "26732", "Côn Đảo"),  # ... on the islands: the special zone
        ("2.000488", "26740", "Công an"),  # a judicial record: the police
    ],
)
def test_special_cases_come_before_the_general_rule(
    catalogue: Catalogue, code: str, place: str, unit_name: str
) -> None:
    unit = catalogue.units[handler(catalogue, code, place)]
    assert unit_name in unit.name_vi


def test_travel_permits_go_to_the_travel_office_wherever_they_are_from(
    catalogue: Catalogue,
) -> None:
    places = ward_places(catalogue)
    assert {handler(catalogue, "TP.001", place) for place in places} == {"T01"}


def test_nothing_else_goes_to_the_travel_office(catalogue: Catalogue) -> None:
    for code in set(catalogue.procedures) - {"TP.001"}:
        assert "T01" not in {handler(catalogue, code, p) for p in ward_places(catalogue)}


def test_the_standard_times_are_of_all_three_sorts(catalogue: Catalogue) -> None:
    sorts = Counter(p.budget.unit.value for p in catalogue.procedures.values())
    assert set(sorts) == {"working-hours", "working-days", "calendar-days"}


def test_what_is_done_the_same_day_has_a_working_day_of_eight_hours(catalogue: Catalogue) -> None:
    for code in ("1.001193", "1.000656", "2.000815", "2.000884"):
        budget = catalogue.procedures[code].budget
        assert (budget.amount, budget.unit.value) == (8, "working-hours")


def test_the_channels_agree_with_the_service_level(catalogue: Catalogue) -> None:
    for procedure in catalogue.procedures.values():
        if procedure.level is ServiceLevel.FULL:
            assert FilingChannel.ONLINE in procedure.channels, procedure.code
        if procedure.level is ServiceLevel.INFORMATION:
            assert procedure.channels == (FilingChannel.COUNTER,), procedure.code


def test_every_procedure_but_the_imported_one_names_its_legal_basis(catalogue: Catalogue) -> None:
    assert [p.code for p in catalogue.procedures.values() if not p.source] == ["TP.001"]


def test_every_workflow_is_used(catalogue: Catalogue) -> None:
    used = {p.workflow for p in catalogue.procedures.values()}
    assert used == {key for key, _ in catalogue.workflows}


def test_the_name_of_a_step_is_an_english_slug(
    catalogue: Catalogue,
) -> None:
    for workflow in catalogue.workflows.values():
        for step in workflow.steps:
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", step.name), step.name


def test_an_officer_is_a_staff_number_and_works_in_one_unit(catalogue: Catalogue) -> None:
    staff = [
        officer for unit in catalogue.units.values() for officer in (unit.head, *unit.officers)
    ]
    assert len(staff) == len(set(staff))
    assert all(re.fullmatch(r"cb-[0-9a-z]{2}-\d{4}", officer) for officer in staff)
    assert all(3 <= len(unit.officers) <= 8 for unit in catalogue.units.values())


def test_a_workflow_is_found_in_its_newest_version_unless_one_is_asked_for(
    catalogue: Catalogue,
) -> None:
    assert catalogue.workflow("standard").version == 2
    assert "submit" in {step.name for step in catalogue.workflow("standard", 1).steps}
    assert "submit" not in {step.name for step in catalogue.workflow("standard").steps}


@pytest.mark.parametrize("version", [None, 1])
def test_a_workflow_that_there_is_not_is_a_key_error(
    catalogue: Catalogue, version: int | None
) -> None:
    with pytest.raises(KeyError):
        catalogue.workflow("no-such-workflow", version)


def test_a_place_that_no_unit_of_the_kind_answers_for_has_none(catalogue: Catalogue) -> None:
    assert catalogue.unit_for(UnitKind.WARD, "99999") is None


# ---- A broken catalogue ----


def test_an_unbroken_copy_loads(folder: Path, catalogue: Catalogue) -> None:
    assert load_catalogue(folder) == catalogue


@pytest.mark.parametrize("file", ["procedures", "workflows", "units", "competence", "circulars"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / f"{file}.toml").unlink()
    assert re.search(rf"{file}\.toml: cannot be read: No such file", fault_of(folder))


def test_a_file_that_is_not_toml_is_named_with_the_line(folder: Path) -> None:
    (folder / "units.toml").write_text("[[units]]\ncode = H29.1\n", encoding="utf-8")
    assert re.search(r"units\.toml: not TOML: .*line 2", fault_of(folder))


def test_a_file_in_another_encoding_is_named(folder: Path) -> None:
    path = folder / "units.toml"
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    assert "units.toml: not UTF-8" in fault_of(folder)


@pytest.mark.parametrize("file", ["procedures", "workflows", "units", "competence", "circulars"])
def test_a_file_without_entries_is_named(folder: Path, file: str) -> None:
    (folder / f"{file}.toml").write_text("# nothing yet\n", encoding="utf-8")
    assert f"{file}.toml: no [[{file}]] table in it" in fault_of(folder)


def test_a_misspelt_table_is_not_passed_over(edit: Edit, folder: Path) -> None:
    edit("procedures.toml", "[[procedures]]", "[[procedure]]")
    assert "procedures.toml: 'procedure' is unknown here" in fault_of(folder)


@pytest.mark.parametrize("text", ['[units]\ncode = "H29.1"\n', "units = 3\n", "units = [3]\n"])
def test_a_table_in_single_brackets_is_explained(folder: Path, text: str) -> None:
    (folder / "units.toml").write_text(text, encoding="utf-8")
    assert "units.toml: begin each entry with [[units]]" in fault_of(folder)


def test_a_wrong_value_names_file_entry_and_field(edit: Edit, folder: Path) -> None:
    edit("procedures.toml", 'amount = 8, unit = "working-hours"', 'amount = 0, unit = "hours"')
    fault = fault_of(folder)
    assert "procedures.toml: [[procedures]] 1.001193: " in fault
    assert "budget.amount" in fault
    assert "budget.unit" in fault


def test_a_key_that_the_format_does_not_know_is_named(edit: Edit, folder: Path) -> None:
    edit("competence.toml", "unit = ", 'owner = "x"\nunit = ')
    fault = fault_of(folder)
    assert "competence.toml: [[competence]] travel-permits: owner: Extra inputs" in fault


def test_an_entry_without_a_code_is_named_by_its_number(edit: Edit, folder: Path) -> None:
    edit("units.toml", 'code = "H29.2"\n', "")
    assert "units.toml: [[units]] number 2: code: Field required" in fault_of(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("procedures.toml", '"1.000894"', '"1.001193"', "two entries for 1.001193"),
        ("units.toml", '"H29.3"', '"H29.2"', "two entries for H29.2"),
        (
            "workflows.toml",
            'id = "standard"\nversion = 2',
            'id = "standard"\nversion = 1',
            "two entries for standard version 1",
        ),
        ("competence.toml", 'id = "trade"', 'id = "finance"', "two entries for finance"),
    ],
)
def test_a_code_that_two_entries_have_is_named(
    edit: Edit, folder: Path, file: str, old: str, new: str, fault: str
) -> None:
    edit(file, old, new)
    assert f"{file}: {fault}" in fault_of(folder)


def test_two_wards_that_answer_for_one_place_are_named(edit: Edit, folder: Path) -> None:
    wards = {u.places[0]: u.code for u in load_catalogue().units.values() if u.kind == "ward"}
    edit("units.toml", '\nplaces = ["26737"]', '\nplaces = ["26740"]')
    fault = fault_of(folder)
    assert f"units.toml: {wards['26740']} and {wards['26737']} both answer for place 26740" in fault


def test_a_workflow_with_one_step_twice_is_named(edit: Edit, folder: Path) -> None:
    edit("workflows.toml", 'name = "receive-check"', 'name = "decide"')
    assert "workflows.toml: short version 1: two steps have the same name" in fault_of(folder)


def test_a_procedure_with_a_workflow_that_there_is_not_is_named(edit: Edit, folder: Path) -> None:
    edit("procedures.toml", 'workflow = "one-step"', 'workflow = "one-stop"')
    assert "procedures.toml: 1.001193: no workflow 'one-stop'" in fault_of(folder)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('unit = "T01"', "", "name either a unit or a kind"),
        ('unit = "T01"', 'unit = "T01"\nkind = "ward"', "name either a unit or a kind"),
        ('unit = "T01"', 'unit = "T02"', "no unit T02"),
        ('"TP.001"', '"TP.002"', "no procedure TP.002"),
        (
            'procedures = ["TP.001"]',
            'fields = ["travel"]',
            "no procedure has the field 'travel'",
        ),
        ('unit = "T01"', 'unit = "T01"\nplaces = ["99999"]', "no unit answers for place 99999"),
    ],
)
def test_a_competence_rule_that_cannot_be_followed_is_named(
    edit: Edit, folder: Path, old: str, new: str, fault: str
) -> None:
    edit("competence.toml", old, new)
    assert f"competence.toml: rule travel-permits: {fault}" in fault_of(folder)


def test_every_fault_is_told_at_once(edit: Edit, folder: Path) -> None:
    edit("competence.toml", '"TP.001"', '"TP.002"')
    edit("procedures.toml", 'workflow = "one-step"', 'workflow = "one-stop"')
    fault = fault_of(folder)
    assert "TP.002" in fault
    assert "one-stop" in fault


@pytest.mark.parametrize(
    ("day", "kind", "printed"),
    [
        ("2015-01-01T08:00:00+07:00", FormKind.APOLOGY, ("2018-01", "04")),
        ("2025-09-14T23:59:59+07:00", FormKind.CONTROL, ("2018-01", "05")),
        ("2025-09-15T00:00:00+07:00", FormKind.CONTROL, ("2025-03", "06")),
        ("2025-09-14T17:00:00+00:00", FormKind.STOP, ("2025-03", "05")),
        ("2025-09-14T23:59:59+07:00", FormKind.STOP, None),
    ],
)
def test_the_form_is_that_of_the_circular_in_force_on_the_day_in_vietnam(
    catalogue: Catalogue, day: str, kind: FormKind, printed: tuple[str, str] | None
) -> None:
    found = catalogue.form(kind, datetime.fromisoformat(day))
    assert (found and (found[0].id, found[1].number)) == printed


def test_the_circulars_have_six_and_seven_forms(catalogue: Catalogue) -> None:
    assert [len(circular.forms) for circular in catalogue.circulars] == [6, 7]


def test_the_steps_of_a_workflow_share_the_budget_evenly_unless_it_says_otherwise(
    catalogue: Catalogue, folder: Path, edit: Edit
) -> None:
    assert catalogue.workflow("short").shares == (0.5, 0.5)
    edit("workflows.toml", '{ name = "receive-check",', '{ name = "receive-check", share = 0.25,')
    assert "give every step a share" in fault_of(folder)
    edit(
        "workflows.toml",
        '{ name = "decide", title_vi = "Quyết',
        '{ name = "decide", share = 0.75, title_vi = "Quyết',
    )
    assert load_catalogue(folder).workflow("short").shares == (0.25, 0.75)


def test_warning_shares_that_do_not_rise_are_a_fault(folder: Path, edit: Edit) -> None:
    edit("procedures.toml", "soon_due_shares = [0.5]", "soon_due_shares = [0.8, 0.5]")
    assert "rising order" in fault_of(folder)
