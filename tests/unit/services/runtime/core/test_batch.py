"""How a batch of records is decided: what is picked, what is applied, what is held, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.events import intake, routing
from contracts.wire.codec import MAX_BODY, Fault
from contracts.wire.envelope import Event, short_id
from services.runtime.core.batch import decide, pick
from services.runtime.core.dead_letter import DeadLetter
from services.runtime.core.handle import fire_timers
from services.runtime.core.stored import Stored, from_document
from tests.support.batches import NOW, Run, letters_of, outcomes
from tests.support.event import acting
from tests.support.rule_sets import WORLD

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)


class TestPicking:
    def picked(self, purse: Any, *records: Any) -> tuple[int, dict[tuple[str, str], int]]:
        wanted, skipped = pick(purse, records)
        return len(wanted), dict(skipped)

    def test_takes_what_the_service_uses(self, purse: Any, log: Any, say: Any) -> None:
        wanted, skipped = pick(purse, [log.put(say.note("x")), log.put(say.ask(1))])
        assert [w.short for w in wanted] == [short_id("said-1"), short_id("said-2")]
        assert [w.subject for w in wanted] == ["purse-1", "purse-1"]
        assert not skipped

    def test_skips_a_known_type_of_others_by_its_header_and_reads_no_more_of_it(
        self, purse: Any, log: Any
    ) -> None:
        data = routing.StopRequested(reason="r")
        record = log.put(
            Event("id", "/x", "purse-1", NOON, data, actor=acting("b")), value=b"no JSON"
        )
        assert self.picked(purse, record) == (0, {(data.TYPE, "skipped"): 1})

    def test_takes_a_type_that_nobody_knows_so_that_it_does_not_vanish(
        self, purse: Any, log: Any, say: Any
    ) -> None:
        assert self.picked(purse, log.put(say.note("x"), ce_type=b"vn.motcua.Oh.v1"))[0] == 1

    def test_takes_a_record_without_a_type(self, purse: Any, log: Any, say: Any) -> None:
        assert self.picked(purse, log.put(say.note("x"), without="ce_type"))[0] == 1

    @pytest.mark.parametrize("kind", [b"vn.motcua.RemarkRecorded.v1", b"vn.motcua.Oh.v1"])
    def test_skips_what_was_put_back_for_another_service(
        self, purse: Any, log: Any, say: Any, kind: bytes
    ) -> None:
        record = log.put(say.note("x"), ce_type=kind, motcua_redrive=b"wallet:1:purses/3/0")
        assert self.picked(purse, record) == (0, {(kind.decode(), "skipped"): 1})

    def test_names_a_skipped_record_without_a_type_none(
        self, purse: Any, log: Any, say: Any
    ) -> None:
        record = log.put(say.note("x"), without="ce_type", motcua_redrive=b"wallet:1:a/3/0")
        assert self.picked(purse, record) == (0, {("none", "skipped"): 1})

    def test_takes_what_was_put_back_for_this_service(self, purse: Any, log: Any, say: Any) -> None:
        record = log.put(say.note("x"), motcua_redrive=b"purse:2:purses/3/0:skip")
        (wanted,), _ = pick(purse, [record])
        assert wanted.redrive is not None
        assert (wanted.redrive.number, wanted.redrive.skip) == (2, True)
        assert wanted.dead_letter_id == "purses/3/0"

    @pytest.mark.parametrize("order", [b"", b"purse", b"purse:x:a/3/0", b"\xff:1:a", None])
    def test_takes_nonsense_in_the_redrive_header_for_no_redrive_at_all(
        self, purse: Any, log: Any, say: Any, order: bytes | None
    ) -> None:
        (wanted,), _ = pick(purse, [log.put(say.note("x"), motcua_redrive=order)])
        assert wanted.redrive is None

    @pytest.mark.parametrize("key", [None, b"", b"wallet-1", b"purse-1\n", b"\xff", b"a purse-1"])
    def test_gives_a_record_no_subject_whose_key_is_none(
        self, purse: Any, log: Any, say: Any, key: bytes | None
    ) -> None:
        (wanted,), _ = pick(purse, [log.put(say.note("x"), key=key)])
        assert wanted.subject is None

    def test_survives_a_null_id(self, purse: Any, log: Any, say: Any) -> None:
        (wanted,), _ = pick(purse, [log.put(say.note("x"), ce_id=None)])
        assert wanted.short == short_id("")


class TestWhatIsLeftUnsaid:
    @pytest.fixture
    def unsaid(
        self, purse: Any, log: Any, say: Any, run: Run, states: dict[str, Stored[Any]]
    ) -> list[Event]:
        """What an alarm has decided that was written down, and then the instance was killed."""
        run(log.put(say.note("wake 30")))
        stored = states["purse-1"]
        stored.unsaid = fire_timers(purse, WORLD, stored, NOON + timedelta(seconds=31))
        return list(stored.unsaid)

    def test_is_said_before_what_the_next_record_comes_to(
        self, log: Any, say: Any, run: Run, unsaid: list[Event], states: dict[str, Stored[Any]]
    ) -> None:
        decided = run(log.put(say.note("a find")))
        assert decided.events[:1] == unsaid
        assert [e.data.NAME for e in decided.events[1:]] == ["PaymentReceived"] * 2
        assert states["purse-1"].unsaid == []

    def test_is_said_and_struck_out_though_the_record_is_known(
        self, log: Any, say: Any, run: Run, unsaid: list[Event], states: dict[str, Stored[Any]]
    ) -> None:
        record = log.put(say.note("x"))
        run(record)
        stored = states["purse-1"]
        stored.unsaid = list(unsaid)
        decided = run(record)
        assert decided.events == unsaid
        assert decided.dirty == {"purse-1": stored}
        assert stored.unsaid == []

    def test_is_said_though_the_record_is_bad_and_holds_its_subject(
        self, log: Any, say: Any, run: Run, unsaid: list[Event], states: dict[str, Stored[Any]]
    ) -> None:
        decided = run(log.put(say.note("tear")))
        assert decided.events == unsaid
        stored = states["purse-1"]
        assert stored.hold is not None
        assert (stored.unsaid, stored.due) == ([], None)


class TestGoodRecords:
    def test_are_applied_in_their_order_and_counted(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        decided = run(*(log.put(say.note(text)) for text in "abc"))
        assert states["purse-1"].state.notes == ("a", "b", "c")
        assert decided.outcomes == {(intake.RemarkRecorded.TYPE, "applied"): 3}
        assert decided.dirty == {"purse-1": states["purse-1"]}
        assert decided.dead_letters == []

    def test_begin_a_subject_in_their_partition(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        run(log.put(say.note("a")))
        assert (states["purse-1"].partition, states["purse-1"].v) == (3, 0)

    def test_are_each_subjects_own(self, run: Run, log: Any, say: Any, states: Any) -> None:
        run(log.put(say.note("a")), log.put(say.note("b", subject="purse-2")))
        assert states["purse-1"].state.notes == ("a",)
        assert states["purse-2"].state.notes == ("b",)

    def test_cause_events_and_tell_of_requests_that_someone_waits_for(
        self, run: Run, log: Any, say: Any
    ) -> None:
        decided = run(log.put(say.note("a find")), log.put(say.ask(5)))
        assert [e.data.model_dump()["amount"] for e in decided.events] == [1, 2, 5]
        assert decided.requests == ["said-2"]

    def test_that_come_twice_are_applied_once(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        event = say.ask(5)
        run(log.put(event))
        again = run(log.put(event))
        assert states["purse-1"].state.total == 5
        assert outcomes(again) == {"duplicate": 1}
        assert (again.events, again.dirty, again.requests) == ([], {}, [])

    def test_that_are_the_echo_of_its_own_decision_are_duplicates(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        (fact,) = run(log.put(say.ask(5))).events
        assert outcomes(run(log.put(fact))) == {"duplicate": 1}
        assert states["purse-1"].state.total == 5

    def test_that_another_instance_decided_are_folded(
        self, run: Run, log: Any, say: Any, states: Any, purse: Any
    ) -> None:
        (fact,) = run(log.put(say.ask(5))).events
        states.clear()
        assert outcomes(run(log.put(fact))) == {"applied": 1}
        assert states["purse-1"].state.total == 5

    def test_put_down_when_the_clock_must_look_again(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        run(log.put(say.note("wake 30")))
        assert states["purse-1"].due == datetime(2024, 3, 7, 12, 0, 30, tzinfo=UTC)


class TestABadRecord:
    """Each becomes a dead letter that says what is wrong, and holds its subject."""

    @pytest.mark.parametrize(
        ("spoil", "fault", "says"),
        [
            ({"without": "ce_id"}, Fault.MISSING_HEADER, "ce_id is missing"),
            ({"ce_id": None}, Fault.MISSING_HEADER, "ce_id is missing"),
            ({"without": "ce_type"}, Fault.MISSING_HEADER, "ce_type is missing"),
            ({"ce_time": b"noon"}, Fault.BAD_HEADER, "'noon', not RFC 3339"),
            ({"ce_source": b"\xff"}, Fault.BAD_HEADER, "not UTF-8"),
            ({"ce_type": b"vn.motcua.Oh.v1"}, Fault.UNKNOWN_TYPE, "vn.motcua.Oh.v1"),
            ({"ce_type": b"vn.motcua.RemarkRecorded.v9"}, Fault.NEWER_VERSION, "upgrade"),
            ({"ce_subject": b"purse-2"}, Fault.WRONG_KEY, "must be equal"),
            ({"value": b"{"}, Fault.BAD_BODY, "RemarkRecorded"),
            ({"value": None}, Fault.BAD_BODY, "no body"),
            ({"value": b" " * (MAX_BODY + 1)}, Fault.TOO_LARGE, f"{MAX_BODY + 1} bytes"),
        ],
    )
    def test_is_named_by_its_fault(
        self,
        run: Run,
        log: Any,
        say: Any,
        states: Any,
        spoil: dict[str, Any],
        fault: Fault,
        says: str,
    ) -> None:
        decided = run(log.put(say.note("x"), **spoil))
        (letter,) = letters_of(decided, log)
        assert isinstance(letter, DeadLetter)
        assert (letter.fault, letter.number) == (fault, 1)
        assert says in letter.detail
        assert decided.faults == {fault: 1}
        assert says in decided.last_error
        assert outcomes(decided) == {"dead": 1}
        hold = states["purse-1"].hold
        assert (hold.count, hold.next, hold.fault) == (1, 1, fault)
        assert decided.dirty == {"purse-1": states["purse-1"]}

    @pytest.mark.parametrize("note", ["tear", "rip"])
    def test_is_one_over_which_the_service_itself_stumbles(
        self, run: Run, log: Any, say: Any, states: Any, note: str
    ) -> None:
        (letter,) = letters_of(run(log.put(say.note(note))), log)
        assert isinstance(letter, DeadLetter)
        assert letter.fault == Fault.DECISION_RAISED
        assert "LookupError" in letter.detail
        assert "conftest.py" in letter.detail  # where it happened

    def test_leaves_the_state_untouched_timers_and_all(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        run(log.put(say.note("wake 30")))
        before = states["purse-1"].state
        decided = run(log.put(say.ask(1, at=60, reference="boom")))
        stored = states["purse-1"]
        assert stored.state == before
        assert stored.state.rung == 0
        assert decided.events == []
        assert not stored.answers
        assert len(stored.applied) == 1
        assert stored.due is None

    def test_may_be_about_a_subject_of_which_nothing_was_known(
        self, run: Run, log: Any, say: Any, states: Any, purse: Any
    ) -> None:
        run(log.put(say.note("x"), value=b"{"))
        assert states["purse-1"].state == purse.initial("purse-1")

    def test_holds_nobody_else_up(self, run: Run, log: Any, say: Any, states: Any) -> None:
        run(log.put(say.note("x"), value=b"{"), log.put(say.note("y", subject="purse-2")))
        assert states["purse-2"].state.notes == ("y",)
        assert states["purse-2"].hold is None

    def test_is_kept_whole(self, run: Run, log: Any, say: Any) -> None:
        record = log.put(say.note("x"), value=b"{")
        (letter,) = letters_of(run(record), log)
        assert isinstance(letter, DeadLetter)
        assert (letter.key, letter.value) == (record.key, b"{")
        assert letter.headers == tuple(record.headers)
        assert letter.id == "purses/3/0"
        assert letter.time == "2030-01-01T00:00:00.000Z"

    @pytest.mark.parametrize("alarm", ["silent", "for-ever"])
    def test_is_one_at_whose_time_a_timer_cannot_be_fired(
        self, run: Run, log: Any, say: Any, purse: Any, states: Any, alarm: str
    ) -> None:
        purse.alarm = alarm
        late = log.put(say.note("late", at=31))
        decided = run(log.put(say.note("wake 30")), late, log.put(say.note("x", subject="purse-2")))
        (letter,) = letters_of(decided, log)
        assert isinstance(letter, DeadLetter)
        assert (letter.id, letter.fault) == ("purses/3/0", Fault.DECISION_RAISED)
        assert states["purse-1"].state.notes == ("wake 30",)
        assert states["purse-2"].state.notes == ("x",)

    def test_is_the_one_that_is_too_much_for_what_is_kept_of_its_subject(
        self, purse: Any, log: Any, say: Any, states: Any
    ) -> None:
        notes = [log.put(say.note(text)) for text in ("a", "b", "c")]
        wanted, _ = pick(purse, notes)
        found = decide(purse, {3: WORLD}, wanted, states, NOW, lambda one: len(one.state.notes) > 1)
        letters = letters_of(found, log)
        assert [(x.id, x.fault) for x in letters if isinstance(x, DeadLetter)] == [
            ("purses/3/1", Fault.STATE_TOO_LARGE),
            ("purses/3/2", Fault.HELD),
        ]
        assert states["purse-1"].state.notes == ("a",)


class TestAnEventThatComesBack:
    """Under an id that is known, it is a duplicate; with another content it is counted as well."""

    def test_as_it_was_differs_in_nothing(self, run: Run, log: Any, say: Any) -> None:
        note = say.note("x")
        run(log.put(note))
        again = run(log.put(note))
        assert (outcomes(again), again.differing) == ({"duplicate": 1}, [])

    @pytest.mark.parametrize(
        "change",
        [
            {"data": intake.RemarkRecorded(activity="y")},
            {"time": NOON + timedelta(seconds=1)},
        ],
    )
    def test_with_another_content_is_told_with_its_place(
        self, run: Run, log: Any, say: Any, states: dict[str, Stored[Any]], change: dict[str, Any]
    ) -> None:
        note = say.note("x")
        run(log.put(note))
        before = states["purse-1"].document()
        other = run(log.put(replace(note, **change)))
        assert outcomes(other) == {"duplicate": 1}
        assert other.differing == [("purse-1", "purses/3/1", note.type)]
        assert other.dead_letters == []
        assert states["purse-1"].document() == before, "the first one stands"

    def test_with_another_content_within_one_batch_is_told_too(
        self, run: Run, log: Any, say: Any
    ) -> None:
        note = say.note("x")
        other = replace(note, data=intake.RemarkRecorded(activity="y"))
        found = run(log.put(note), log.put(other), log.put(note))
        assert found.differing == [("purse-1", "purses/3/1", note.type)]
        assert outcomes(found) == {"applied": 1, "duplicate": 2}

    def test_as_its_own_decision_differs_in_nothing(self, run: Run, log: Any, say: Any) -> None:
        first = run(log.put(say.ask(1)))
        again = run(*(log.put(event) for event in first.events))
        assert (outcomes(again), again.differing) == ({"duplicate": 1}, [])

    def test_of_which_no_content_was_kept_differs_in_nothing(
        self, run: Run, log: Any, say: Any, states: dict[str, Stored[Any]]
    ) -> None:
        note = say.note("x")
        run(log.put(note))
        stored = states["purse-1"]
        older = {**stored.document(), "layout": 1, "ids": short_id(note.id)}
        states["purse-1"] = from_document(older, type(stored.state))
        again = run(log.put(replace(note, data=intake.RemarkRecorded(activity="y"))))
        assert (outcomes(again), again.differing) == ({"duplicate": 1}, [])
