"""Which of a day's dossiers the demo tells of: one with many events, in few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from contracts.events import intake, routing, sla
from contracts.wire.envelope import Event
from motcua.story import read_stories
from motcua.story_page import story_page
from services.runtime import Database

_CANDIDATES = 100
_ROOM = 24
"""The lines that the demo's page has for the story, at 80 columns."""
_TELLING = (
    sla.ApologyIssued,
    sla.DossierOverdue,
    intake.SupplementDemanded,
    intake.PaymentReceived,
    routing.ResultReturned,
)
"""What makes a story worth telling; each kind counts once."""


async def pick_story(kafka: str, database: Database) -> tuple[str, list[Event]] | None:
    """Return the dossier to tell of, with its events; None if the city has none of its own.

    `database` is sla's.
    """
    late = {"state.alerts.kind": sla.AlertKind.OVERDUE, "state.span.ended_at": {"$ne": None}}
    for query in ({**late, "state.letters.0": {"$exists": True}}, late, {}):
        own = {"$and": [query, {"_id": {"$regex": "^H29"}}]}  # not an older system's
        found = database["dossiers"].find(own, {"_id": 1}).sort("_id", 1).limit(_CANDIDATES)
        if codes := [str(document["_id"]) async for document in found]:
            stories = await read_stories(kafka, codes)
            code = most_telling(stories)
            return code, stories[code]
    return None


def most_telling(stories: Mapping[str, Sequence[Event]]) -> str:
    """Choose the story with most kinds of `_TELLING` that fits the page; else the shortest."""
    console = Console(width=80)

    def rank(code: str) -> tuple[int, int, int, str]:
        kinds = {type(event.data) for event in stories[code]} & set(_TELLING)
        lines = len(console.render_lines(story_page(code, stories[code])))
        return max(0, lines - _ROOM), -len(kinds), lines, code

    return min(stories, key=rank)
