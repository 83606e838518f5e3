"""Records that nobody has written who may: where keys are set, none is acted upon."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from contracts.catalogue import load_catalogue
from contracts.model import registered
from contracts.wire.codec import Record, encode, from_json, types
from contracts.wire.envelope import Event
from contracts.wire.mac import OPERATOR, ORDER_HEADER, Doubt, Key, Keys
from contracts.wire.topics import PAGE, SERVICES
from motcua.deciders import all_deciders
from services.intake.proof_decider import ProofDecider
from services.notify.contacts.contact import SealedContactDecider
from services.notify.deciders import DeliveryDecider
from services.notify.dossier.policy import Policy
from services.runtime.core.batch import decide, pick
from services.runtime.core.dead_letter import DeadLetter, read_dead_letter, redriven, timers_record
from services.runtime.core.decided import Decided
from services.runtime.core.forged import Forged, believed, found_forged, put_aside
from services.runtime.core.stored import Stored
from services.runtime.record_keys import RecordKeys
from tests.support.batches import NOW, Run, letters_of, outcomes
from tests.support.paths import ROOT
from tests.support.rule_sets import WORLD

SIGNERS = (*SERVICES, PAGE, OPERATOR)
ALL = {name: [Key(1, name.encode().ljust(32))] for name in SIGNERS}
KEYS = RecordKeys(Keys(ALL))
STOLEN = Keys({name: [Key(1, b"guessed".ljust(32))] for name in SIGNERS})
DECIDERS = [
    *all_deciders(Policy(load_catalogue())),
    DeliveryDecider(),
    ProofDecider(),
    SealedContactDecider(),
]
KINDS = sorted(name for cls in registered().values() for name in types(cls))
"""Every type of event that any service knows, old versions included."""


def _samples() -> dict[str, Event]:
    found: dict[str, Event] = {}
    for path in sorted((ROOT / "contracts" / "samples").glob("*.json")):
        event = from_json(json.loads(path.read_text(encoding="utf-8")))
        found |= dict.fromkeys(types(type(event.data)), event)
    return found


SAMPLES = _samples()


def through(decider: Any, *records: Any, states: Any = None) -> tuple[Decided[Any], dict[str, Any]]:
    """What a batch comes to where keys are set."""
    states = {} if states is None else states
    wanted, _ = pick(decider, records)
    forged: list[Forged] = []
    good = believed(KEYS, wanted, states, forged)
    decided = decide(decider, {3: WORLD}, good, states, NOW)
    put_aside(decided, forged, NOW)
    return decided, states


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_record_of_each_kind_changes_no_state_and_says_nothing(
    kind: str, log: Any
) -> None:
    record = encode(SAMPLES[kind])
    headers = [(name, kind.encode() if name == "ce_type" else v) for name, v in record.headers]
    unsigned = record._replace(headers=headers)
    read = 0
    for decider in DECIDERS:
        if kind not in decider.requests | decider.facts:
            continue
        read += 1
        for forgery in (unsigned, STOLEN.signed(unsigned)):
            decided, states = through(decider, log.put(forgery))
            assert (states, decided.events, decided.requests) == ({}, [], [])
            assert outcomes(decided) == {"refused": 1}
            (letter,) = letters_of(decided, log)
            assert isinstance(letter, DeadLetter)
            assert (letter.fault, letter.number) == ("forged", 0)
        (item,), _ = pick(decider, [log.put(KEYS.keys.signed(unsigned))])
        assert found_forged(KEYS, item, {}) is None, "of who may write it, it is believed"
    assert read or _is_read_by_nobody(kind)


def _is_read_by_nobody(kind: str) -> bool:
    """Whether no state holds it: refusals, and what is broadcast, which the engine reads."""
    name = kind.split(".")[-2]
    return name.endswith("Refused") or name in _BROADCAST


_BROADCAST = (
    *("ClockTicked", "RulesEnacted"),
    *("AuthorityDelegated", "AbsenceDeclared", "AuthorityRevoked"),
)


def test_what_is_known_is_not_checked_and_what_has_its_id_and_says_another_thing_is(
    purse: Any, log: Any, say: Any
) -> None:
    note = say.note("said")
    good = KEYS.keys.signed(encode(note))
    # In the same batch as in a later one.
    decided, states = through(purse, log.put(good), log.put(note))
    assert (decided.forged, outcomes(decided)) == ([], {"applied": 1, "duplicate": 1})
    decided, _ = through(purse, log.put(note), states=states)
    assert (decided.forged, outcomes(decided)) == ([], {"duplicate": 1})
    other = say.note("another")
    for forgery in (
        encode(msgspec.structs.replace(other, id=note.id)),
        STOLEN.signed(encode(other)),
    ):
        decided, _ = through(purse, log.put(forgery), states=states)
        assert outcomes(decided) == {"refused": 1}
    assert states["purse-1"].state.notes == ("said",)


class TestAFactOfItsOwn:
    """Sla reads a deadline that sla is said to have set."""

    @pytest.fixture
    def sla(self) -> Any:
        return next(decider for decider in DECIDERS if decider.name == "sla")

    @pytest.fixture
    def deadline(self) -> Event:
        return SAMPLES["vn.motcua.DeadlineSet.v2"]

    def decided(self, sla: Any, states: Any, *records: Any) -> Decided[Any]:
        wanted, _ = pick(sla, records)
        return decide(sla, {3: WORLD}, wanted, states, NOW)

    def test_is_undecided_if_its_state_does_not_know_it_and_not_if_it_comes_twice(
        self, sla: Any, deadline: Event, log: Any
    ) -> None:
        found = self.decided(sla, {}, log.put(deadline), log.put(deadline))
        assert [item.record.offset for item in found.undecided] == [0]

    def test_is_another_s_in_an_import_and_its_own_in_what_follows_from_one(
        self, sla: Any, deadline: Event, log: Any
    ) -> None:
        for source, history, count in (
            ("/import/older", True, 0),
            ("/import/older", False, 1),
            ("/motcua/sla", True, 1),
        ):
            said = msgspec.structs.replace(deadline, source=source, history=history)
            assert len(self.decided(sla, {}, log.put(said)).undecided) == count

    def test_that_is_held_is_undecided_once_more_if_redriven_and_not_if_given_up(
        self, sla: Any, deadline: Event, log: Any
    ) -> None:
        for skip, count in ((False, 1), (True, 0)):
            states: dict[str, Any] = {}
            found = self.decided(sla, states, log.put(deadline, value=b"{"))
            assert len(found.undecided) == 1
            (letter,) = (read_dead_letter("sla", log.put(record)) for record in found.dead_letters)
            assert isinstance(letter, DeadLetter)
            again = self.decided(sla, states, log.put(redriven(letter, skip=skip)))
            assert len(again.undecided) == count


class TestWhatIsPutBack:
    @pytest.fixture
    def states(self) -> dict[str, Stored[Any]]:
        return {}

    @pytest.fixture
    def bad(self, purse: Any, log: Any, say: Any, states: Any) -> DeadLetter:
        """A record that is believed and cannot be read, and holds its purse."""
        good = encode(say.note("bad"))
        record = KEYS.keys.signed(good._replace(value=b"{"))
        decided, _ = through(purse, log.put(record), states=states)
        (letter,) = letters_of(decided, log)
        assert isinstance(letter, DeadLetter)
        assert letter.fault == "bad-body"
        assert states["purse-1"].hold is not None
        return letter

    @pytest.mark.parametrize("skip", [True, False])
    def test_is_not_by_whoever_forges_the_order(
        self, purse: Any, log: Any, states: Any, bad: DeadLetter, skip: bool
    ) -> None:
        order = redriven(bad, skip=skip)
        for forged in (order, STOLEN.ordered(order)):
            decided, _ = through(purse, log.put(forged), states=states)
            assert outcomes(decided) == {"refused": 1}
            assert decided.dead_letters == []
            assert decided.redriven == {}
            assert len(decided.forged) == 1
            assert states["purse-1"].hold is not None

    def test_is_not_by_a_service_and_not_with_another_order(
        self, purse: Any, log: Any, states: Any, bad: DeadLetter
    ) -> None:
        redrive, purge = (redriven(bad, skip=skip) for skip in (False, True))
        mac = KEYS.keys.ordered(redrive).headers[-1]
        as_sla = Keys({OPERATOR: ALL["sla"]}).ordered(redrive).headers[-1][1]
        of_sla = (ORDER_HEADER, as_sla.replace(b"operator", b"sla"))
        for record, reason in (
            (purge._replace(headers=[*purge.headers, mac]), Doubt.WRONG_MAC),
            (redrive._replace(headers=[*redrive.headers, of_sla]), Doubt.WRONG_SIGNER),
            (redrive._replace(headers=[*redrive.headers, (ORDER_HEADER, b"")]), Doubt.UNKNOWN_KEY),
            (redrive._replace(headers=[*redrive.headers, mac, ("x", b"y")]), Doubt.NO_MAC),
        ):
            decided, _ = through(purse, log.put(record), states=states)
            assert [each[3] for each in decided.forged] == [reason]

    def test_is_given_up_by_the_operator_and_alarms_nobody(
        self, purse: Any, log: Any, say: Any, states: Any, bad: DeadLetter
    ) -> None:
        purge = KEYS.keys.ordered(redriven(bad, skip=True))
        decided, _ = through(purse, log.put(purge), states=states)
        assert (decided.forged, decided.redriven) == ([], {"purged": 1})
        assert states["purse-1"].hold is None
        signed = KEYS.keys.signed(encode(say.note("next")))
        through(purse, log.put(signed), states=states)
        assert states["purse-1"].state.notes == ("next",)

    def test_was_held_before_there_were_keys_and_can_be_given_up_but_not_redriven(
        self, purse: Any, log: Any, say: Any, run: Run, states: Any
    ) -> None:
        (letter,) = letters_of(run(log.put(say.note("bad"), value=b"{")), log)
        assert isinstance(letter, DeadLetter)
        redrive, purge = (KEYS.keys.ordered(redriven(letter, skip=s)) for s in (False, True))
        decided, _ = through(purse, log.put(redrive), states=states)
        assert [each[3] for each in decided.forged] == [Doubt.NO_MAC]
        decided, _ = through(purse, log.put(purge), states=states)
        assert (decided.forged, decided.redriven) == ([], {"purged": 1})
        assert states["purse-1"].hold is None

    def test_and_was_forged_is_not_believed_because_the_operator_put_it_back(
        self, purse: Any, log: Any, say: Any, states: Any
    ) -> None:
        decided, _ = through(purse, log.put(say.note("forged")), states=states)
        (letter,) = letters_of(decided, log)
        assert isinstance(letter, DeadLetter)
        again = KEYS.keys.ordered(redriven(letter, skip=False))
        decided, _ = through(purse, log.put(again), states=states)
        assert (len(decided.forged), decided.dead_letters, states) == (1, [], {})
        purge = KEYS.keys.ordered(redriven(letter, skip=True))
        decided, _ = through(purse, log.put(purge), states=states)
        assert (decided.forged, decided.redriven, states) == ([], {"purged": 1}, {})
        assert letters_of(decided, log) == [letter.id]

    def test_timers_need_the_operator_s_order_and_no_other_mac(
        self, purse: Any, log: Any, states: Any, bad: DeadLetter
    ) -> None:
        record: Record = timers_record("purse-1", NOW + timedelta(days=1))
        timers = DeadLetter(
            **{
                **{f: getattr(bad, f) for f in bad.__dataclass_fields__},
                "value": b"",
                "headers": tuple(record.headers),
            }
        )
        order = redriven(timers, skip=False)
        decided, _ = through(purse, log.put(order), states=states)
        assert len(decided.forged) == 1
        decided, _ = through(purse, log.put(KEYS.keys.ordered(order)), states=states)
        assert (decided.forged, decided.redriven) == ([], {"redriven": 1})
        assert states["purse-1"].hold is None
