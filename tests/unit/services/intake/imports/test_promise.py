"""What was promised to the citizens of an older system."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.catalogue import load_catalogue
from contracts.events.intake import DossierReceived, Promise
from contracts.values import to_utc_millis
from services.intake.imports.mapping import MappingError
from services.intake.imports.translate import TranslatedTrace, translate
from tests.support.imports import DATA, mapping_of, report_of, traces_of, written

HEADER = "case_id;when;what;deadline;law\n"
FILED = "A-1;05/03/2024 08:00;file;{due};{law}\n"
MAPPING = (DATA / "counter.toml").read_text()
STANDARD = "[promise]\nstandard = true\n"
OWN = 'due = "{case:deadline}"'
DATES = f'{OWN}\ntime_format = "%d/%m/%Y"'
CATALOGUE = load_catalogue()


def translated(folder: Path, promise: str, rows: str) -> TranslatedTrace:
    assert STANDARD in MAPPING
    compiled = mapping_of(written(folder, MAPPING.replace(STANDARD, promise), "m.toml"))
    (trace,) = traces_of(written(folder, HEADER + rows), compiled)
    return translate(compiled, trace)


def promised(folder: Path, promise: str, due: str = "", law: str = "") -> Promise | None:
    told = translated(folder, promise, FILED.format(due=due, law=law))
    assert told.broken is None
    received = told.facts[0].data
    assert isinstance(received, DossierReceived)
    return received.promise


def test_without_the_table_nobody_knows_what_was_promised(tmp_path: Path) -> None:
    assert promised(tmp_path, "", "12/03/2024") is None


def test_the_standard_time_is_the_catalogues(tmp_path: Path) -> None:
    standard = CATALOGUE.promise(CATALOGUE.procedures["TP.001"])
    assert promised(tmp_path, STANDARD) == standard
    assert standard.budget is not None


def test_a_date_of_the_case_is_read_like_the_events_times(tmp_path: Path) -> None:
    found = promised(
        tmp_path,
        f'[promise]\n{OWN}\nbasis = "Điều {{case:law}}"\n',
        "12/03/2024 16:30",
        "5",
    )
    assert found == Promise(due=datetime(2024, 3, 12, 9, 30, tzinfo=UTC), basis="Điều 5")


def test_a_date_without_a_time_is_the_end_of_its_day_in_the_logs_zone(tmp_path: Path) -> None:
    found = promised(tmp_path, f"[promise]\n{DATES}\n", "12/03/2024")
    assert found is not None
    assert found.due == to_utc_millis(datetime.fromisoformat("2024-03-12T23:59:59+07:00"))


@pytest.mark.parametrize("iso", ["2024-03-12", "2024-03-12T00:00:00+07:00"])
def test_an_iso_date_is_the_end_of_its_day_and_a_midnight_is_midnight(
    tmp_path: Path, iso: str
) -> None:
    promise = 'due = "{case:deadline}"\n'
    plain = MAPPING.replace('time_format = "%d/%m/%Y %H:%M"\n', "")
    text = plain.replace(STANDARD, f"[promise]\n{promise}")
    compiled = mapping_of(written(tmp_path, text, "m.toml"))
    rows = f"A-1;2024-03-05T08:00:00;file;{iso};\n"
    (trace,) = traces_of(written(tmp_path, HEADER + rows), compiled)
    received = translate(compiled, trace).facts[0].data
    assert isinstance(received, DossierReceived)
    assert received.promise is not None
    end = "2024-03-12T23:59:59+07:00" if iso == "2024-03-12" else iso
    assert received.promise.due == datetime.fromisoformat(end)


def test_a_case_without_a_date_has_the_standard_time_only_if_the_table_says_so(
    tmp_path: Path,
) -> None:
    assert promised(tmp_path, f"[promise]\n{DATES}\n") is None
    both = promised(tmp_path, f"[promise]\n{DATES}\nstandard = true\n")
    assert both is not None
    assert both.budget is not None


def test_a_value_that_is_no_time_breaks_the_trace_with_line_and_remedy(tmp_path: Path) -> None:
    rows = "A-1;05/03/2024 08:00;file;;\nA-1;06/03/2024 08:00;approve;soon;\n"
    told = translated(tmp_path, f"[promise]\n{DATES}\n", rows)
    assert told.broken == (
        "line 2, 'file' (rules[1]): promise.due (line 3): the time 'soon' is not %d/%m/%Y: mend"
        " the date, or say how it is written in promise.time_format and source.time_zone"
    )


def test_a_date_that_differs_within_the_case_breaks_the_trace(tmp_path: Path) -> None:
    rows = "A-1;05/03/2024 08:00;file;12/03/2024;\nA-1;06/03/2024 08:00;approve;13/03/2024;\n"
    told = translated(tmp_path, f"[promise]\n{DATES}\n", rows)
    assert told.broken == (
        "line 2, 'file' (rules[1]): the column 'deadline' differs within the case:"
        " '12/03/2024' in line 2, '13/03/2024' in line 3"
    )


@pytest.mark.parametrize(
    ("promise", "what"),
    [
        ("[promise]\n", "promise: write due, or standard = true, or both"),
        ('[promise]\nstandard = true\nbasis = "x"', "promise: basis and time_format are of due"),
        ('[promise]\ndue = "{deadline}"', "promise.due: 'deadline' is none of"),
        ('[promise]\ndeadline = "x"', "promise.deadline: Extra inputs"),
    ],
)
def test_a_slip_in_the_table_is_named(tmp_path: Path, promise: str, what: str) -> None:
    with pytest.raises(MappingError) as caught:
        mapping_of(written(tmp_path, MAPPING.replace(STANDARD, promise + "\n"), "m.toml"))
    assert what in str(caught.value)


def test_a_rule_cannot_name_a_promise(tmp_path: Path) -> None:
    text = MAPPING.replace('"DossierReceived"', '"DossierReceived", promise = "x"')
    with pytest.raises(MappingError, match=r"rules\[1\].emit\[1\].promise: what was promised"):
        mapping_of(written(tmp_path, text, "m.toml"))


def test_the_report_says_how_many_have_a_promise(tmp_path: Path) -> None:
    text = MAPPING.replace(STANDARD, f"[promise]\n{DATES}\n")
    compiled = mapping_of(written(tmp_path, text, "m.toml"))
    rows = "".join(
        f"A-{n};05/03/2024 08:00;file;{due};\n" for n, due in enumerate(["12/03/2024", "", ""])
    )
    report = report_of(written(tmp_path, HEADER + rows), compiled)
    assert report.as_json()["promises"] == {"date": 1, "standard": 0, "none": 2}
