"""A recording under aliases names nobody, and everything that belongs together still does."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.catalogue import load_catalogue
from contracts.events import notify
from contracts.events.notify import MessageChannel, MessagePlanned
from contracts.personal import Personal, rewritten
from contracts.rules import RuleSet, digest, sample_rules
from contracts.wire.actor import Actor, AuthType, system
from contracts.wire.envelope import Event, derive_id
from motcua.deciders import calendars
from motcua.replay import Recording, Replayed, read, replay
from motcua.replay.lines import Recorded
from motcua.replay.recorder import Recorder
from motcua.replay.rules_text import heads_and_officers, with_strings
from motcua.replay.simulated import fed, header_of
from motcua.simulate import Simulation, simulate_day
from services.notify.dossier.policy import Policy
from tests.support.recorded import ALIASES

PERSONS = [f"Nguyễn Thị {n:04d} Hoa" for n in range(1_000)]
CITY = Policy(load_catalogue(), channels=(MessageChannel.EMAIL,))


class Register:
    """Names a known person in each place: one and the same for the same reference."""

    def __init__(self) -> None:
        self._names = cycle(PERSONS)
        self._known: dict[str, str] = {}
        self.used: set[str] = set()

    def text(self, kind: Personal, text: str) -> str:
        if kind is Personal.RULES:
            return text
        return self.anyone() if kind is Personal.FREE_TEXT else self.person(text)

    def person(self, reference: str) -> str:
        if reference not in self._known:
            self._known[reference] = self.anyone()
        return self._known[reference]

    def anyone(self) -> str:
        name = next(self._names)
        self.used.add(name)
        return name

    def event(self, event: Event) -> Event:
        actor = event.actor
        if actor is not None and actor.authid is not None:
            actor = Actor(
                AuthType.APP_USER, self.person(actor.authid), f'{{"n":"{self.anyone()}"}}'
            )
        return replace(event, data=rewritten(event.data, self.text), actor=actor)

    def rules(self) -> RuleSet:
        files = dict(sample_rules().files)
        officers = {who: self.person(who) for who in heads_and_officers(files)}
        files["units.toml"] = with_strings(files["units.toml"], officers)
        return replace(sample_rules(), files=files, sha256=digest(files))


def receipts(planned: Event, register: Register) -> Iterator[Event]:
    """What the sender and a provider say of a message, in places that name a person."""
    data = planned.data
    assert isinstance(data, MessagePlanned)
    mine, channel = data.message_id, data.channel
    sent = notify.MessageSent(
        message_id=mine, channel=channel, provider="a", reference=register.anyone()
    )
    gone = notify.MessageUndelivered(message_id=mine, provider="a", reason=register.anyone())
    for one, source in ((sent, "sender"), (gone, "receipts/a")):
        yield Event(
            id=derive_id(mine, one.NAME),
            source=f"/motcua/notify/{source}",
            subject=planned.subject,
            time=planned.time,
            data=one,
            cause=mine,
            actor=system("notify"),
            recorded=planned.recorded,
        )


@dataclass
class Both:
    """One city's log, recorded as it is, and under aliases."""

    true: Recording
    aliased: Recording
    used: set[str]
    made_of_persons: set[str]
    """Ids that follow from whom a message is for."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("aliased")
    register = Register()
    day = simulate_day(
        Simulation(dossiers=60, carried_over=60, seed=8, late_share=0.3),
        load_catalogue(),
        calendars(),
    )
    header = replace(header_of(day.ends, CITY), rules=(register.rules(),))
    asked = folder / "asked.jsonl.gz"
    with Recorder(asked, header, guided=False) as recorder:
        for record in fed(day):
            recorder.take(record._replace(event=register.event(record.event)))
        recorder.end()
    log: list[Recorded] = []
    for record in read(asked).events():
        log.append(record)
        if isinstance(record.event.data, MessagePlanned):
            log += [Recorded(0, record.topic, 0, e) for e in receipts(record.event, register)]
    ids = {e.data.message_id for _, _, _, e in log if isinstance(e.data, MessagePlanned)}
    ids |= {e.id for _, _, _, e in log if isinstance(e.data, notify.MessageSent)}
    found = {}
    for name, aliases in (("true", None), ("aliased", ALIASES)):
        path = found[name] = folder / f"{name}.jsonl.gz"
        rules = header.rules if aliases is None else tuple(map(aliases.rule_set, header.rules))
        key_id = aliases and aliases.key_id
        of = replace(header, rules=rules, key_id=key_id)
        with Recorder(path, of, guided=True, aliases=aliases) as recorder:
            for number, record in enumerate(log, start=1):
                recorder.take(record._replace(number=number))
            assert recorder.end() == []
    return Both(read(found["true"]), read(found["aliased"]), register.used, ids)


def text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def test_of_a_thousand_persons_in_every_field_none_is_found(both: Both) -> None:
    assert both.used == set(PERSONS)
    true, aliased = text(both.true.path), text(both.aliased.path)
    assert [person for person in PERSONS if person not in true] == []
    assert [person for person in PERSONS if person in aliased] == []


def test_nor_an_id_on_which_a_person_could_be_tried_out(both: Both) -> None:
    true, aliased = text(both.true.path), text(both.aliased.path)
    assert len(both.made_of_persons) > 500
    assert all(one in true for one in both.made_of_persons)
    assert [one for one in both.made_of_persons if one in aliased] == []


def joined(done: Replayed) -> dict[str, set[tuple[str, ...]]]:
    """By kind of fact: each message that is told of, with its dossier."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for record in done.log:
        data = record.event.data
        if isinstance(data, MessagePlanned | notify.MessageSent | notify.MessageUndelivered):
            found.setdefault(data.NAME, set()).add((record.event.subject, data.message_id))
    return found


def test_what_providers_say_finds_its_message(both: Both) -> None:
    true, aliased = replay(both.true, keep=True), replay(both.aliased, keep=True)
    assert true.partings == aliased.partings == []
    for done in (true, aliased):
        messages = joined(done)
        assert messages["MessagePlanned"] == messages["MessageSent"]
        assert messages["MessagePlanned"] == messages["MessageUndelivered"]
    assert len(joined(true)["MessagePlanned"]) == len(joined(aliased)["MessagePlanned"])


def test_the_same_is_decided_and_told(both: Both) -> None:
    true, aliased = replay(both.true), replay(both.aliased)
    assert aliased.hash == both.aliased.trailer().state_hash
    assert aliased.alerts() == true.alerts()
    assert aliased.messages() == true.messages()
    assert aliased.hashes.keys() == true.hashes.keys()
    assert aliased.played == true.played
    assert aliased.coverage.counts == true.coverage.counts
