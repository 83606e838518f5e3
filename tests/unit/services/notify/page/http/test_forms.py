"""What a form may say, and what is no answer to its questions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import intake, notify
from contracts.events.notify import MessageChannel
from contracts.wire.envelope import Event
from services.notify.dossier.fold import evolve
from services.notify.dossier.plan import channels
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Choice, Notify
from services.notify.page.http.errors import HalfQuiet, WrongForm
from services.notify.page.http.forms import preferences, rating
from services.notify.page.view.channel_choice import is_reached, offered_channels

FILING = {
    "procedure": "1.004873",
    "channel": "counter",
    "receiving_unit": "H29.1",
    "returning_unit": "H29.1",
    "place": "26740",
    "citizen": "citizen-1",
}


def test_what_was_ticked_is_asked_for_once_each() -> None:
    asked = preferences({"channels": ["sms", "email", "sms"], "locale": ["en"]})
    assert asked.channels == (MessageChannel.SMS, MessageChannel.EMAIL)
    assert asked.locale == "en"
    assert preferences({}).channels is None


@pytest.mark.parametrize(
    "fields",
    [
        {"channels": ["pigeon"]},
        {"channels": ["sms", "pigeon"]},
        {"channels": ["SMS"]},
        {"channels": ["ledger"]},
        {"channels": ["sms", "ledger"]},
        {"channels": ["sms", "email", "zalo", "webhook", "ledger"]},
        {"locale": ["fr"]},
        {"quiet_from": ["soon"]},
        {"quiet_until": ["24:00"]},
    ],
    ids=str,
)
def test_a_choice_that_the_page_does_not_offer_is_a_wrong_form(
    fields: dict[str, list[str]],
) -> None:
    with pytest.raises(WrongForm):
        preferences(fields)


@pytest.mark.parametrize("end", ["quiet_from", "quiet_until"])
def test_hours_of_which_one_end_is_missing_are_asked_for_again(end: str) -> None:
    with pytest.raises(HalfQuiet):
        preferences({end: ["07:00"], "locale": ["en"]})


def test_hours_are_both_there_or_as_the_city_has_them() -> None:
    asked = preferences({"quiet_from": ["20:00"], "quiet_until": ["07:30"]})
    assert (asked.quiet_from, asked.quiet_until) == ("20:00", "07:30")
    assert preferences({"locale": ["en"]}).quiet_from is None


EMAIL, SMS, ZALO, WEBHOOK = (
    MessageChannel.EMAIL,
    MessageChannel.SMS,
    MessageChannel.ZALO,
    MessageChannel.WEBHOOK,
)


def a_city(*channels: MessageChannel, without: frozenset[MessageChannel] = frozenset()) -> Policy:
    """It tells people by these, and has a provider for all that it is not `without`."""
    everything = Policy(load_catalogue(), channels)
    return Policy(load_catalogue(), channels, everything.carried - without)


@pytest.mark.parametrize(
    ("city", "chosen", "shown"),
    [
        (a_city(EMAIL), None, (EMAIL, SMS, ZALO)),
        (a_city(SMS, EMAIL), (ZALO,), (EMAIL, SMS, ZALO)),
        (a_city(EMAIL), (WEBHOOK,), (EMAIL, SMS, ZALO, WEBHOOK)),
        (a_city(WEBHOOK, EMAIL), None, (EMAIL, SMS, ZALO, WEBHOOK)),
        (a_city(EMAIL, without=frozenset({SMS, ZALO})), None, (EMAIL,)),
        (a_city(EMAIL, without=frozenset({ZALO})), (ZALO,), (EMAIL, SMS)),
        (a_city(MessageChannel.LEDGER), (SMS,), ()),
    ],
)
def test_all_that_there_is_a_provider_for_can_be_ticked(
    city: Policy, chosen: tuple[MessageChannel, ...] | None, shown: tuple[MessageChannel, ...]
) -> None:
    choice = Choice(datetime(2026, 3, 2, tzinfo=UTC), chosen) if chosen else None
    assert offered_channels(city, choice) == shown


@pytest.mark.parametrize(
    ("chosen", "addressed", "reached"),
    [
        ((SMS,), (EMAIL,), False),
        ((SMS, ZALO), (EMAIL, WEBHOOK), False),
        ((EMAIL,), (WEBHOOK,), False),
        ((SMS, EMAIL), (EMAIL,), True),
        ((WEBHOOK,), (WEBHOOK,), True),
        ((), (EMAIL,), True),
        ((SMS,), (), True),
    ],
)
def test_a_choice_that_reaches_nobody_where_another_would_is_none(
    chosen: tuple[MessageChannel, ...], addressed: tuple[MessageChannel, ...], reached: bool
) -> None:
    assert is_reached(a_city(EMAIL), chosen, addressed) is reached


def test_what_nobody_carries_is_neither_chosen_nor_an_address() -> None:
    city = a_city(EMAIL, without=frozenset({ZALO}))
    assert is_reached(city, (ZALO,), (EMAIL,)), "they are told as the city tells everybody"
    assert is_reached(city, (SMS,), (ZALO,)), "no choice at all would reach them"


@pytest.mark.parametrize("score", ["", "0", "6", "five", "4.5", "9" * 400])
def test_a_score_that_there_is_not_is_a_wrong_form(score: str) -> None:
    with pytest.raises(WrongForm):
        rating({"score": [score]})


def test_an_unknown_channel_is_no_preference_wherever_it_comes_from() -> None:
    for kind in (notify.PreferencesRequested, notify.PreferencesSet):
        with pytest.raises(ValueError, match=r"channels\.0"):
            kind.model_validate({"channels": ["pigeon"]})
    with pytest.raises(ValueError, match=r"preferences\.channels\.0"):
        intake.Filing.model_validate({**FILING, "preferences": {"channels": ["pigeon"]}})


def test_whoever_was_put_down_for_the_ledger_is_told_as_the_city_tells_everybody() -> None:
    policy = Policy(load_catalogue(), (MessageChannel.EMAIL,))
    for chosen, told in ((("ledger",), ("email",)), (("sms", "ledger"), ("sms",))):
        data = notify.PreferencesSet.model_validate({"channels": chosen})
        fact = Event("e", "/x", "H29.1-260302-0001", datetime(2026, 3, 2, tzinfo=UTC), data)
        assert channels(policy, evolve(Notify(), fact)) == told
