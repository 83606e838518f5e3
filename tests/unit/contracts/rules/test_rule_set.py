"""The files of a set of rules: read whole or not at all, and known by one hash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from contracts.rules import SAMPLE, RulesError, digest, read_files, sample_rules
from contracts.rules.rule_set import FILES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the sample that a test may break."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "city"))


def faults_of(folder: Path) -> list[str]:
    with pytest.raises(RulesError) as caught:
        read_files(folder)
    return str(caught.value).splitlines()


def test_the_sample_has_every_file_and_is_set_0() -> None:
    sample = sample_rules()
    assert (sample.number, sample.by) == (0, "")
    assert set(sample.files) == set(FILES)
    assert sample.sha256 == digest(sample.files)


def test_a_copy_of_a_folder_is_the_same_set(folder: Path) -> None:
    assert digest(read_files(folder)) == sample_rules().sha256


def test_the_hash_does_not_depend_on_the_order_of_files_but_on_each_name_and_text() -> None:
    files = {"a.toml": "x", "b.toml": "y"}
    assert digest(dict(reversed(files.items()))) == digest(files)
    others = ({**files, "b.toml": "y "}, {"a.toml": "y", "b.toml": "x"}, {"a.toml": "x"})
    assert len({digest(each) for each in (files, *others)}) == 4


def test_every_missing_misspelt_and_unreadable_file_is_named_on_a_line(folder: Path) -> None:
    (folder / "units.toml").rename(folder / "unit.toml")
    path = folder / "rules.toml"
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    missing, misspelt, encoded = faults_of(folder)
    assert missing == "units.toml: is missing; copy the sample's"
    assert misspelt.startswith("unit.toml: no set of rules has such a file; there are ")
    assert encoded == "rules.toml: not UTF-8: save it with that encoding"


def test_a_file_that_is_a_folder_cannot_be_read(folder: Path) -> None:
    (folder / "rules.toml").unlink()
    (folder / "rules.toml").mkdir()
    assert faults_of(folder) == ["rules.toml: cannot be read: Is a directory"]


def test_a_folder_that_is_not_there_is_named_with_where_to_begin(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path / "nowhere")
    assert f"{tmp_path / 'nowhere'}: there is no such folder; copy {SAMPLE}" in fault


def test_wording_of_its_own_is_a_part_of_a_set_and_other_files_are_left_alone(
    folder: Path,
) -> None:
    (folder / "texts.vi.toml").write_text('version = "của Thành phố"\n', encoding="utf-8")
    (folder / "notes.md").write_text("why", encoding="utf-8")
    files = read_files(folder)
    assert set(files) == {*FILES, "texts.vi.toml"}
    assert digest(files) != sample_rules().sha256
