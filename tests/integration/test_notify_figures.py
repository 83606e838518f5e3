"""Notify's figures, counted over a real database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.events.notify import NotSentReason
from services.notify.delivery.delivery import Deliveries, Delivery, Receipt
from services.notify.http.figures import PATIENCE, message_figures
from services.runtime.core.stored import Stored
from services.runtime.http.problem import Problem
from services.runtime.mongo.client import Database
from services.runtime.mongo.store import Store

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


async def test_a_receipt_of_a_message_that_nobody_planned_is_not_pending(
    database: Database,
) -> None:
    state = Deliveries(
        {
            "planned": Delivery("planned", "sms", planned_at=AT),
            "sent": Delivery("sent", "sms", planned_at=AT, ended_at=AT),
            "sent-unplanned": Delivery("sent-unplanned", "sms", ended_at=AT),
            "erased": Delivery(
                "erased", "sms", planned_at=AT, ended_at=AT, not_sent=NotSentReason.ERASED
            ),
            "unknown": Delivery("unknown", "sms", receipt=Receipt.DELIVERED),
        }
    )
    await Store(database["deliveries"], Deliveries).persist([Stored("H29.1-260302-0001", 0, state)])
    figures = await message_figures(database)
    assert figures["delivered"] == {"sent": 2, "pending": 1}
    assert figures["not_sent"] == {"erased": 1}


async def test_the_database_itself_gives_up_counting_after_a_while(database: Database) -> None:
    await database.command("profile", 2)
    await message_figures(database)
    asked = database["system.profile"].find({"command.aggregate": {"$exists": True}})
    bounds = {d["command"]["aggregate"]: d["command"].get("maxTimeMS", 0) async for d in asked}
    assert bounds.keys() == {"dossiers", "deliveries"}
    assert all(0 < bound <= PATIENCE * 1000 for bound in bounds.values())


async def test_what_takes_too_long_to_count_is_a_problem_that_says_so(database: Database) -> None:
    with pytest.raises(Problem, match="given up; ask again") as found:
        await message_figures(database, patience=1e-6)
    assert (found.value.status_code, found.value.kind) == (503, "figures-too-slow")
