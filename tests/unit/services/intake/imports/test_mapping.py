"""The mapping file: every slip is named by its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.intake.imports.mapping import MappingError, read_mapping
from tests.support.imports import DATA, land_mapping, mapping_of, permits_mapping, written

GOOD = (DATA / "land.toml").read_text()


def refused(folder: Path, old: str, new: str) -> str:
    assert old in GOOD
    with pytest.raises(MappingError) as caught:
        mapping_of(written(folder, GOOD.replace(old, new, 1), "m.toml"))
    return str(caught.value)


def test_the_mappings_that_are_shipped_are_good() -> None:
    assert permits_mapping().source.name == "permits"
    assert len(land_mapping().rules) == 6


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('name = "old-land"\n', "", "source.name: Field required"),
        ('name = "old-land"', 'name = "Old Land"', "source.name: String should match"),
        ('format = "xes"', 'format = "json"', "source: Input tag 'json'"),
        ('resource = "org:resource"', 'ressource = "x"', "source.ressource: Extra inputs"),
        (r"(?P<value>\d+)", r"(\d+)", "source.number: Value error, it needs a group"),
        (r"(?P<value>\d+)", "(?P<value>", "source.number: Value error, not a regular expression"),
        ('agency = "H29.15"', 'agency = "H29.15"\ntime_zone = "Mars"', "source.time_zone"),
        ('"TP.001"', '"TP.404"', "filing.procedure: the catalogue has no 'TP.404'"),
        ('handling_unit = "T01"', 'handling_unit = "T9"', "filing.handling_unit: the catalogue"),
        ('place = "{ward}"', 'place = "{wart}"', "filing.place: 'wart' is none of activity, case"),
        ('place = "{ward}"', 'place = "{ward"', "filing.place: '{ward' has a brace"),
        ('from = "case:ward"', 'from = "officer"', "values.ward.from: 'officer' is none of"),
        ("approve-supervisor =", "approve-boss =", "steps.approve-boss: no step 'approve-boss'"),
        ('["@end"]', '["@ende"]', "rules[1].emit[3].next: no group 'ende'"),
        ('fact = "DossierRouted"', 'fact = "Routed"', "rules[1].emit[2].fact: no fact 'Routed'"),
        ('outcome = "granted"', 'result = "x"', "rules[4].emit[2].result: DossierProcessed has"),
        (', outcome = "granted"', "", "rules[4].emit[2]: DossierProcessed needs 'outcome'"),
        ('occurrence = "first"', 'occurrence = "frist"', "rules[1].occurrence: Input should be"),
        ('["supplement-requested"]', '["waiting"]', "rules[3].state[1]: Input should be"),
        ('skip = "the machine\'s own"', "", "rules[6]: write either emit or skip"),
    ],
)
def test_a_slip_is_named_by_its_key(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert what in refused(tmp_path, old, new)


def test_all_slips_are_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('"TP.001"', '"TP.404"').replace('"@end"', '"@ende"')
    with pytest.raises(MappingError) as caught:
        mapping_of(written(tmp_path, text, "m.toml"))
    assert "TP.404" in str(caught.value)
    assert "rules[1].emit[3].next" in str(caught.value)
    assert "rules[4].not_before" in str(caught.value)


def test_an_encoding_that_has_no_plain_line_ends_is_refused(tmp_path: Path) -> None:
    text = (
        (DATA / "counter.toml").read_text().replace("delimiter", 'encoding = "utf-16"\ndelimiter')
    )
    with pytest.raises(MappingError, match=r"source\.encoding: .*convert the file to UTF-8"):
        mapping_of(written(tmp_path, text, "m.toml"))


@pytest.mark.parametrize(("raw", "what"), [(b"a = ", "not TOML"), (b"\xff", "not UTF-8")])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, raw: bytes, what: str) -> None:
    with pytest.raises(MappingError, match=f"m.toml: {what}"):
        mapping_of(written(tmp_path, raw, "m.toml"))


def test_a_file_that_is_too_large_to_be_a_mapping_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"# no mapping\n" * 100_000)
    with pytest.raises(MappingError, match="more than 1048576 bytes; is it the mapping"):
        read_mapping(large)
