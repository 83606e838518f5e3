"""A dossier's story fits 80 columns: nothing is cut, and a day's messages are one line."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from contracts.events import notify, routing
from contracts.model import Kind
from contracts.wire.envelope import Event
from motcua.story_page import story_lines, story_page
from tests.support.event import acting
from tests.unit.motcua.conftest import shown

REQUESTED = datetime(2024, 3, 4, 2, tzinfo=UTC)


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("width", [64, 80, 200])
def test_every_word_is_there_at_any_width(
    stories: dict[str, list[Event]], width: int, everything: bool
) -> None:
    for code, events in list(stories.items())[::12]:
        page = squeezed(shown(story_page(code, events, everything=everything), width))
        for line in story_lines(events, everything=everything):
            assert squeezed(line.who + line.what + line.about) in page


def test_a_days_messages_are_one_line(stories: dict[str, list[Event]]) -> None:
    folded = 0
    for events in stories.values():
        lines = story_lines(events)
        days = Counter(line.day for line in lines if not line.time)
        assert set(days.values()) <= {1}
        assert not any(line.what.startswith("Message") for line in lines)
        told = {
            event.data.message_id
            for event in events
            if isinstance(event.data, notify.MessagePlanned | notify.MessageGathered)
        }
        counted = sum(int(line.what.split()[0]) for line in lines if not line.time)
        assert counted == len(told)
        folded += counted - len(days)
    assert folded > 100


def test_a_line_of_messages_says_what_became_of_each() -> None:
    def message(number: int, template: str, channel: notify.MessageChannel) -> Event:
        data = notify.MessagePlanned(
            message_id=f"m{number}",
            cause_id="c",
            recipient="citizen-1",
            channel=channel,
            template=template,
            locale="vi",
        )
        return Event(f"e{number}", "/motcua/notify", "H29-240304-1", REQUESTED, data)

    email, sms = notify.MessageChannel.EMAIL, notify.MessageChannel.SMS
    events = [
        message(1, "received", email),
        message(2, "received", sms),
        message(3, "in-process", email),
        message(4, "in-process", sms),
        Event(
            "s1", "/motcua/notify", "H29-240304-1", REQUESTED,
            notify.MessageSent(message_id="m1", channel=email),
        ),
        Event(
            "s2", "/motcua/notify", "H29-240304-1", REQUESTED,
            notify.MessageSent(message_id="m2", channel=sms),
        ),
        Event(
            "s3", "/motcua/notify", "H29-240304-1", REQUESTED,
            notify.MessageNotSent(
                message_id="m3", channel=email, reason=notify.NotSentReason.NO_CONTACT
            ),
        ),
    ]  # fmt: skip
    (line,) = story_lines(events)
    assert line.what == "4 messages"
    assert line.about == (
        "received by email and sms (sent); "
        "in-process by email (not sent: no-contact) and sms (waits)"
    )
    assert len(story_lines(events, everything=True)) == len(events)


def test_messages_that_went_the_same_way_share_their_words(stories: dict[str, list[Event]]) -> None:
    first = next(iter(stories.values()))
    (line, *_) = (line for line in story_lines(first) if line.what.endswith("messages"))
    assert line.about.endswith(" by ledger (written down)")
    assert line.about.count("written down") == 1


def test_a_request_is_left_to_its_answer(stories: dict[str, list[Event]]) -> None:
    for events in stories.values():
        requests = [e.data.NAME for e in events if e.data.KIND is Kind.REQUEST]
        shown_at_all = {line.what for line in story_lines(events)}
        assert not shown_at_all & set(requests)
        every = Counter(line.what for line in story_lines(events, everything=True))
        assert Counter(requests) <= every


def test_a_request_that_nobody_answered_is_shown() -> None:
    asked = routing.StopRequested(reason="Chờ ý kiến")
    event = Event("1", "/motcua/counter", "H29-240304-1", REQUESTED, asked, actor=acting("cb-1"))
    assert [line.what for line in story_lines([event])] == ["StopRequested"]


def test_what_was_entered_later_says_when() -> None:
    stopped = Event(
        id="1",
        source="/motcua/routing",
        subject="H29.1-240304-0001",
        time=REQUESTED,
        data=routing.DossierStopped(reason="chờ", by="cb-1"),
        recorded=REQUESTED + timedelta(days=5),
    )
    follows = replace(stopped, id="2")
    at_once = replace(stopped, id="3", recorded=REQUESTED + timedelta(minutes=59))
    lines = story_lines([stopped, follows, at_once])
    assert [line.about for line in lines] == ["reason chờ, entered 09:00 09/03/2024", "", ""]
    everything = story_lines([follows], everything=True)
    assert [line.about for line in everything] == ["reason chờ, entered 09:00 09/03/2024"]
