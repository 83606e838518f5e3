"""What an instance has just said and written need not be looked up when it comes back."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from contracts.events import intake, notify
from contracts.wire.codec import encode
from contracts.wire.envelope import Event, caused, short_id
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.core.dead_letter import Redrive
from services.runtime.core.stored import UNKNOWN, content_of
from services.runtime.core.wanted import Wanted
from services.runtime.loop.echoes import Echoes
from services.runtime.loop.round import Round


@pytest.fixture
def folding(purse: Any) -> Any:
    """A purse on the log of dossiers."""
    purse.topic = DOSSIER_EVENTS
    return purse


def received(say: Any, subject: str = "purse-1") -> Event:
    """A fact that the purse has decided."""
    data = intake.PaymentReceived(amount=1, outstanding=0, reference="found")
    (fact,) = caused(say.note("a find", subject=subject), "/motcua/purse", [data])
    return fact


def known_by(event: Event) -> tuple[bytes, bytes]:
    """What its record is recognised by: its id and its content."""
    return short_id(event.id), content_of(encode(event))


def test_an_own_fact_is_taken_once(folding: Any, say: Any) -> None:
    echoes, fact = Echoes(folding), received(say)
    echoes.expect([fact])
    assert echoes.take("purse-1", *known_by(fact))
    assert not echoes.take("purse-1", *known_by(fact)), "written twice: its state will know it"


def test_what_nobody_expects_is_no_echo(folding: Any, say: Any) -> None:
    echoes = Echoes(folding)
    echoes.expect([received(say)])
    assert not echoes.take("purse-1", *known_by(received(say)))
    assert not echoes.take(None, short_id("no id at all"), UNKNOWN)


def test_the_same_id_under_another_key_is_no_echo(folding: Any, say: Any) -> None:
    echoes, fact = Echoes(folding), received(say)
    echoes.expect([fact])
    assert not echoes.take("purse-2", *known_by(fact))
    assert not echoes.take(None, *known_by(fact))
    assert echoes.take("purse-1", *known_by(fact))


def test_the_same_id_with_another_content_is_no_echo(folding: Any, say: Any) -> None:
    echoes, fact = Echoes(folding), received(say)
    other = replace(fact, data=fact.data.model_copy(update={"amount": 2}))
    later = replace(fact, time=fact.time + timedelta(milliseconds=1))
    echoes.expect([fact])
    assert not echoes.take("purse-1", *known_by(other))
    assert not echoes.take("purse-1", *known_by(later))
    assert echoes.take("purse-1", *known_by(fact)), "it is expected still"


def test_what_does_not_come_back_is_not_waited_for(folding: Any, say: Any) -> None:
    echoes = Echoes(folding)
    folding.facts |= {notify.MessageNotSent.TYPE}
    elsewhere = notify.MessageNotSent(
        message_id="m", channel=notify.MessageChannel.LEDGER, reason="rejected", detail="x"
    )
    not_folded = intake.DossierWithdrawn(reason="x")
    facts = caused(say.note("a find"), "/motcua/purse", [elsewhere, not_folded])
    echoes.expect(facts)
    assert not any(echoes.take("purse-1", *known_by(fact)) for fact in facts)


def test_nothing_is_expected_any_more_once_others_may_write(folding: Any, say: Any) -> None:
    echoes, fact = Echoes(folding), received(say)
    echoes.expect([fact])
    echoes.clear()
    assert not echoes.take("purse-1", *known_by(fact))


def test_the_oldest_are_let_go(folding: Any, say: Any) -> None:
    echoes = Echoes(folding, most=2)
    facts = [received(say) for _ in range(3)]
    echoes.expect(facts)
    assert [echoes.take("purse-1", *known_by(fact)) for fact in facts] == [False, True, True]


@pytest.mark.parametrize(
    ("redrive", "left_out"), [(None, True), (Redrive("purse", 1, skip=False), False)]
)
def test_a_round_leaves_an_echo_out_but_never_what_is_redriven(
    folding: Any, say: Any, redrive: Redrive | None, left_out: bool
) -> None:
    echoes, fact = Echoes(folding), received(say)
    echoes.expect([fact])
    parts = SimpleNamespace(decider=folding, states=SimpleNamespace(echoes=echoes))
    wanted = [Wanted(cast("Any", None), {}, "purse-1", fact.type, *known_by(fact), redrive)]
    skipped: Counter[tuple[str, str]] = Counter()
    kept = Round(cast("Any", parts))._without_echoes(wanted, skipped)
    assert kept == ([] if left_out else wanted)
    assert skipped == (Counter({(fact.type, "duplicate"): 1}) if left_out else Counter())
