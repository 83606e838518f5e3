"""``motcua replay FILE``: decide a recording anew, and say where that parts from what was."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from contracts.rules import Files, RulesError, read_files
from deploy.local.host.errors import StackError
from deploy.local.stack.city import ServiceDied
from motcua.feed import NotSettled
from motcua.replay.checked_lines import RecordingError
from motcua.replay.orders_page import check_orders
from motcua.replay.pages import (
    States,
    coverage_page,
    partings_page,
    state_differences,
    trails_page,
    what_if_page,
)
from motcua.replay.parting import Parting, PartingKind, grouped
from motcua.replay.reasons import other_reasons
from motcua.replay.recorded_states import recorded_states
from motcua.replay.recording import Recording, read
from motcua.replay.replayed import Replayed, replay
from motcua.replay.shard import states_at
from motcua.replay.through_kafka import replay_through_kafka
from motcua.replay.trail import TrailError, read_trail, trail_partings, write_trail
from motcua.replay.what_if import as_csv, changes
from motcua.rules.reading import checked
from services.shared.cli.instant import instant

console = Console()
RECORDED = "recorded"
_EXPLAINED = 5
"""Of so many kinds of parting the states are compared: each is folded anew."""


def replay_file(
    file: Annotated[Path, typer.Argument(help="A recording that `motcua record` wrote.")],
    against: Annotated[
        str, typer.Option(help="What it is compared with: `recorded`, or a trail's file.")
    ] = RECORDED,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was entered before then.")
    ] = None,
    dossier: Annotated[
        list[str] | None, typer.Option("--dossier", help="Only this one; can be repeated.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="What if: this folder's rules from the beginning, and what differs."),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="With --rules: the table.")] = None,
    orders: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Try N orders in which services may come to it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="With --orders: the first order.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes that share the dossiers.", min=1)] = 1,
    trail: Annotated[Path | None, typer.Option(help="Write the trail into this file.")] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Say what occurred, and what never did.")
    ] = False,
    kafka: Annotated[
        bool,
        typer.Option("--kafka", help="Also with the real services, by a Kafka and a MongoDB."),
    ] = False,
    partitions: Annotated[int, typer.Option(help="With --kafka: of each topic.", min=1)] = 4,
    speed: Annotated[
        float, typer.Option(help="With --kafka: recorded seconds a second; 0: at once.", min=0)
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Replay a recording: what was asked is decided anew, without broker or database.

    Ends with 0 if everything is decided as it was recorded, 1 if something parts, and 2 if the file
    cannot be used: `git bisect run motcua replay day.jsonl.gz` finds the commit that changed it.

    Example: `motcua replay day.jsonl.gz --against recorded`
    """
    if orders is not None and (
        against != RECORDED or until or rules or trail or coverage or as_json or kafka
    ):
        raise typer.BadParameter("with --orders go --seed and --dossier alone")
    if kafka and (rules or until or as_json):
        raise typer.BadParameter("not with --rules, --until or --json", param_hint="--kafka")
    try:
        recording = read(file)
        if dossier:
            recording = recording.only(*dossier)
        moment = None if until is None else instant(until, "--until")
        if orders is not None:
            raise typer.Exit(0 if check_orders(recording, orders, seed, console) else 1)
        if rules is not None:
            _what_if(recording, _files(rules), moment, jobs, csv, as_json=as_json)
            return
        with console.status("replaying…"):
            done = replay(
                recording,
                until=moment,
                jobs=jobs,
                trail=trail is not None or against != RECORDED,
            )
        parted = _compared(done, against, as_json=as_json)
        if kafka:
            parted = _lived_otherwise(done, partitions, speed) or parted
    except (RecordingError, TrailError) as error:
        _fail(str(error))
    if trail is not None:
        write_trail(trail, done.trail)
    if coverage and not as_json:
        console.print(coverage_page(done.coverage))
    raise typer.Exit(1 if parted else 0)


def diff(
    one: Annotated[Path, typer.Argument(help="A trail that `motcua replay --trail` wrote.")],
    other: Annotated[Path, typer.Argument(help="Another trail of the same recording.")],
) -> None:
    """Say where two trails part: the first record of each dossier, like ones together.

    Ends with 0 if they are the same, 1 if they part, 2 if a file cannot be used.

    Example: `motcua diff before.trail after.trail`
    """
    try:
        parted = list(trail_partings(read_trail(one), read_trail(other)))
    except TrailError as error:
        _fail(str(error))
    if parted:
        console.print(trails_page(parted), highlight=False)
        raise typer.Exit(1)
    console.print("the same", highlight=False)


def _compared(done: Replayed, against: str, *, as_json: bool) -> bool:
    """Say where the replay parts from something; return whether it does."""
    if against != RECORDED:
        trails = list(trail_partings(read_trail(Path(against)), done.trail))
        if as_json:
            _print_json(done, [{**each._asdict(), "alike": each.alike} for each in trails])
        elif trails:
            console.print(trails_page(trails), highlight=False)
        else:
            _say_same(done)
        return bool(trails)
    if as_json:
        _print_json(done, [_with_differences(each) for each in done.partings])
    elif done.partings:
        states, whys = _explained(done)
        page = partings_page(done.partings, "parted from what was recorded", states, whys)
        console.print(page, highlight=False)
    else:
        _say_same(done)
    return bool(done.partings)


def _explained(done: Replayed) -> tuple[dict[str, States], dict[str, list[str]]]:
    """Return what differs in the states of the first dossier of each kind of parting: the fields,
    and why it is due when it is."""
    states: dict[str, States] = {}
    whys = {}
    for _, mine in grouped(done.partings)[:_EXPLAINED]:
        first = mine[0]
        if first.subject not in done.outcomes or first.kind is PartingKind.RAISED:
            continue
        code = first.subject
        recorded, world = recorded_states(done.recording, code, first.number)
        decided = states_at(done.recording, done.how, code, first.number)
        states[code] = state_differences(recorded, decided)
        whys[code] = other_reasons(code, recorded, decided, world, first.time)
    return states, whys


def _what_if(
    recording: Recording,
    files: Files,
    until: datetime | None,
    jobs: int,
    csv: Path | None,
    *,
    as_json: bool,
) -> None:
    with console.status("replaying under the recorded rules…"):
        before = replay(recording, until=until, guided=False, jobs=jobs)
    with console.status("replaying under the folder's rules…"):
        after = replay(recording, until=until, rules=files, jobs=jobs)
    changed = changes(before.outcomes, after.outcomes)
    if csv is not None:
        csv.write_text(as_csv(changed), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps([msgspec.to_builtins(each) for each in changed], indent=2))
    else:
        console.print(what_if_page(changed), highlight=False)


def _lived_otherwise(done: Replayed, partitions: int, speed: float) -> bool:
    """Replay with the real services; say whether they come to something else."""
    with console.status("starting Kafka, MongoDB and the services…") as status:

        def told(count: int, time: datetime) -> None:
            status.update(f"through Kafka: {count:,} records, {time:%Y-%m-%d %H:%M}")

        try:
            lived = replay_through_kafka(
                done.recording, Path.cwd(), partitions=partitions, speed=speed, told=told
            )
        except (StackError, ServiceDied, NotSettled, TimeoutError) as error:
            _fail(str(error))
    differences = lived.differences(done)
    for each in differences:
        console.print(Text(f"through Kafka: {each}", style="red"))
    if not differences:
        console.print(
            f"the same through Kafka: {partitions} partitions, {lived.seconds:.1f} s; states "
            f"{lived.hash[:16]}",
            highlight=False,
        )
    return bool(differences)


def _say_same(done: Replayed) -> None:
    rate = done.played / done.seconds if done.seconds else 0.0
    console.print(
        f"the same: {done.played:,} records of {len(done.outcomes):,} dossiers, "
        f"{rate:,.0f} a second; states {done.hash[:16]}",
        highlight=False,
    )


def _print_json(done: Replayed, parted: list[dict[str, Any]]) -> None:
    document = {
        "same": not parted,
        "state_hash": done.hash,
        "records": done.played,
        "dossiers": len(done.outcomes),
        "seconds": done.seconds,
        "partings": parted,
        "coverage": {str(p): dict(c) for p, c in done.coverage.counts.items()},
    }
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def _with_differences(parting: Parting) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(parting),
        "differences": [each._asdict() for each in parting.differences],
    }


def _files(folder: Path) -> dict[str, str]:
    try:
        files = read_files(folder)
        checked(files)
    except RulesError as error:
        _fail(str(error))
    return files


def _fail(fault: str) -> NoReturn:
    console.print(Text(fault, style="red"))
    raise typer.Exit(2)
