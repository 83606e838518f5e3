"""Which messages notify plans: one for each public change and each alert, and never another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import intake, notify, routing
from contracts.events.notify import MessageChannel, NotSentReason
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData, Kind, registered
from contracts.values import Locale
from contracts.wire.envelope import Event, derive_id
from services.notify.deciders import NotifyDecider
from services.notify.dossier.state import Notify
from tests.support.notify_dossiers import (
    BEGIN,
    CODE,
    DELIVERED,
    DEMANDED,
    DUE,
    EXEMPTED,
    EXTENDED,
    MOVED,
    NOT_RECEIVED,
    OVER,
    OWED,
    PAID,
    PART,
    PROCESSED,
    RECEIVED,
    REGISTERED,
    RESUMED,
    RETURNED,
    ROUTED,
    SET,
    SOON,
    STARTED,
    STOPPED,
    WITHDRAWN,
    retracted,
)
from tests.support.planning import Told, event, policy
from tests.support.rule_sets import WORLD

OVER_TO = routing.DossierHandedOver(
    from_unit="H29.131", to_unit="H29.101", reason="theirs", lead="cb-1", by="cb-1"
)


class TestEveryPublicChange:
    @pytest.mark.parametrize(
        ("so_far", "fact", "template", "params"),
        [
            ([], REGISTERED, "registered", {}),
            ([REGISTERED], NOT_RECEIVED, "not-received", {"reason": "not ours"}),
            ([REGISTERED], WITHDRAWN, "withdrawn", {"reason": "changed my mind"}),
            ([RECEIVED, ROUTED], SET, "received", {"due": "08:00 12/03/2024"}),
            ([RECEIVED, ROUTED, SET], STARTED, "in-process", {"unit": "H29.131"}),
            (
                BEGIN,
                DEMANDED,
                "supplement-demanded",
                {"reason": "incomplete", "documents": "b; c"},
            ),
            ([*BEGIN, DEMANDED], DELIVERED, "supplement-delivered", {"status": "in_process"}),
            (BEGIN, OWED, "payment-demanded", {"reason": "tax", "amount": "500"}),
            ([*BEGIN, OWED, PART], PAID, "payment-received", {"status": "in_process"}),
            # A demand is told, and what is asked, whatever else the dossier waits for.
            (
                [*BEGIN, STOPPED],
                DEMANDED,
                "supplement-demanded",
                {"reason": "incomplete", "documents": "b; c"},
            ),
            ([*BEGIN, DEMANDED], OWED, "payment-demanded", {"reason": "tax", "amount": "500"}),
            # What was received is told; that the dossier goes on only if it does.
            ([*BEGIN, OWED, STOPPED], PAID, "payment-received", {"status": "stopped"}),
            (
                [*BEGIN, DEMANDED, STOPPED],
                RESUMED,
                "resumed",
                {"reason": "settled", "status": "supplement_requested"},
            ),
            (BEGIN, STOPPED, "stopped", {"reason": "court"}),
            ([*BEGIN, STOPPED], RESUMED, "resumed", {"reason": "settled", "status": "in_process"}),
            (BEGIN, WITHDRAWN, "withdrawn", {"reason": "changed my mind"}),
            (BEGIN, PROCESSED, "processed", {"outcome": "denied", "unit": "H29.14"}),
            ([*BEGIN, PROCESSED], RETURNED, "returned", {"unit": "H29.14", "channel": "counter"}),
            (BEGIN, SOON, "soon-due", {"due": "08:00 12/03/2024"}),
            (BEGIN, OVER, "overdue", {"due": "08:00 12/03/2024", "unit": "H29.131"}),
            (
                [*BEGIN, EXEMPTED],
                OVER,
                "overdue",
                {"due": "08:00 12/03/2024", "unit": "H29.131", "exempt": "yes"},
            ),
            # The unit that sla names, whether the hand-over is known already or not.
            ([*BEGIN, OVER_TO], OVER, "overdue", {"due": "08:00 12/03/2024", "unit": "H29.131"}),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_is_told_once(
        self,
        so_far: list[EventData],
        fact: EventData,
        template: str,
        params: dict[str, str],
    ) -> None:
        told = Told(*so_far)
        (message,) = told.tell(fact)
        assert isinstance(message, notify.MessagePlanned)
        assert message.template == template
        assert message.params == {"procedure": "1.004194", **params}
        assert (message.recipient, message.locale) == ("citizen-1", Locale.VI)
        assert message.cause_id == f"{fact.NAME}-{told.minute}"
        assert told.state.messages[-1].template == template

    def test_is_told_in_the_language_that_the_citizen_asked_for(self) -> None:
        told = Told(RECEIVED.model_copy(update={"locale": Locale.EN}))
        (message,) = told.tell(SET)
        assert message.locale is Locale.EN  # type: ignore[attr-defined]

    def test_of_a_dossiers_whole_way_is_told_in_its_order(self) -> None:
        told = Told()
        found = told.templates(
            *(REGISTERED, *BEGIN, DEMANDED, DELIVERED, MOVED, SOON, OWED, PART, PAID),
            *(OVER, STOPPED, RESUMED, PROCESSED, RETURNED),
        )
        assert found == [
            *("registered", "received", "in-process", "supplement-demanded"),
            *("supplement-delivered", "new-date", "soon-due", "payment-demanded"),
            *("payment-received", "overdue", "stopped", "resumed", "processed", "returned"),
        ]
        assert len({m.message_id for m in told.state.messages}) == len(found)

    def test_names_the_handling_unit_where_nobody_said_who_returns_the_result(self) -> None:
        told = Told(*BEGIN)
        told.stored.state = Notify(marks=told.state.marks, citizen="citizen-1")
        (message,) = told.tell(PROCESSED)
        assert message.params["unit"] == "H29.131"  # type: ignore[attr-defined]


class TestNothingIsSaid:
    REFUSALS = sorted(n for n, c in registered().items() if issubclass(c, Refusal))

    @pytest.mark.parametrize("name", REFUSALS)
    def test_of_a_refusal(self, name: str) -> None:
        refusal = registered()[name].model_construct(reason=RefusalReason.WRONG_STATE, detail="d")
        assert Told(*BEGIN).tell(refusal) == []
        assert name not in NotifyDecider.facts

    def test_of_a_request(self) -> None:
        requests = {n for n, c in registered().items() if c.KIND is Kind.REQUEST}
        assert not requests & NotifyDecider.facts
        assert requests >= NotifyDecider.requests

    @pytest.mark.parametrize(
        ("so_far", "fact"),
        [
            ([], RECEIVED),
            (BEGIN, ROUTED),
            (BEGIN, EXTENDED),
            (BEGIN, routing.StepStarted(step="two", ordinal=1, unit="H29.131", lead="l")),
            ([*BEGIN, OWED], PART),
            (BEGIN, intake.HistoryClosed()),
            (
                BEGIN,
                routing.DossierHandedOver(to_unit="H29.15", reason="r", lead="l", by="b"),
            ),
        ],
    )
    def test_of_what_changes_nothing_for_the_citizen(
        self, so_far: list[EventData], fact: EventData
    ) -> None:
        assert Told(*so_far).tell(fact) == []

    @pytest.mark.parametrize(
        ("so_far", "fact"),
        [
            ([RECEIVED, ROUTED, SET], NOT_RECEIVED),
            ([REGISTERED, NOT_RECEIVED], WITHDRAWN),
            ([REGISTERED], PROCESSED),
            (BEGIN, RETURNED),
            ([*BEGIN, PROCESSED], WITHDRAWN),
            ([*BEGIN, WITHDRAWN], PROCESSED),
            ([*BEGIN, WITHDRAWN], STOPPED),
            ([*BEGIN, WITHDRAWN], DEMANDED),
            ([*BEGIN, STOPPED, WITHDRAWN], RESUMED),
            ([*BEGIN, DEMANDED, WITHDRAWN], DELIVERED),
            ([*BEGIN, OWED, WITHDRAWN], PAID),
            ([RECEIVED, WITHDRAWN], STARTED),
        ],
    )
    def test_of_a_fact_that_the_dossiers_state_passes_over(
        self, so_far: list[EventData], fact: EventData
    ) -> None:
        assert Told(*so_far).tell(fact) == []

    def test_to_nobody(self) -> None:
        assert Told().tell(SET) == []


class TestOfTwoServicesFactsOfTheSameTime:
    INTAKE = ((DEMANDED, 10), (DELIVERED, 30), (OWED, 30), (PAID, 50))
    ROUTING = ((STOPPED, 10), (RESUMED, 20), (STOPPED, 30), (RESUMED, 50))

    @given(st.lists(st.booleans(), min_size=8, max_size=8))
    def test_all_is_told_whichever_is_heard_of_first(self, intake_first: list[bool]) -> None:
        told, queues = Told(*BEGIN), [list(self.INTAKE), list(self.ROUTING)]
        found: set[tuple[str, str]] = set()
        for first in intake_first:
            queue = queues[0] if (first and queues[0]) or not queues[1] else queues[1]
            fact, minute = queue.pop(0)
            for message in told.tell(fact, minute):
                assert isinstance(message, notify.MessagePlanned)
                found.add((message.template, message.cause_id))
        assert {template for template, _ in found} == {
            *("supplement-demanded", "supplement-delivered", "payment-demanded"),
            *("payment-received", "stopped", "resumed"),
        }
        assert len(found) == len(self.INTAKE) + len(self.ROUTING)


class TestWhatHappenedLongAgo:
    def test_is_not_sent_and_the_reason_is_kept(self) -> None:
        told = Told()
        told.tell(RECEIVED, history=True)
        (message,) = told.tell(SET, history=True)
        assert isinstance(message, notify.MessageNotSent)
        assert (message.reason, message.detail) == (NotSentReason.HISTORICAL, "received")
        (kept,) = told.state.messages
        assert (kept.template, kept.not_sent) == ("received", "historical")

    def test_is_not_sent_even_if_it_is_concluded_after_the_past_was_closed(self) -> None:
        told = Told()
        told.tell(RECEIVED, history=True)
        told.tell(intake.HistoryClosed(), history=True)
        (message,) = told.tell(SET, history=True)
        assert isinstance(message, notify.MessageNotSent)

    def test_ends_when_the_past_is_closed_whatever_is_concluded_from_it_later(self) -> None:
        told = Told()
        for data in (RECEIVED, STARTED, intake.HistoryClosed(), SET, OVER):
            told.tell(data, history=True)
        assert not told.state.history
        (message,) = told.tell(PROCESSED)
        assert isinstance(message, notify.MessagePlanned)

    def test_is_not_taken_back_either_because_nobody_was_told(self) -> None:
        told = Told()
        told.tell(RECEIVED, history=True)
        over = event(OVER, 5, history=True)
        told.hear(over)
        told.tell(intake.HistoryClosed(), history=True)
        assert told.tell(retracted(over)) == []


class TestARetraction:
    @pytest.mark.parametrize("alert", [SOON, OVER])
    def test_is_told_to_whoever_was_told(self, alert: EventData) -> None:
        told = Told(*BEGIN)
        fact = event(alert, 9)
        told.hear(fact)
        (message,) = told.tell(retracted(fact, DUE))
        assert isinstance(message, notify.MessagePlanned)
        assert message.template == "retracted"
        assert message.params["due"] == "08:00 12/03/2024"

    def test_says_no_time_where_nothing_is_due_any_more(self) -> None:
        told = Told(*BEGIN)
        fact = event(OVER, 9)
        told.hear(fact)
        (message,) = told.tell(retracted(fact))
        assert "due" not in message.params  # type: ignore[attr-defined]

    def test_of_what_nobody_was_told_is_not_told(self) -> None:
        assert Told(*BEGIN).tell(retracted(event(OVER, 9))) == []

    def test_of_what_could_be_told_to_nobody_is_not_told(self) -> None:
        told = Told()
        fact = event(OVER, 9)
        assert told.hear(fact) == []
        told.tell(RECEIVED)
        assert told.tell(retracted(fact)) == []


class TestAMessageId:
    def test_follows_from_dossier_cause_recipient_and_channel(self) -> None:
        (message,) = Told(RECEIVED).tell(SET, 7)
        expected = derive_id("message", CODE, "DeadlineSet-7", "citizen-1", "email")
        assert message.message_id == expected  # type: ignore[attr-defined]

    def test_is_the_same_whenever_it_is_planned(self) -> None:
        first, second = (Told(*BEGIN).hear(event(STOPPED, 9)) for _ in "ab")
        assert first == second

    def test_is_another_for_another_channel(self) -> None:
        ids = {
            Told(RECEIVED, channel=channel).tell(SET, 7)[0].message_id  # type: ignore[attr-defined]
            for channel in MessageChannel
        }
        assert len(ids) == len(MessageChannel)

    def test_is_another_for_another_cause(self) -> None:
        told = Told(*BEGIN)
        ids = {m.message_id for n in (5, 6) for m in told.tell(STOPPED, n)}  # type: ignore[attr-defined]
        assert len(ids) == 2


@given(st.permutations([event(d, n) for n, d in enumerate([REGISTERED, *BEGIN, MOVED])]))
def test_what_notify_knows_is_the_same_in_every_order(facts: list[Event]) -> None:
    def known(order: list[Event]) -> tuple[object, ...]:
        decider = NotifyDecider(policy(MessageChannel.LEDGER))
        state = decider.initial(CODE)
        for fact in order:
            state = decider.evolve(WORLD, state, fact)
        return (state.marks, state.span, state.citizen, state.unit, state.returning_unit)

    assert known(facts) == known(sorted(facts, key=lambda e: e.time))


@given(
    st.permutations(
        [
            event(d, n)
            for n, d in enumerate(
                [*BEGIN, DEMANDED, DELIVERED, STOPPED, RESUMED, SOON, OVER, PROCESSED, RETURNED]
            )
        ]
    )
)
def test_a_dossier_whose_facts_come_late_is_told_of_none_of_them_twice(facts: list[Event]) -> None:
    told = Told()
    for fact in facts:
        told.hear(fact)
    causes = [m.message_id for m in told.state.messages]
    assert len(set(causes)) == len(causes)
    assert told.state.messages == tuple(
        sorted(told.state.messages, key=lambda m: (m.at, m.message_id))
    )
