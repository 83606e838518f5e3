"""From traces to facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from contracts.events.intake import DossierReceived, DossierWithdrawn, RemarkRecorded
from contracts.events.routing import StepStarted
from contracts.model import Kind
from contracts.wire.codec import decode, encode
from services.intake.imports.translate import TranslatedTrace, translate
from services.shared.lifecycle import PublicStatus
from tests.support.imports import (
    DATA,
    LAND,
    days,
    land_mapping,
    mapping_of,
    names,
    permits_mapping,
    report_of,
    told,
    traces_of,
    written,
)

LAND_MAPPING = land_mapping()
PERMITS = permits_mapping()

SUBMIT = "Permit SUBMITTED by EMPLOYEE"
FINAL = "Permit FINAL_APPROVED by SUPERVISOR"
CLAIM = "Declaration SUBMITTED by EMPLOYEE"
CLAIM_FINAL = "Declaration FINAL_APPROVED by SUPERVISOR"
ASKED = "Request Payment"
PAID = "Payment Handled"


def land() -> list[TranslatedTrace]:
    return [translate(LAND_MAPPING, trace) for trace in traces_of(LAND, LAND_MAPPING)]


def test_a_trace_becomes_the_facts_that_its_rules_name_and_its_past_is_closed() -> None:
    assert names(land()[0]) == [
        "DossierReceived",
        "DossierRouted",
        "StepStarted",
        "SupplementDemanded",
        "RemarkRecorded",
        "SupplementDelivered",
        "StepCompleted",
        "DossierProcessed",
        "HistoryClosed",
    ]


def test_every_fact_is_marked_as_history_of_its_source() -> None:
    for fact in land()[0].facts:
        assert (fact.history, fact.source) == (True, "/import/old-land")
        assert (fact.subject, fact.data.KIND) == ("H29.15-240307-0012", Kind.FACT)
        assert decode(*encode(fact)) == fact


def test_the_filing_is_made_from_templates_and_tables() -> None:
    received = land()[0].facts[0].data
    assert isinstance(received, DossierReceived)
    assert (received.place, received.citizen, received.by) == ("26740", "old-12", "cb-1")
    assert received.legacy_id == "case 12"


def test_an_identity_number_in_a_log_is_hashed_as_it_is_at_the_counter(tmp_path: Path) -> None:
    mapping = (DATA / "land.toml").read_text(encoding="utf-8")
    owned = mapping.replace('"old-{number}"', '"CCCD 0792030{number}345"')
    assert owned != mapping
    compiled = mapping_of(written(tmp_path, owned, "land.toml"))
    facts = translate(compiled, traces_of(LAND, compiled)[0]).facts
    assert isinstance(facts[0].data, DossierReceived)
    assert facts[0].data.citizen == compiled.references.citizen("079203012345")
    assert not any(b"079203012345" in (encode(fact).value or b"") for fact in facts)


def test_the_step_that_is_started_is_the_one_that_came_next() -> None:
    started = land()[0].facts[2].data
    assert isinstance(started, StepStarted)
    assert (started.step, started.ordinal) == ("approve-supervisor", 2)


def test_what_moves_no_state_is_a_remark_with_only_the_details_asked_for() -> None:
    remark = land()[0].facts[4].data
    assert remark == RemarkRecorded(
        activity="telephone call",
        details={"topic": "which paper", "topic/asked-by": "citizen"},
    )


def test_the_day_of_the_code_is_that_of_the_first_event_in_vietnam() -> None:
    late = told(PERMITS, [("2018-03-07T18:30:00+01:00", SUBMIT)])
    assert late.code == "T01-180308-0007"


def test_what_cannot_be_used_is_skipped_with_its_line_and_reason() -> None:
    assert [(skip.line, skip.reason) for skip in land()[1].skipped] == [
        (46, "no time: 'time:timestamp' is missing or empty"),
        (49, "no activity: 'concept:name' is missing or empty"),
        (38, "the machine's own"),
    ]


def test_a_trace_whose_first_time_is_unknown_is_left_for_when_it_is_mended() -> None:
    broken = told(PERMITS, [("soon", SUBMIT), ("2018-03-07T08:00:00Z", FINAL)])
    assert broken.broken == (
        "line 10: its first event has no usable time: the time 'soon' is not ISO 8601"
    )
    assert broken.facts == []
    assert len(broken.skipped) == 2


def test_times_keep_their_instant_when_their_offset_changes_with_daylight_saving() -> None:
    # On 28 October 2018 the clocks went from 03:00 back to 02:00.
    summer, winter = "2018-10-28T02:59:00+02:00", "2018-10-28T02:01:00+01:00"
    facts = told(PERMITS, [(winter, FINAL), (summer, SUBMIT)]).facts
    assert facts[0].time == datetime(2018, 10, 28, 0, 59, tzinfo=UTC)
    assert facts[-1].time == datetime(2018, 10, 28, 1, 1, tzinfo=UTC)
    assert isinstance(facts[0].data, DossierReceived)


def test_a_time_without_an_offset_needs_a_zone_in_the_mapping() -> None:
    naive = [("2018-07-01T08:00:00", SUBMIT)]
    assert "no offset and the mapping no source.time_zone" in (told(PERMITS, naive).broken or "")
    zoned = PERMITS.source.model_copy(update={"time_zone": "Europe/Amsterdam"})
    facts = told(replace(PERMITS, source=zoned), naive).facts
    assert facts[0].time == datetime(2018, 7, 1, 6, tzinfo=UTC)


def test_a_past_is_told_up_to_the_day_that_the_log_was_drawn() -> None:
    drawn = PERMITS.source.model_copy(update={"as_of": datetime(2020, 1, 1, tzinfo=UTC)})
    closed = told(replace(PERMITS, source=drawn), days(SUBMIT)).facts[-1]
    assert closed.time == datetime(2020, 1, 1, tzinfo=UTC)


def test_events_are_told_by_their_times_and_equal_times_by_the_files_order() -> None:
    same = "2018-03-07T08:00:00Z"
    mixed = told(PERMITS, [("2018-03-08T08:00:00Z", FINAL), (same, "B"), (same, "A")])
    assert mixed.broken == "no rule registers or receives it"
    mixed = told(
        PERMITS, [("2018-03-08T08:00:00Z", FINAL), (same, SUBMIT), (same, "B"), (same, "A")]
    )
    assert [taken.activity for taken in mixed.taken] == [SUBMIT, "B", "A", FINAL]


def test_ids_depend_on_the_case_and_the_place_in_it_alone() -> None:
    once, again = told(PERMITS, days(SUBMIT, FINAL)), told(PERMITS, days(SUBMIT, FINAL))
    assert once.facts == again.facts
    ids = [fact.id for fact in once.facts]
    assert len(set(ids)) == len(ids)
    other = told(PERMITS, days(SUBMIT, FINAL), case="travel permit 8")
    assert not set(ids) & {fact.id for fact in other.facts}


def test_mending_an_event_leaves_the_ids_of_the_others_alone() -> None:
    broken = told(PERMITS, [*days(SUBMIT), ("?", "Start trip"), ("2019-01-01T00:00Z", "End trip")])
    mended = told(
        PERMITS,
        [*days(SUBMIT), ("2018-06-01T00:00Z", "Start trip"), ("2019-01-01T00:00Z", "End trip")],
    )
    assert {fact.id for fact in broken.facts[:-1]} < {fact.id for fact in mended.facts[:-1]}
    assert broken.facts[-1].time == mended.facts[-1].time
    assert broken.facts[-1].id != mended.facts[-1].id  # what is told anew is closed anew


def test_a_fact_that_the_dossiers_state_cannot_take_becomes_a_remark_that_says_so() -> None:
    withdrawn = told(
        LAND_MAPPING,
        [*days("file", "take back", "ask again")],
        case="case 1",
    )
    assert isinstance(withdrawn.facts[-3].data, DossierWithdrawn)
    remark = withdrawn.facts[-2].data
    assert isinstance(remark, RemarkRecorded)
    assert remark.details == {"untold": "SupplementDemanded: the dossier was withdrawn"}


def test_a_number_that_does_not_fit_a_code_breaks_its_trace_alone() -> None:
    report = report_of(LAND, LAND_MAPPING)
    assert report.broken[0]["reason"] == (
        "source.number finds no number in the case's id 'case fourteen'"
    )
    assert report.traces_taken == 2
    long = told(PERMITS, days(SUBMIT), case="travel permit 1234567890123")
    assert "which is not a dossier code" in (long.broken or "")


def test_two_cases_with_one_code_are_an_error_that_names_both(tmp_path: Path) -> None:
    text = LAND.read_text().replace("case 13", "case 0012")
    report = report_of(written(tmp_path, text), LAND_MAPPING)
    assert report.broken[0]["reason"] == (
        "case 'case 0012' (line 35) and case 'case 12' (line 7) would both be "
        "H29.15-240307-0012: let source.number take more of the case's id"
    )


def test_a_case_that_stands_in_the_file_twice_is_named(tmp_path: Path) -> None:
    text = LAND.read_text().replace("case 13", "case 12")
    report = report_of(written(tmp_path, text), LAND_MAPPING)
    assert report.broken[0]["reason"] == (
        "case 'case 12' stands in the file twice, at lines 7 and 35"
    )


def test_on_request_the_first_broken_trace_ends_the_import() -> None:
    strict = LAND_MAPPING.source.model_copy(update={"on_error": "stop"})
    report = report_of(LAND, replace(LAND_MAPPING, source=strict))
    assert report.traces == 3
    assert "line 57: the trace from here is broken, and on_error is stop" in (report.error or "")


# ---- The permits' process ----


def final(*activities: str) -> PublicStatus | None:
    return told(PERMITS, days(*activities)).status


def test_a_draft_is_a_registration() -> None:
    assert final("Permit SAVED by EMPLOYEE", "Start trip") is PublicStatus.REGISTERED


def test_a_permit_without_a_claim_is_processed_when_it_is_finally_approved() -> None:
    done = told(PERMITS, days(SUBMIT, FINAL, "Start trip", "Send Reminder"))
    assert names(done)[3:5] == ["StepCompleted", "DossierProcessed"]
    assert done.status is PublicStatus.PROCESSED


def test_handling_stops_for_the_trip_and_resumes_with_the_claim() -> None:
    done = told(PERMITS, days(SUBMIT, FINAL, "Start trip", CLAIM, CLAIM_FINAL, ASKED, PAID))
    moves = [name for name in names(done) if name.startswith("Dossier")]
    assert moves == [
        "DossierReceived",
        "DossierRouted",
        "DossierStopped",
        "DossierResumed",
        "DossierProcessed",
    ]


def test_a_dossier_with_several_claims_is_processed_with_the_last_payment() -> None:
    done = told(
        PERMITS,
        days(SUBMIT, FINAL, CLAIM, CLAIM_FINAL, ASKED, PAID, CLAIM, CLAIM_FINAL, ASKED, PAID),
    )
    assert names(done).count("DossierProcessed") == 1
    assert names(done)[-2] == "DossierProcessed"


def test_a_rejection_asks_for_a_supplement_and_submitting_again_delivers_it() -> None:
    done = told(
        PERMITS,
        days(SUBMIT, "Permit REJECTED by SUPERVISOR", "Permit REJECTED by EMPLOYEE", SUBMIT, FINAL),
    )
    assert names(done)[3:6] == ["SupplementDemanded", "RemarkRecorded", "SupplementDelivered"]
    assert done.status is PublicStatus.PROCESSED


def test_a_permit_that_is_taken_back_and_not_submitted_again_is_withdrawn() -> None:
    status = final(SUBMIT, "Permit REJECTED by SUPERVISOR", "Permit REJECTED by EMPLOYEE")
    assert status is PublicStatus.WITHDRAWN


def test_a_rejection_that_nobody_answers_stays_a_request_for_a_supplement() -> None:
    status = final(SUBMIT, "Permit REJECTED by SUPERVISOR", "Send Reminder")
    assert status is PublicStatus.SUPPLEMENT_REQUESTED


def test_a_claim_that_is_not_paid_yet_is_in_process() -> None:
    assert final(SUBMIT, FINAL, CLAIM, CLAIM_FINAL, ASKED) is PublicStatus.IN_PROCESS


ACTIVITIES = st.sampled_from(
    [
        *(SUBMIT, FINAL, CLAIM, CLAIM_FINAL, ASKED, PAID, "Start trip", "Send Reminder"),
        *("Permit APPROVED by ADMINISTRATION", "Permit REJECTED by EMPLOYEE"),
        *("Permit REJECTED by MISSING", "Declaration REJECTED by EMPLOYEE", "", "never seen"),
    ]
)
TIMES = st.one_of(
    st.sampled_from(["", "yesterday", "2018-02-30T00:00:00Z", "2018-01-01T00:00:00"]),
    st.datetimes(datetime(2016, 1, 1), datetime(2019, 1, 1)).map(lambda t: t.isoformat() + "Z"),
)


@given(st.lists(st.tuples(TIMES, ACTIVITIES), max_size=30))
def test_every_event_is_either_taken_or_skipped(events: list[tuple[str, str]]) -> None:
    result = told(PERMITS, events)
    lines = [taken.line for taken in result.taken] + [skip.line for skip in result.skipped]
    assert sorted(lines) == list(range(10, 10 + len(events)))
    assert all(skip.reason for skip in result.skipped)
    assert (result.broken is None) == bool(result.facts)


@given(st.lists(st.tuples(TIMES, ACTIVITIES), max_size=30))
def test_facts_come_in_the_order_of_their_times_each_with_an_id_of_its_own(
    events: list[tuple[str, str]],
) -> None:
    facts = told(PERMITS, [*days(SUBMIT), *events]).facts
    assert [fact.time for fact in facts] == sorted(fact.time for fact in facts)
    assert len({fact.id for fact in facts}) == len(facts)
    assert facts[-1].data.NAME == "HistoryClosed"
