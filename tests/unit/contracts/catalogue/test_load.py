"""The catalogue that comes with the product is sound, and a broken one says where it is broken."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from contracts.catalogue import (
    Catalogue,
    FormKind,
    Procedure,
    Unit,
    UnitKind,
    load_catalogue,
)
from contracts.rules import Files, RulesError, sample_rules
from contracts.values import FilingChannel, ServiceLevel
from tests.support.rule_sets import changed

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def fault_of(*changes: tuple[str, str, str], files: Files | None = None) -> str:
    """What is said of the sample with these texts replaced, or of these files."""
    with pytest.raises(RulesError) as caught:
        load_catalogue(changed(*changes, files=files))
    return str(caught.value)


def with_file(name: str, text: str) -> dict[str, str]:
    """The sample with another text of one file."""
    return {**sample_rules().files, name: text}


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
            return catalogue.unit_for(rule.kind, place, NOW) if rule.kind else None
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
    assert catalogue.unit_for(UnitKind.WARD, "99999", NOW) is None


# ---- A broken catalogue ----


def test_an_unbroken_copy_loads(catalogue: Catalogue) -> None:
    assert load_catalogue(dict(sample_rules().files)) == catalogue


def test_a_file_that_is_not_toml_is_named_with_the_line() -> None:
    fault = fault_of(files=with_file("units.toml", "[[units]]\ncode = H29.1\n"))
    assert re.search(r"units\.toml: not TOML: .*line 2", fault)


@pytest.mark.parametrize("file", ["procedures", "workflows", "units", "competence", "circulars"])
def test_a_file_without_entries_is_named(file: str) -> None:
    fault = fault_of(files=with_file(f"{file}.toml", "# nothing yet\n"))
    assert fault == f"{file}.toml: {file}: Field required"


def test_a_misspelt_table_is_not_passed_over() -> None:
    fault = fault_of(("procedures.toml", "[[procedures]]", "[[procedure]]"))
    assert fault == "procedures.toml: procedure: Extra inputs are not permitted"


@pytest.mark.parametrize("text", ['[units]\ncode = "H29.1"\n', "units = 3\n", "units = [3]\n"])
def test_a_table_in_single_brackets_is_named(text: str) -> None:
    assert fault_of(files=with_file("units.toml", text)).startswith("units.toml: ")


def test_a_wrong_value_names_file_line_entry_and_field() -> None:
    fault = fault_of(
        ("procedures.toml", 'amount = 8, unit = "working-hours"', 'amount = 0, unit = "hours"')
    )
    where = f"procedures.toml: line {line_of('procedures.toml', 1)}, [[procedures]] number 1"
    assert f"{where}, budget, amount: " in fault
    assert f"{where}, budget, unit: " in fault
    assert len(fault.splitlines()) == 2


def test_a_key_that_the_format_does_not_know_is_named() -> None:
    fault = fault_of(("competence.toml", "unit = ", 'owner = "x"\nunit = '))
    assert re.fullmatch(
        r"competence\.toml: line \d+, \[\[competence\]\] number \d+, owner: Extra inputs.*", fault
    )


def test_an_entry_without_a_code_is_named_by_its_line_and_number() -> None:
    fault = fault_of(("units.toml", 'code = "H29.2"\n', ""))
    line = line_of("units.toml", 2)
    assert fault == f"units.toml: line {line}, [[units]] number 2, code: Field required"


def line_of(file: str, number: int) -> int:
    """The line at which the sample's entry of that number begins."""
    header = f"[[{file.removesuffix('.toml')}]]"
    lines = sample_rules().files[file].splitlines()
    return [n for n, line in enumerate(lines, 1) if line == header][number - 1]


def entry(file: str, text: str) -> str:
    """The place of the sample's entry that has this text, as faults name it."""
    before = sample_rules().files[file].partition(text)[0]
    table = file.removesuffix(".toml")
    number = before.splitlines().count(f"[[{table}]]")
    return f"{file}: line {line_of(file, number)}, [[{table}]] number {number}"


@pytest.mark.parametrize(
    ("file", "old", "new", "known"),
    [
        ("procedures.toml", '"1.000894"', '"1.001193"', "1.001193"),
        ("units.toml", '"H29.3"', '"H29.2"', "H29.2"),
        (
            "workflows.toml",
            'id = "standard"\nversion = 2',
            'id = "standard"\nversion = 1',
            "standard version 1",
        ),
        ("competence.toml", 'id = "trade"', 'id = "finance"', "finance"),
    ],
)
def test_a_code_that_two_entries_have_is_named(file: str, old: str, new: str, known: str) -> None:
    fault = fault_of((file, old, new))
    assert f"{entry(file, old)}: there is an entry for {known} already" in fault.splitlines()


def test_two_wards_that_answer_for_one_place_are_named() -> None:
    wards = {u.places[0]: u.code for u in load_catalogue().units.values() if u.kind == "ward"}
    here = '\nplaces = ["26737"]'
    fault = fault_of(("units.toml", here, '\nplaces = ["26740"]'))
    both = f"{wards['26740']} and {wards['26737']}", f"{wards['26737']} and {wards['26740']}"
    assert any(f"{each} both answer for place 26740: take it from one" in fault for each in both)
    assert re.match(r"units\.toml: line \d+, \[\[units\]\] number \d+: ", fault)


def test_a_workflow_with_one_step_twice_is_named() -> None:
    fault = fault_of(("workflows.toml", 'name = "receive-check"', 'name = "decide"'))
    where = entry("workflows.toml", 'name = "receive-check"')
    assert f"{where}: short version 1: two steps have the same name" in fault


def test_a_procedure_with_a_workflow_that_there_is_not_is_named() -> None:
    old = 'workflow = "one-step"'
    fault = fault_of(("procedures.toml", old, 'workflow = "one-stop"'))
    assert fault == f"{entry('procedures.toml', old)}: 1.001193: no workflow 'one-stop'"


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
def test_a_competence_rule_that_cannot_be_followed_is_named(old: str, new: str, fault: str) -> None:
    where = entry("competence.toml", old)
    assert fault_of(("competence.toml", old, new)).startswith(
        f"{where}: rule travel-permits: {fault}"
    )


def test_every_fault_is_told_at_once_each_on_a_line() -> None:
    faults = fault_of(
        ("competence.toml", '"TP.001"', '"TP.002"'),
        ("procedures.toml", 'workflow = "one-step"', 'workflow = "one-stop"'),
    ).splitlines()
    assert len(faults) == 2
    assert any("TP.002" in fault for fault in faults)
    assert any("one-stop" in fault for fault in faults)


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
    catalogue: Catalogue,
) -> None:
    assert catalogue.workflow("short").shares == (0.5, 0.5)
    one = (
        "workflows.toml",
        '{ name = "receive-check",',
        '{ name = "receive-check", share = 0.25,',
    )
    assert "give every step a share" in fault_of(one)
    other = (
        "workflows.toml",
        '{ name = "decide", title_vi = "Quyết',
        '{ name = "decide", share = 0.75, title_vi = "Quyết',
    )
    assert load_catalogue(changed(one, other)).workflow("short").shares == (0.25, 0.75)


def test_warning_shares_that_do_not_rise_are_a_fault() -> None:
    fault = fault_of(("procedures.toml", "soon_due_shares = [0.5]", "soon_due_shares = [0.8, 0.5]"))
    assert "rising order" in fault
