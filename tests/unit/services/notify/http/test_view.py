"""What is shown of a dossier's messages, and what notify knows of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from contracts.events import routing
from contracts.events.notify import MessageChannel, NotSentReason
from services.notify.delivery.delivery import Deliveries, Delivery
from services.notify.dossier.params import local
from services.notify.dossier.state import Notify
from services.notify.http.view import view
from tests.support.notify_dossiers import (
    BEGIN,
    CODE,
    DUE,
    MOVED,
    PROCESSED,
    RECEIVED,
    RESUMED,
    SET,
    START,
    STOPPED,
)
from tests.support.planning import Told


class TestWhatIsKnown:
    def test_the_newest_due_time_is_the_one_that_sla_said_last(self) -> None:
        told = Told(*BEGIN, MOVED)
        told.tell(MOVED.model_copy(update={"due": DUE + timedelta(hours=1)}), minute=2)
        assert told.state.due == DUE + timedelta(hours=1)

    def test_the_unit_is_the_one_to_which_the_dossier_was_handed_last(self) -> None:
        told = Told(*BEGIN)
        for unit, minute in (("H29.15", 9), ("H29.14", 8)):
            over = routing.DossierHandedOver(to_unit=unit, reason="r", lead="l", by="b")
            told.tell(over, minute)
        assert told.state.unit == "H29.15"

    def test_a_time_is_shown_as_vietnam_has_it(self) -> None:
        hanoi = timezone(timedelta(hours=7))
        assert local(datetime(2024, 3, 7, 23, 30, tzinfo=UTC)) == "06:30 08/03/2024"
        assert local(datetime(2024, 3, 8, 6, 30, tzinfo=hanoi)) == "06:30 08/03/2024"


class TestTheView:
    def test_shows_what_became_of_each_message(self) -> None:
        told = Told(*BEGIN, STOPPED, RESUMED, PROCESSED)
        ids = [m.message_id for m in told.state.messages]
        ends = Deliveries(
            {
                ids[0]: Delivery(ids[0], "email", ended_at=START),
                ids[1]: Delivery(ids[1], "email", ended_at=START, not_sent=NotSentReason.REJECTED),
                ids[2]: Delivery(ids[2], "email", planned_at=START),
            }
        )
        shown = view(CODE, told.state, ends)
        assert [m["outcome"] for m in shown["messages"]] == [
            "sent",
            "not sent: rejected",
            "pending",
            "pending",
            "pending",
        ]
        assert (shown["status_name"], shown["unit"], shown["due"]) == ("processed", "H29.131", DUE)

    def test_shows_what_was_only_written_down(self) -> None:
        shown = view(CODE, Told(*BEGIN, channel=MessageChannel.LEDGER).state, None)
        assert {m["outcome"] for m in shown["messages"]} == {"written down"}

    def test_shows_what_was_not_sent_and_why(self) -> None:
        told = Told()
        told.tell(RECEIVED, history=True)
        told.tell(SET, history=True)
        shown = view(CODE, told.state, None)
        assert [m["outcome"] for m in shown["messages"]] == ["not sent: historical"]

    def test_names_no_citizen(self) -> None:
        assert "citizen-1" not in str(view(CODE, Told(*BEGIN).state, None))
        assert view(CODE, Notify(), None)["status"] is None
