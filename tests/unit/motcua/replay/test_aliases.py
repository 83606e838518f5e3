"""Aliases name nobody, and a stream under them is decided as the true one is."""

from __future__ import annotations

import json
import tomllib
from itertools import cycle
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.catalogue import load_catalogue
from contracts.catalogue.model import Unit
from contracts.events import contacts, intake, notify, routing
from contracts.events.refusals import Refusal
from contracts.events.rules import RulesEnacted
from contracts.model import EventData, registered
from contracts.personal import Personal, rewritten
from contracts.rules import FILES, digest, sample_rules
from contracts.wire.actor import Actor, AuthType, system
from contracts.wire.codec import from_json, to_json
from contracts.wire.envelope import Event
from contracts.wire.topics import CITIZEN_CONTACTS
from motcua.deciders import city_deciders
from motcua.replay.aliases import Aliases
from motcua.replay.rules_text import with_strings
from motcua.simulate import SimulatedDay, slices
from services.runtime import World
from services.runtime.testing import InProcess
from tests.support.event import CODE, event
from tests.support.event_data import any_data, full, names_in, naming
from tests.support.rule_sets import enactment, rule_set
from tests.support.times import vietnam

FREE_TEXT = Personal.FREE_TEXT
KEY = b"of these tests alone"
ALIASES = Aliases(KEY)
NOON = vietnam("2024-03-07 12:00")
PERSONS = [f"Nguyễn Thị {n:04d} Hoa" for n in range(1_000)]
"""Known persons, who stand in every place: references, reasons, papers, numbers, claims."""
NAMES = st.sampled_from(("cb-1", "cd-2", "Trần Văn B", "079 123", ALIASES.person("cd-2")))


def written(one: Event) -> str:
    return json.dumps(to_json(one), ensure_ascii=False)


# -- nobody is named ----------------------------------------------------------------------


@pytest.mark.parametrize("cls", registered().values(), ids=lambda cls: cls.TYPE)
def test_of_a_thousand_persons_in_every_place_none_is_found(cls: type[EventData]) -> None:
    names = cycle(PERSONS)
    data, last = full(cls), ""
    events: list[Event] = []
    while last != PERSONS[-1] and len(events) < len(PERSONS):
        subject = next(names) if cls.TOPIC == CITIZEN_CONTACTS else CODE
        one = event(naming(data, lambda kind: next(names)), NOON, subject)
        claims = json.dumps({"name": next(names)}, ensure_ascii=False)
        actor = Actor(AuthType.APP_USER, next(names), claims)
        last = next(names)
        events.append(replace(one, actor=actor, fingerprint=last))
    before = "\n".join(map(written, events))
    assert sum(person in before for person in PERSONS) == len(PERSONS)
    after = "\n".join(written(ALIASES.event(one)) for one in events)
    assert [person for person in PERSONS if person in after] == []


def test_the_rules_name_nobody_in_a_comment_or_in_a_list() -> None:
    units = '# bà Nguyễn Thị A thay từ 1/4\n[[units]]\ncode = "H29.1"  # bà A\nhead = "Bà A"\n'
    files = {**sample_rules().files, "units.toml": units + "officers = ['Bà A', \"cb-#2\"]\n"}
    found = ALIASES.event(enactment(rule_set(files, 1, NOON))).data
    assert isinstance(found, RulesEnacted)
    assert found.sha256 == digest(found.files)
    (unit,) = tomllib.loads(found.files["units.toml"])["units"]
    assert unit == {
        "code": "H29.1",
        "head": ALIASES.person("Bà A"),
        "officers": [ALIASES.person("Bà A"), ALIASES.person("cb-#2")],
    }
    assert "Nguyễn" not in found.files["units.toml"]
    assert len(found.files["units.toml"].splitlines()) == 5


def test_nobody_tries_persons_out_without_the_key() -> None:
    other = Aliases(b"another city's key")
    assert other.person("cb-0412") != ALIASES.person("cb-0412")
    assert other.key_id != ALIASES.key_id
    assert Aliases(KEY).key_id == ALIASES.key_id
    assert len(ALIASES.key_id) == 8


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_a_key_of_another_length_is_an_error(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        Aliases(key)


def test_what_a_text_says_is_gone_and_about_how_long_it_is_stays() -> None:
    def left(text: str) -> str:
        found = ALIASES.event(event(intake.WithdrawalRequested(reason=text), NOON)).data
        assert isinstance(found, intake.WithdrawalRequested)
        return found.reason

    assert left("Ông Ba đổi ý.") == left("Bà Tư bán nhà") == "nội…"
    assert [len(left("x" * n)) for n in (1, 3, 4, 15, 16, 63, 64, 2000)] == [
        1, 1, 4, 4, 16, 16, 64, 1024,
    ]  # fmt: skip


# -- joins hold ---------------------------------------------------------------------------


def test_a_hundred_thousand_persons_have_as_many_aliases() -> None:
    persons = [f"{kind}-{n}" for kind in ("cb", "cd", "citizen", "079") for n in range(25_000)]
    aliases = {ALIASES.person(person) for person in persons}
    assert len(aliases) == 100_000
    assert {alias.rpartition("-")[0] for alias in aliases} == {"cb", "citizen", "person"}


def test_a_person_has_one_alias_in_every_place() -> None:
    who = "cb-29-0003"
    alias = ALIASES.person(who)
    registered = contacts.ContactRegistered(key_id="k", sealed="s")
    assert ALIASES.event(event(registered, NOON, who)).subject == alias
    planned = full(notify.MessagePlanned).model_copy(update={"recipient": who})
    assert getattr(ALIASES.event(event(planned, NOON)).data, "recipient", None) == alias
    stop = replace(
        event(routing.StopRequested(reason="r"), NOON, by=who),
        actor=Actor(AuthType.APP_USER, who),
    )
    found = ALIASES.event(stop)
    assert found.data == routing.StopRequested(reason="…")
    assert found.actor == Actor(AuthType.APP_USER, alias)
    assert ALIASES.rule_set(sample_rules()).files["units.toml"].count(f'head = "{alias}"') == 1


def test_a_service_is_no_person() -> None:
    tick = replace(event(routing.StopRequested(reason="r"), NOON, by="x"), actor=system("sla"))
    assert ALIASES.event(tick).actor == system("sla")


@given(any_data(NAMES), st.none() | NAMES, st.sampled_from(AuthType))
def test_every_event_stays_one_that_can_be_read_and_has_its_aliases_for_good(
    data: EventData, who: str | None, authtype: AuthType
) -> None:
    subject = "cd-2" if data.TOPIC == CITIZEN_CONTACTS else CODE
    one = replace(event(data, NOON, subject), actor=Actor(authtype, who))
    found = ALIASES.event(one)
    assert ALIASES.event(found) == found
    assert from_json(to_json(found)) == found
    for name in ("id", "source", "time", "cause", "history", "recorded", "type"):
        assert getattr(found, name) == getattr(one, name)


@given(st.lists(any_data(NAMES), min_size=2, max_size=4))
def test_what_was_the_same_is_the_same_and_what_differed_differs(told: list[EventData]) -> None:
    """But for free text, of which nothing is left to compare."""
    aliases = {
        (text, alias)
        for data in told
        for (kind, text), (_, alias) in zip(
            names_in(data), names_in(ALIASES.event(event(data, NOON)).data), strict=True
        )
        if kind not in (FREE_TEXT, Personal.RULES) and text != ALIASES.person("cd-2")
    }
    same = {(text, alias.rpartition("-")[2]) for text, alias in aliases}
    assert len(same) == len({text for text, _ in same}) == len({digits for _, digits in same})


# -- the rules ----------------------------------------------------------------------------


def test_only_units_name_officers() -> None:
    """Else `heads_and_officers` would have to look into other files too."""
    assert {name for name in FILES if "cb-" in sample_rules().files[name]} == {"units.toml"}
    hints = get_type_hints(Unit, include_extras=True)
    named = {name for name, hint in hints.items() if "Personal.OFFICER" in repr(hint)}
    assert named == {"head", "officers"}


def test_the_rules_stay_the_same_but_for_whom_they_name() -> None:
    found = ALIASES.rule_set(sample_rules())
    assert found.sha256 == digest(found.files) != sample_rules().sha256
    assert ALIASES.files(found.files) == found.files
    true, aliased = load_catalogue(), load_catalogue(found.files)
    for code, unit in true.units.items():
        assert aliased.units[code] == unit.model_copy(
            update={
                "head": ALIASES.person(unit.head),
                "officers": tuple(map(ALIASES.person, unit.officers)),
            }
        )
    for name in FILES:
        if name != "units.toml":
            assert tomllib.loads(found.files[name]) == tomllib.loads(sample_rules().files[name])


TOML = """a = "x # no comment"  # a comment
b = 'y # none' # "cb-1"
c = \"\"\"cb-1
# none \\\"\"\" \"\"\"  # a comment
d = '''
'cb-1' # none''' # one
e = ["cb-1", 'cb-1', "c\\u0062-1"] # one
"""


def test_strings_and_comments_of_toml_are_told_apart() -> None:
    found = with_strings(TOML, {"cb-1": "cb-2"})
    assert tomllib.loads(found) == {**tomllib.loads(TOML), "e": ["cb-2"] * 3}
    assert "comment" not in found.replace("no comment", "")
    assert "one" not in found.replace("none", "")
    assert found.count("\n") == TOML.count("\n")


# -- the same decisions -------------------------------------------------------------------


def decided(requests: SimulatedDay, world: World, aliases: Aliases | None) -> InProcess:
    city = InProcess(city_deciders(), world)
    for piece in slices(requests.requests, ends=requests.ends):
        city.feed(aliases.event(one) if aliases else one for one in piece.events)
        city.tick(piece.until)
    return city


def test_a_day_under_aliases_is_decided_as_the_true_one(simulated: SimulatedDay) -> None:
    true = decided(simulated, World((sample_rules(),)), None)
    under = decided(simulated, World((ALIASES.rule_set(sample_rules()),)), ALIASES)
    assert [(e.id, e.type, e.subject, e.time) for e in under.log] == [
        (e.id, e.type, e.subject, e.time) for e in true.log
    ]
    assert any(isinstance(e.data, Refusal) for e in true.log)
    for expected, found in zip(true.log, under.log, strict=True):
        assert comparable(ALIASES.event(expected)) == comparable(found)


def comparable(one: Event) -> object:
    """All but free text: some of it a service words itself."""
    return replace(
        one, data=rewritten(one.data, lambda kind, text: "" if kind is FREE_TEXT else text)
    )
