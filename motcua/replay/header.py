"""The first and the last line of a recording."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, get_type_hints

import msgspec

from contracts.catalogue import load_catalogue
from contracts.rules import RuleSet
from contracts.wire.envelope import derive_id
from motcua.replay.lines import JSON, SPEC, Line, sequence
from services.notify.dossier.policy import Policy
from services.runtime import ClockKind, World, first_world

FORMAT = 1
BEGUN = "vn.motcua.RecordingBegun.v1"
ENDED = "vn.motcua.RecordingEnded.v1"
"""Neither is on the log: they are no event types of the city's."""
_SOURCE = "/motcua/record"


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which of the city's dossiers were recorded; all, where nothing is said."""

    dossiers: tuple[str, ...] = ()
    unit: str | None = None
    """It received or handled them."""
    procedure: str | None = None
    since: datetime | None = None
    """Their first record was entered then or later."""
    until: datetime | None = None
    """What was entered before then."""

    @property
    def whole(self) -> bool:
        """Whether everything is there that units' mornings are made of."""
        return not (self.dossiers or self.unit or self.procedure or self.since)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known to replay what follows."""

    format: int = FORMAT
    release: str
    """The version of the product that wrote it."""
    clock: ClockKind
    until: datetime
    """Up to when time has passed at the end."""
    partitions: int
    """Of each topic that has several."""
    selection: Selection = Selection()
    offsets: dict[str, dict[str, tuple[int, int]]] = {}
    """By topic and partition: the first record's offset, and the one behind the last."""
    rules: tuple[RuleSet, ...] = ()
    """Every set that was enacted, whole; where none was, the product's sample as number 0."""
    choices: dict[str, Any] = {}
    """What the city chose for notify, which is in its settings and not on the log."""
    key_id: str | None = None
    """The key of the aliases; None if persons are named as they were."""

    @property
    def world(self) -> World:
        """The world until a set is enacted: where none was, the recorded sample's."""
        return next((World((one,)) for one in self.rules if not one.number), first_world())

    @property
    def policy(self) -> Policy:
        """The policy that messages are judged by."""
        hints = get_type_hints(Policy)
        given = {
            name: msgspec.convert(value, hints[name], strict=False)
            for name, value in self.choices.items()
        }
        return Policy(load_catalogue(), **given)


class Trailer(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that nothing is missing, and nothing was changed."""

    count: int
    """The number of records between header and trailer."""
    sha256: str
    """Over all lines before it, as text, with their ends."""
    state_hash: str
    """Of all states at the end; empty if nobody has decided them, as in what was shrunk."""


def choices_of(policy: Policy) -> dict[str, Any]:
    """Return all of a policy but its catalogue, which is on the log, in JSON's terms."""
    chosen = {f.name: getattr(policy, f.name) for f in fields(policy) if f.name != "catalogue"}
    chosen["carried"] = sorted(chosen["carried"])  # a set has no order of its own
    built: dict[str, Any] = msgspec.to_builtins(chosen)
    return built


def header_line(header: Header) -> Line:
    """Return the header as a line."""
    return _line(BEGUN, 0, header.until, header)


def trailer_line(trailer: Trailer, until: datetime) -> Line:
    """Return the trailer as a line."""
    return _line(ENDED, trailer.count + 1, until, trailer)


def _line(type_name: str, number: int, time: datetime, data: msgspec.Struct) -> Line:
    body = msgspec.json.encode(data, order="deterministic")
    return Line(
        specversion=SPEC,
        datacontenttype=JSON,
        id=derive_id("recording", type_name, body.decode()),
        source=_SOURCE,
        type=type_name,
        time=time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        sequence=sequence(number),
        data=msgspec.Raw(body),
    )
