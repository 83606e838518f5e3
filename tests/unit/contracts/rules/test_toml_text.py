"""What is wrong in a text is named as people find it: by file, line, entry and field."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict

from contracts.rules.toml_text import RulesError, parse_toml, place

TEXT = """# [[days]] in a remark is no entry
[[days]]
name = "a"

  [[ days ]]
name = "b"
"""


class _Day(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


class _Days(BaseModel):
    days: tuple[_Day, ...] = ()
    until: int | None = None


def faults_of(text: str) -> list[str]:
    with pytest.raises(RulesError) as caught:
        parse_toml("days.toml", text, _Days)
    return str(caught.value).splitlines()


def test_a_text_that_fits_is_read() -> None:
    assert [day.name for day in parse_toml("days.toml", TEXT, _Days).days] == ["a", "b"]


def test_each_fault_is_on_a_line_of_its_own() -> None:
    broken = TEXT.replace('"a"', "1") + 'sort = "c"\n'
    assert faults_of(broken) == [
        "days.toml: line 2, [[days]] number 1, name: Input should be a valid string",
        "days.toml: line 5, [[days]] number 2, sort: Extra inputs are not permitted",
    ]


def test_what_is_no_toml_is_named_by_its_line() -> None:
    (fault,) = faults_of("\n\ndays =\n")
    assert fault.startswith("days.toml: not TOML: ")
    assert "line 3" in fault


def test_a_fault_in_no_entry_is_named_by_its_key() -> None:
    (fault,) = faults_of('until = "x"\n')
    assert fault.startswith("days.toml: until: ")


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (("days", 0), "line 2, [[days]] number 1"),
        (("days", 1, "name"), "line 5, [[days]] number 2, name"),
        (("days", 7, "name"), "[[days]] number 8, name"),
        (("reading", "days"), "reading.days"),
        ((), "the file"),
    ],
)
def test_a_place_is_told_by_line_table_and_number(where: tuple[int | str, ...], words: str) -> None:
    assert place(TEXT, where) == words
