"""How a batch of records is decided: what is picked, what is applied, what is held, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import intake, routing
from contracts.wire.codec import MAX_BODY, Fault
from contracts.wire.envelope import Event, short_id
from services.runtime.core.batch import Decided, decide, pick
from services.runtime.core.dead_letter import DeadLetter, read_letter, redriven
from services.runtime.core.handle import TimerStuck, fire_timers
from services.runtime.core.stored import Stored

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)
NOW = datetime(2030, 1, 1, tzinfo=UTC)

Run = Callable[..., Decided[Any]]


@pytest.fixture
def states() -> dict[str, Stored[Any]]:
    return {}


@pytest.fixture
def run(purse: Any, states: dict[str, Stored[Any]]) -> Run:
    """Hands records to the purse as the engine does."""

    def run(*records: Any) -> Decided[Any]:
        wanted, _ = pick(purse, records)
        return decide(purse, wanted, states, NOW)

    return run


def letters_of(decided: Decided[Any], log: Any) -> list[DeadLetter | str]:
    """The letters of a batch, read back from their topic."""
    return [read_letter("purse", log.put(record)) for record in decided.letters]


def back(log: Any, letter: DeadLetter | str, *, skip: bool = False) -> Any:
    """The record by which a command puts a letter back, or gives it up."""
    assert isinstance(letter, DeadLetter)
    return log.put(redriven(letter, skip=skip))


def outcomes(decided: Decided[Any]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, outcome), count in decided.outcomes.items():
        found[outcome] += count
    return dict(found)


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
        data = routing.StopRequested(reason="r", by="b")
        record = log.put(Event("id", "/x", "purse-1", NOON, data), value=b"no JSON")
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
        assert wanted.letter_id == "purses/3/0"

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
        stored.unsaid = fire_timers(purse, stored, NOON + timedelta(seconds=31))
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
        assert decided.letters == []

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

    def test_is_no_defect_but_a_stuck_timer_is(
        self, run: Run, log: Any, say: Any, purse: Any
    ) -> None:
        purse.alarm = "silent"
        with pytest.raises(TimerStuck):
            run(log.put(say.note("wake 30")), log.put(say.note("late", at=31)))


class TestAHeldSubject:
    @pytest.fixture
    def letters(self, run: Run, log: Any, say: Any) -> Sequence[DeadLetter | str]:
        """A bad record, and two good ones behind it."""
        records = [
            log.put(say.note("bad"), value=b"{"),
            log.put(say.note("b")),
            log.put(say.note("c")),
        ]
        return letters_of(run(*records), log)

    def test_holds_later_records_in_their_order_and_says_why(
        self, letters: Any, states: Any
    ) -> None:
        assert [(x.number, x.fault) for x in letters] == [(1, "bad-body"), (2, "held"), (3, "held")]
        assert states["purse-1"].state.notes == ()
        hold = states["purse-1"].hold
        assert (hold.count, hold.next, hold.fault) == (3, 1, "bad-body")

    def test_counts_held_records_apart_from_bad_ones(
        self, run: Run, log: Any, say: Any, letters: Any
    ) -> None:
        decided = run(log.put(say.note("d")))
        assert outcomes(decided) == {"held": 1}
        assert decided.faults == {"held": 1}

    def test_knows_records_that_were_held_before_a_crash_and_numbers_none_of_them_twice(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        records = [log.put(say.note("bad"), value=b"{"), log.put(say.note("b"))]
        letters = letters_of(run(*records), log)
        again = run(*records)  # persisted, and not committed: they come again
        assert outcomes(again) == {"duplicate": 2}
        assert again.letters == []
        assert states["purse-1"].hold.count == 2
        run(*(back(log, letter, skip=True) for letter in letters))
        assert states["purse-1"].hold is None

    def test_tells_what_it_applied_before_it_was_held_from_what_is_new(
        self, run: Run, log: Any, say: Any
    ) -> None:
        good = log.put(say.note("a"))
        bad = log.put(say.note("bad"), value=b"{")
        assert outcomes(run(good, bad, good)) == {"applied": 1, "dead": 1, "duplicate": 1}

    def test_stays_held_as_long_as_the_first_letter_is_as_bad_as_before(
        self, run: Run, log: Any, letters: Any, states: Any
    ) -> None:
        decided = run(back(log, letters[0]), back(log, letters[1]))
        assert outcomes(decided) == {"dead": 1, "duplicate": 1}
        assert decided.letters == []
        assert (states["purse-1"].hold.next, states["purse-1"].state.notes) == (1, ())

    def test_goes_on_once_its_letters_are_put_back_in_order(
        self, run: Run, log: Any, say: Any, states: Any, purse: Any
    ) -> None:
        asked = say.ask(1, reference="boom")
        bad, held = letters_of(run(log.put(asked), log.put(say.note("b"))), log)
        purse.mended = True
        decided = run(back(log, bad), back(log, held))
        assert states["purse-1"].hold is None
        assert (states["purse-1"].state.total, states["purse-1"].state.notes) == (1, ("b",))
        assert outcomes(decided) == {"applied": 2}
        assert decided.redriven == {"redriven": 2}
        assert decided.requests == [asked.id]
        assert letters_of(decided, log) == ["purses/3/0", "purses/3/1"]

    def test_ignores_a_letter_out_of_its_turn(
        self, run: Run, log: Any, letters: Any, states: Any
    ) -> None:
        decided = run(back(log, letters[2]), back(log, letters[1], skip=True))
        assert outcomes(decided) == {"duplicate": 2}
        assert decided.letters == []
        assert states["purse-1"].hold.next == 1

    def test_ignores_a_command_that_is_given_twice(
        self, run: Run, log: Any, letters: Any, states: Any
    ) -> None:
        run(*(back(log, letter, skip=True) for letter in letters))
        decided = run(back(log, letters[0], skip=True), back(log, letters[1]))
        assert outcomes(decided) == {"duplicate": 2}
        assert states["purse-1"].hold is None
        assert states["purse-1"].state.notes == ()

    def test_gives_a_bad_letter_up_by_command_and_goes_on_with_the_next(
        self, run: Run, log: Any, letters: Any, states: Any
    ) -> None:
        decided = run(back(log, letters[0], skip=True))
        assert decided.redriven == {"purged": 1}
        assert outcomes(decided) == {"skipped": 1}
        assert letters_of(decided, log) == ["purses/3/0"]
        hold = states["purse-1"].hold
        assert (hold.count, hold.next) == (3, 2)
        run(back(log, letters[1]), back(log, letters[2]))
        assert states["purse-1"].hold is None
        assert states["purse-1"].state.notes == ("b", "c")

    def test_numbers_a_record_that_comes_between_behind_the_rest(
        self, run: Run, log: Any, say: Any, letters: Any, states: Any
    ) -> None:
        run(back(log, letters[0], skip=True))
        (late,) = letters_of(run(log.put(say.note("d"))), log)
        assert isinstance(late, DeadLetter)
        assert late.number == 4
        run(back(log, letters[1]), back(log, letters[2]), back(log, late))
        assert states["purse-1"].state.notes == ("b", "c", "d")
        assert states["purse-1"].hold is None

    def test_settles_a_letter_whose_event_came_in_on_another_way(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        event = say.note("once")
        bad, same, again = letters_of(
            run(log.put(say.note("bad"), value=b"{"), log.put(event), log.put(event)), log
        )
        decided = run(back(log, bad, skip=True), back(log, same), back(log, again))
        assert states["purse-1"].state.notes == ("once",)
        assert states["purse-1"].hold is None
        assert decided.redriven == {"purged": 1, "redriven": 2}

    def test_shows_what_is_wrong_now_if_that_is_another_thing(
        self, run: Run, log: Any, say: Any, letters: Any, states: Any
    ) -> None:
        run(log.put(say.note("tear"), motcua_redrive=b"purse:1:purses/3/0"))
        hold = states["purse-1"].hold
        assert (hold.fault, hold.count, hold.next) == ("decision-raised", 3, 1)

    def test_waits_with_its_timers_until_it_goes_on(
        self, run: Run, log: Any, say: Any, states: Any
    ) -> None:
        run(log.put(say.note("wake 30")))
        (bad,) = letters_of(run(log.put(say.note("bad"), value=b"{")), log)
        assert states["purse-1"].due is None
        run(back(log, bad, skip=True))
        assert states["purse-1"].due == datetime(2024, 3, 7, 12, 0, 30, tzinfo=UTC)


class TestGarbageWithoutAKey:
    def test_holds_nobody(self, run: Run, log: Any, say: Any, states: Any) -> None:
        decided = run(log.put(say.note("x"), key=None), log.put(say.note("x"), key=b"\xff"))
        assert states == {}
        assert decided.dirty == {}
        assert [x.number for x in letters_of(decided, log)] == [0, 0]  # type: ignore[union-attr]
        assert outcomes(decided) == {"dead": 2}

    def test_that_is_a_good_event_otherwise_is_told_what_its_key_should_look_like(
        self, run: Run, log: Any, say: Any
    ) -> None:
        decided = run(log.put(say.note("x", subject="wallet-1")))
        assert decided.faults == {"wrong-key": 1}
        assert r"does not look like ^purse-\d+$" in decided.last_error

    def test_put_back_is_still_garbage_and_its_letter_stays_open(
        self, run: Run, log: Any, say: Any
    ) -> None:
        (letter,) = letters_of(run(log.put(say.note("x"), key=None)), log)
        decided = run(back(log, letter))
        assert letters_of(decided, log) == []
        assert not decided.redriven

    def test_is_given_up_by_command(self, run: Run, log: Any, say: Any) -> None:
        (letter,) = letters_of(run(log.put(say.note("x"), key=None)), log)
        decided = run(back(log, letter, skip=True))
        assert letters_of(decided, log) == ["purses/3/0"]
        assert decided.redriven == {"purged": 1}
        assert not decided.outcomes
