"""Whatever people wrote is printed as it is: brackets are no markup of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from contracts.events import routing
from contracts.wire.envelope import Event
from motcua import story
from motcua.cli import build
from motcua.story_page import story_page
from services.intake.cli import citizen
from services.runtime import World, first_world
from services.runtime.cli import dead_letters
from services.runtime.core.dead_letter import DeadLetter
from services.runtime.kafka.dead_letters import CannotRedrive
from services.shared.citizen_keys import Erasure
from services.sla.cli import why

WROTE = "[mẫu 01/LPTB] [/b] [red]x[/red]"


async def _nothing(*_: object) -> None:
    return None


async def _deleted(*_: object) -> list[Erasure]:
    return [Erasure(WROTE, datetime(2026, 3, 2, tzinfo=UTC), (WROTE,))]


def run(*words: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(build(), list(words), env={"COLUMNS": "400"})
    assert result.exit_code == exit_code, result.output
    return result.stdout


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    letter = DeadLetter(
        service="notify",
        id="dossier.events/0/1",
        key=WROTE.encode(),
        value=WROTE.encode(),
        headers=(),
        fault="bad-record",
        detail=WROTE,
        number=1,
        time="2024-03-04T09:00:00Z",
    )

    class Desk:
        def __init__(self, *_: object) -> None: ...

        async def __aenter__(self) -> Desk:
            return self

        async def __aexit__(self, *_: object) -> None: ...

        async def still_open(self) -> list[DeadLetter]:
            return [letter]

        async def redrive(self, _: object) -> list[DeadLetter]:
            raise CannotRedrive(WROTE)

    monkeypatch.setattr(dead_letters, "DeadLetters", Desk)


def test_a_dossiers_story() -> None:
    stopped = routing.DossierStopped(reason=WROTE, by="cb-1")
    event = Event("1", "/motcua/routing", WROTE, datetime(2024, 3, 4, tzinfo=UTC), stopped)
    console = Console(file=StringIO(), width=400)
    console.print(story_page(WROTE, [event]))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert f"{WROTE}: from start to end" in shown
    assert f"reason {WROTE}" in shown


def test_a_dossier_that_nothing_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_: object) -> dict[str, list[Event]]:
        return {WROTE: []}

    monkeypatch.setattr(story, "read_stories", none)
    assert WROTE in run("story", WROTE, exit_code=1)


def test_a_dossier_that_sla_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object) -> tuple[None, World]:
        return None, first_world()

    monkeypatch.setattr(why, "_read", unknown)
    assert WROTE in run("why", WROTE, exit_code=1)


def test_a_citizens_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(citizen, "_erase", _nothing)
    monkeypatch.setattr(citizen, "_erased", _deleted)
    told = run("citizen", "erase", WROTE, "--reason", "r", "--yes")
    assert f"{WROTE}: there was no key" in told
    assert f"{WROTE}, key deleted on 02/03/2026" in told


@pytest.mark.usefixtures("letters")
def test_dead_letters() -> None:
    assert run("dead-letters", "list", "notify").count(WROTE) == 2
    assert run("dead-letters", "redrive", "notify", "--all", exit_code=1).strip() == WROTE
