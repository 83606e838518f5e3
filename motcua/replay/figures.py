"""Figures of what a replay came to, counted as sla counts them: by a MongoDB, over its states."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.stack.stack import Stack
from motcua.replay.shard import Known
from services.runtime import Document, Store, client, first_world
from services.shared.balance import prepare
from services.sla.deciding.rules import rules_of
from services.sla.dossier.state import Sla
from services.sla.figures.counting import check_fields, period_count
from services.sla.figures.figures import figures
from services.sla.figures.periods import Period, period
from services.sla.figures.tables import Scope
from services.sla.figures.view import figures_view

_AT_ONCE = 2_000


def counted(known: Iterable[Known], name: str, scope: Scope, now: datetime) -> Document:
    """Return the figures of a period, as `GET /figures` of sla shows them at that moment.

    `known`: sla's states, piece by piece. A MongoDB is started for it, and ended behind it. Raise
    BadPeriod, NoSuchField, and StackError where none can be started.
    """
    asked = period(name)
    with TemporaryDirectory(prefix="motcua-figures-") as folder:
        stack = Stack(Path(folder), "figures", parts=("mongod",), die_with_parent=True)
        try:
            stack.up()
            return asyncio.run(_counted(stack.endpoints().mongo, known, asked, scope, now))
        finally:
            stack.reset()


async def _counted(
    mongo: str, known: Iterable[Known], asked: Period, scope: Scope, now: datetime
) -> Document:
    connection = client(mongo)
    try:
        store = Store(connection["figures"]["dossiers"], Sla)
        await prepare(store.collection)
        by_then = first_world()
        for states, world in known:
            by_then = world
            for begin in range(0, len(states), _AT_ONCE):
                await store.persist(states[begin : begin + _AT_ONCE])
        rules = rules_of(by_then.at(now))
        check_fields(scope, rules.catalogue)
        reading = period_count(asked, now, rules)
        table = await figures(store.collection, reading).count(scope)
        return figures_view(table, reading, rules.catalogue)
    finally:
        connection.close()
