"""What the commands print: partings, what never occurred, what would differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from motcua.replay.coverage import Coverage, Part
from motcua.replay.parting import Difference, Parting, PartingKind, differences, flat
from motcua.replay.parting import grouped as grouped_partings
from motcua.replay.shard import is_morning
from motcua.replay.trail import TrailParting, grouped_trails
from motcua.replay.what_if import Change

_GROUPS = 20
_FIELDS = 12
States = Mapping[str, Sequence[Difference]]


def partings_page(
    partings: Sequence[Parting],
    title: str,
    states: Mapping[str, States] | None = None,
    whys: Mapping[str, Sequence[str]] | None = None,
) -> RenderableType:
    """Tell of partings: like ones together, the first of each in full.

    `states`: by dossier and service, the fields of the state that differ after the parting.
    `whys`: by dossier, the sentences that differ on why it is due when it is.
    """
    # What a unit's head is told in the morning follows from the dossiers.
    of_dossiers = [one for one in partings if not is_morning(one.subject)]
    rest = len(partings) - len(of_dossiers) if of_dossiers else 0
    groups = grouped_partings(of_dossiers or partings)
    lines: list[Text] = [Text(f"{title}: {_dossiers(len(of_dossiers))}", style="bold")]
    for alike, mine in groups[:_GROUPS]:
        first = mine[0]
        lines.append(Text(f"{len(mine):,} x {alike}", style="red"))
        lines.append(Text(f"  first {first.subject}, record {first.number}"))
        lines += [Text(f"    {line}") for line in _told(first)]
        for service, differing in (states or {}).get(first.subject, {}).items():
            lines.append(Text(f"    state of {service}:"))
            lines += [Text(f"      {line}") for line in _fields(differing)]
        if why := (whys or {}).get(first.subject):
            lines.append(Text("    why it is due then (-: as recorded, +: as decided):"))
            lines += [Text(f"      {line}") for line in why]
    if len(groups) > _GROUPS:
        lines.append(Text(f"and {len(groups) - _GROUPS} more kinds"))
    if rest:
        lines.append(Text(f"and the mail of {rest:,} units' mornings, which follows from them"))
    return Group(*lines)


def trails_page(partings: list[TrailParting]) -> RenderableType:
    """Tell where two trails part: like ones together."""
    lines = [Text(f"parted: {_dossiers(len(partings))}", style="bold")]
    groups = grouped_trails(partings)
    for alike, mine in groups[:_GROUPS]:
        first = mine[0]
        step = first.one or first.other
        assert step is not None
        lines.append(Text(f"{len(mine):,} x {alike}", style="red"))
        lines.append(Text(f"  first {first.dossier}, its record {step.n}, {step.id}"))
    if len(groups) > _GROUPS:
        lines.append(Text(f"and {len(groups) - _GROUPS} more kinds"))
    return Group(*lines)


def coverage_page(coverage: Coverage) -> RenderableType:
    """Tell what occurred how often, and what never did."""
    lines: list[Text] = []
    for part in Part:
        counts, missing = coverage.counts[part], coverage.missing(part)
        lines.append(Text(f"{part}: {len(counts)} occurred, {len(missing)} never", style="bold"))
        lines += [Text(f"  {count:>9,}  {name}") for name, count in counts.most_common()]
        lines += [Text(f"      never  {name}", style="yellow") for name in missing]
    return Group(*lines)


def what_if_page(changes: Sequence[Change]) -> RenderableType:
    """Tell per procedure what would differ under other rules; others are counted alone."""
    differing = [one for one in changes if one.differs]
    table = Table("procedure", box=None)
    for name in ("dossiers", "dates", "alerts -", "alerts +", "letters", "mail -", "mail +"):
        table.add_column(name, justify="right")
    for one in differing:
        cells = (one.dossiers, one.dates, one.alerts_gone, one.alerts_new)
        more = (one.letters, one.messages_gone, one.messages_new)
        table.add_row(one.procedure or "unknown", *(f"{each:,}" for each in (*cells, *more)))
    same = len(changes) - len(differing)
    return Group(table, Text(f"{same} procedures of which nothing differs"))


def state_differences(
    recorded: Mapping[str, Any], decided: Mapping[str, Any]
) -> dict[str, list[Difference]]:
    """Return, by service, the fields that differ between two states of a dossier."""
    found = {}
    for service in sorted(recorded.keys() & decided.keys()):
        if differing := differences(flat(recorded[service]), flat(decided[service])):
            found[service] = differing
    return found


def _told(parting: Parting) -> Iterator[str]:
    time = parting.time.isoformat(timespec="seconds")
    match parting.kind:
        case PartingKind.RAISED:
            yield f"{parting.name} of {time}: {parting.error}"
        case PartingKind.CHANGED:
            yield f"{parting.name} of {time}"
            yield from _fields(parting.differences)
        case _:
            said = parting.recorded or parting.decided or {}
            yield f"{parting.name} of {time}"
            yield from (f"{name}: {value}" for name, value in list(said.items())[:_FIELDS])


def _fields(differing: Sequence[Difference]) -> Iterator[str]:
    for one in differing[:_FIELDS]:
        yield f"{one.field}: recorded {_value(one.recorded)}, decided {_value(one.decided)}"
    if len(differing) > _FIELDS:
        rest = len(differing) - _FIELDS
        yield f"and {rest} more field{'s' if rest > 1 else ''}"


def _value(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _dossiers(count: int) -> str:
    if not count:
        return "no dossier, but units' mornings"
    return f"{count:,} dossier{'' if count == 1 else 's'}"
