"""What must not change from a set of rules to the next, and what a check finds."""

from __future__ import annotations

import re

import pytest

from contracts.rules import RulesError, sample_rules
from motcua.rules.reading import breaks, checked
from tests.support.rule_sets import changed
from tests.support.units import FIRST, SECOND, ending

SAMPLE = sample_rules().files
RULES = ("rules.toml", "notice_working_hours = 8", "notice_working_hours = 16")
VERSION = ("rules.toml", 'version = "2025-2"', 'version = "2026-1"')
STEP = ("workflows.toml", 'title_vi = "Quyết định và ký"', 'title_vi = "Ký"')


def without(file: str, table: str, code: str) -> dict[str, str]:
    """The sample without one entry of a file."""
    entries = re.split(rf"(?=^\[\[{table}\]\])", SAMPLE[file], flags=re.MULTILINE)
    gone = next(entry for entry in entries if code in entry.splitlines())
    return changed((file, gone, ""))


def test_the_same_set_breaks_nothing() -> None:
    assert breaks(SAMPLE, SAMPLE) == []


def test_a_unit_that_is_gone_is_named_with_the_remedy() -> None:
    fewer = without("units.toml", "units", 'code = "H29.132"')
    fewer["competence.toml"] = SAMPLE["competence.toml"].replace('"27094"', '"26740"')
    assert breaks(SAMPLE, fewer) == [
        "units.toml: H29.132 is gone: leave it there, with its last day (until) and its successor, "
        "who takes its open dossiers over"
    ]


def test_a_unit_that_ends_breaks_nothing() -> None:
    assert breaks(SAMPLE, changed(ending(FIRST, SECOND))) == []


def test_rules_that_change_need_another_version() -> None:
    assert breaks(SAMPLE, changed(RULES)) == [
        "rules.toml: the rules were changed and still have the version '2025-2': give them another"
    ]
    assert breaks(SAMPLE, changed(RULES, VERSION)) == []


def test_a_workflow_never_changes_within_its_version() -> None:
    (fault,) = breaks(SAMPLE, changed(STEP))
    assert re.fullmatch(
        r"workflows\.toml: \S+ version (\d) was changed: a version never changes; "
        r"add version \d",
        fault,
    )


def test_a_workflow_that_is_gone_is_named_but_not_a_new_one() -> None:
    old = without("workflows.toml", "workflows", 'id = "standard"')
    fewer = breaks(SAMPLE, old)
    assert fewer == [
        "workflows.toml: standard version 1 is gone: open dossiers go through it; leave it there"
    ]
    assert breaks(old, SAMPLE) == []


def test_wording_is_checked_with_the_rest() -> None:
    with pytest.raises(RulesError, match=r"texts\.vi\.toml|vi\.toml"):
        checked({**SAMPLE, "texts.vi.toml": '[templates.received]\nsubject = "{{ nobody }}"\n'})
