"""A subject that a bad record holds: what follows waits, and goes on once that is decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.runtime.core.dead_letter import DeadLetter, redriven
from tests.support.batches import Run, letters_of, outcomes


def back(log: Any, letter: DeadLetter | str, *, skip: bool = False) -> Any:
    """The record by which a command puts a letter back, or gives it up."""
    assert isinstance(letter, DeadLetter)
    return log.put(redriven(letter, skip=skip))


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
        assert again.dead_letters == []
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
        assert decided.dead_letters == []
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
        assert decided.dead_letters == []
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
