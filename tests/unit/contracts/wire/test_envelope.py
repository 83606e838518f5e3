"""Ids that are computed, not drawn, and the events that an event causes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.intake import DossierWithdrawn
from contracts.events.routing import DossierResumed, DossierStopped
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event, caused, derive_id, fingerprint, short_id

NAMESPACE = UUID("6f3ad6be-3a4c-5c0f-9b8e-6d5a4f1b7c21")
WITHDRAWN = Event(
    id="w-1",
    source="/motcua/intake",
    subject="H29.15-240307-0001",
    time=datetime(2024, 3, 7, 2, 15, tzinfo=UTC),
    data=DossierWithdrawn(reason="Không còn nhu cầu"),
)
STOPPED = DossierStopped(reason="Tranh chấp", by="cb-0412")


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        (("H29.15-240307-0001", "DossierOverdue", 0), "bf373511-441b-53d1-b1cc-7a162ffe15a0"),
        (("mã hồ sơ",), "bdb791e8-f6d1-5fb1-b470-cf866c8d3b90"),
    ],
)
def test_an_id_is_the_same_on_every_machine_and_for_ever(
    parts: tuple[str | int, ...], wanted: str
) -> None:
    # A change of either value would make every event of a replay another one.
    assert derive_id(*parts) == wanted


@given(st.lists(st.text() | st.integers(), max_size=5))
def test_an_id_is_the_uuid5_of_its_parts(parts: list[str | int]) -> None:
    made = derive_id(*parts)
    assert UUID(made).version == 5
    assert UUID(made) == uuid5(NAMESPACE, "\x1f".join(map(str, parts)))
    assert made == str(UUID(made))


def test_what_the_parts_are_matters_not_only_what_they_spell() -> None:
    assert len({derive_id("ab", "c"), derive_id("a", "bc"), derive_id("abc")}) == 3


def test_a_short_id_is_eight_bytes_that_follow_from_the_id() -> None:
    assert short_id("a") == short_id("a")
    assert short_id("a") != short_id("b")
    assert len(short_id("a")) == 8


class TestACausedEvent:
    def test_has_the_subject_and_the_time_of_its_cause_and_names_it(self) -> None:
        [event] = caused(WITHDRAWN, "/motcua/routing", [STOPPED])
        assert (event.subject, event.time, event.cause) == (
            WITHDRAWN.subject,
            WITHDRAWN.time,
            "w-1",
        )
        assert (event.source, event.data) == ("/motcua/routing", STOPPED)

    def test_is_history_when_its_cause_is(self) -> None:
        past = msgspec.structs.replace(WITHDRAWN, history=True)
        assert [e.history for e in caused(past, "/s", [STOPPED])] == [True]

    def test_was_asked_by_whom_and_entered_when_its_cause_was(self) -> None:
        # Decided again after a kill, an id must not get another content.
        entered = datetime(2024, 3, 8, 1, tzinfo=UTC)
        actor = Actor(AuthType.APP_USER, "cb-0412")
        late = msgspec.structs.replace(WITHDRAWN, actor=actor, recorded=entered)
        [event] = caused(late, "/s", [STOPPED])
        assert (event.actor, event.recorded) == (actor, entered)
        assert event.time == WITHDRAWN.time

    def test_does_not_take_over_what_the_caller_asked(self) -> None:
        asked = msgspec.structs.replace(WITHDRAWN, fingerprint="5be1")
        assert caused(asked, "/s", [STOPPED])[0].fingerprint is None

    def test_has_the_same_id_each_time_it_is_decided(self) -> None:
        again = [caused(WITHDRAWN, "/s", [STOPPED])[0].id for _ in range(2)]
        assert again[0] == again[1]

    def test_has_its_own_id_among_those_of_one_cause(self) -> None:
        resumed = DossierResumed(reason="Đã đình chỉ", by="cb-0412")
        ids = {event.id for event in caused(WITHDRAWN, "/s", [STOPPED, STOPPED, resumed])}
        ids |= {event.id for event in caused(WITHDRAWN, "/other", [STOPPED])}
        assert len(ids) == 4


def test_an_event_knows_its_type() -> None:
    assert WITHDRAWN.type == "vn.motcua.DossierWithdrawn.v1"


class TestAFingerprint:
    def test_does_not_depend_on_the_order_of_keys(self) -> None:
        assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint(
            {"b": {"d": 3, "c": 2}, "a": 1}
        )

    def test_depends_on_everything_else(self) -> None:
        bodies = [{"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": None}, {}]
        assert len({fingerprint(body) for body in bodies}) == len(bodies)
