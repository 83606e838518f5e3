"""Folders of rules that a test changes, and the facts that give a dossier its deadline."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from contracts.model import EventData
from contracts.wire.envelope import Event, derive_id
from services.shared.working_time import DATA
from tests.support import facts
from tests.support.event import event
from tests.support.facts import received, routed
from tests.support.office import MARITAL_STATUS, WARD_UNIT
from tests.support.stage import Stage

VIETNAM = timedelta(hours=7)


def begun(
    code: str, at: datetime, procedure: str = MARITAL_STATUS, unit: str = WARD_UNIT
) -> list[Event]:
    """The facts that give a dossier its deadline."""
    route = routed(unit, procedure, "short", steps=("verify", "sign"))
    return [fact(code, at, received(procedure, unit)), fact(code, at, route)]


def fact(code: str, at: datetime, data: EventData) -> Event:
    return event(data, at, code, id=derive_id("test", code, data.TYPE))


def processed(code: str, at: datetime) -> Event:
    return fact(code, at, facts.processed(WARD_UNIT))


def day_of(time: datetime) -> date:
    """The day in Vietnam."""
    return (time.astimezone(UTC) + VIETNAM).date()


class Folder:
    """A folder of calendars that a test changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        shutil.copy(DATA / "office_hours.toml", path)
        self.days_off()

    def days_off(self, *days: date) -> None:
        """Declares these days off, and no others."""
        self.write(
            "\n".join(
                f'[[days]]\ndate = {day}\nkind = "off"\nreason = "Nghỉ"\nsource = "a test"\n'
                for day in days
            )
        )

    def write(self, overrides: str) -> None:
        """Replaces the overrides in one go, as an editor does."""
        fresh = self.path / "overrides.new"
        fresh.write_text(overrides, encoding="utf-8")
        fresh.replace(self.path / "overrides.toml")


async def applied(stage: Stage) -> Counter[str]:
    """How often each dossier was judged anew, by what stands on the log; each id counts once."""
    return Counter(code for code, name, _ in await stage.facts() if name == "RulesApplied")
