"""Reads the catalogue from a folder of TOML files and checks that its entries fit together."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.catalogue.model import (
    Circular,
    CompetenceRule,
    Form,
    FormKind,
    Procedure,
    Reading,
    Unit,
    UnitKind,
    Workflow,
    WorkflowRef,
)
from contracts.events.intake import Promise

M = TypeVar("M", bound=BaseModel)
K = TypeVar("K")
E = TypeVar("E")

VIETNAM = timezone(timedelta(hours=7))
"""Vietnam has UTC+7 all year."""

DATA = Path(__file__).parent / "data"
"""The catalogue that comes with the product."""

_BESIDE = {"procedures": ("reading",)}
"""Tables that a file has beside its entries."""


class CatalogueError(ValueError):
    """The catalogue cannot be used. The text names the file, the entry and the remedy."""


@dataclass(frozen=True)
class Catalogue:
    """The whole catalogue, by code."""

    procedures: Mapping[str, Procedure]
    units: Mapping[str, Unit]
    workflows: Mapping[WorkflowRef, Workflow]
    rules: tuple[CompetenceRule, ...]
    circulars: tuple[Circular, ...]
    """In the order in which they came into force."""
    reading: Reading
    """How the days of a budget are counted."""
    version: str
    """A hash of what can be promised and what it depends on, e.g. ``3f9c2a7be014``. It does not
    change with comments or names."""
    _units_by_place: Mapping[tuple[UnitKind, str], Unit]
    _newest: Mapping[str, Workflow]

    def workflow(self, id: str, version: int | None = None) -> Workflow:
        """Return the workflow in that version, or the newest. Raise KeyError if there is none."""
        return self._newest[id] if version is None else self.workflows[WorkflowRef(id, version)]

    def form(self, kind: FormKind, at: datetime) -> tuple[Circular, Form] | None:
        """Return the form in force at that time; None if its circular has no form of that kind.

        Before the first circular is in force, the first one counts.
        """
        day = at.astimezone(VIETNAM).date()
        in_force = [c for c in self.circulars if c.from_ <= day] or [self.circulars[0]]
        form = in_force[-1].forms.get(kind)
        return None if form is None else (in_force[-1], form)

    def promise(self, procedure: Procedure) -> Promise:
        """Return what a citizen whose dossier is received now is promised."""
        budget = procedure.budget
        if budget.reading is None:
            budget = budget.model_copy(update={"reading": self.reading.of(budget.unit)})
        return Promise(budget=budget, basis=procedure.source, catalogue=self.version)

    @cached_property
    def places(self) -> frozenset[str]:
        """The places that a unit answers for."""
        return frozenset(place for _, place in self._units_by_place)

    def unit_for(self, kind: UnitKind, place: str) -> Unit | None:
        """Return the unit of that kind that answers for the place, or None."""
        return self._units_by_place.get((kind, place))


@lru_cache(maxsize=8)
def load_catalogue(folder: Path = DATA) -> Catalogue:
    """Return the catalogue in the folder's `procedures`, `workflows`, `units`, `competence` and
    `circulars` files.

    Raise CatalogueError, naming the entries at fault, if a file is missing or broken or if a code
    is used that no entry has.
    """
    procedures = _by_key(folder, "procedures", _entries(folder, "procedures", Procedure), _code)
    reading = _reading(folder)
    units = _by_key(folder, "units", _entries(folder, "units", Unit), _code)
    workflows = _by_key(
        folder, "workflows", _entries(folder, "workflows", Workflow), lambda w: w.ref
    )
    rules = tuple(
        _by_key(
            folder, "competence", _entries(folder, "competence", CompetenceRule), lambda r: r.id
        ).values()
    )
    circulars = sorted(
        _by_key(
            folder, "circulars", _entries(folder, "circulars", Circular), lambda c: c.id
        ).values(),
        key=lambda c: c.from_,
    )
    newest: dict[str, Workflow] = {}
    for workflow in workflows.values():
        if workflow.id not in newest or workflow.version > newest[workflow.id].version:
            newest[workflow.id] = workflow
    by_place: dict[tuple[UnitKind, str], Unit] = {}
    faults: list[str] = []
    for unit in units.values():
        for place in unit.places:
            other = by_place.setdefault((unit.kind, place), unit)
            if other is not unit:
                faults.append(
                    f"units.toml: {other.code} and {unit.code} both answer for place {place}"
                )
    faults += [
        f"workflows.toml: {w.id} version {w.version}: two steps have the same name"
        for w in workflows.values()
        if len({step.name for step in w.steps}) < len(w.steps)
    ]
    faults += [
        f"procedures.toml: {p.code}: no workflow {p.workflow!r}"
        for p in procedures.values()
        if p.workflow not in newest
    ]
    fields = {p.field for p in procedures.values()}
    places = {place for unit in units.values() for place in unit.places}
    for rule in rules:
        where = f"competence.toml: rule {rule.id}"
        if (rule.unit is None) == (rule.kind is None):
            faults.append(f"{where}: name either a unit or a kind, one of them and not both")
        if rule.unit is not None and rule.unit not in units:
            faults.append(f"{where}: no unit {rule.unit}")
        faults += [f"{where}: no procedure {c}" for c in rule.procedures if c not in procedures]
        faults += [
            f"{where}: no procedure has the field {f!r}" for f in rule.fields if f not in fields
        ]
        faults += [
            f"{where}: no unit answers for place {p}" for p in rule.places if p not in places
        ]
    if faults:
        raise CatalogueError(f"{folder}: " + "; ".join(faults))
    return Catalogue(
        procedures,
        units,
        workflows,
        rules,
        tuple(circulars),
        reading,
        _version(procedures.values(), reading),
        by_place,
        newest,
    )


def _version(procedures: Iterable[Procedure], reading: Reading) -> str:
    promised = {p.code: [p.budget.model_dump(mode="json"), p.source] for p in procedures}
    decisive = [promised, reading.model_dump(mode="json")]
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _reading(folder: Path) -> Reading:
    path = folder / "procedures.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8")).get("reading", {})
    try:
        return Reading.model_validate(table)
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise CatalogueError(f"{path}: [reading] {where}") from error


def _entries(folder: Path, name: str, model: type[M]) -> list[M]:
    path = folder / f"{name}.toml"
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}: not UTF-8: save it with that encoding") from error
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{path}: not TOML: {error}") from error
    if strange := sorted(set(document) - {name, *_BESIDE.get(name, ())}):
        raise CatalogueError(f"{path}: {strange[0]!r} is unknown here: write [[{name}]]")
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CatalogueError(f"{path}: begin each entry with [[{name}]], in double brackets")
    entries: list[M] = []
    for number, entry in enumerate(tables, start=1):
        try:
            entries.append(model.model_validate(entry))
        except ValidationError as error:
            label = entry.get("code") or entry.get("id") or f"number {number}"
            where = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors()
            )
            raise CatalogueError(f"{path}: [[{name}]] {label}: {where}") from error
    if not entries:
        raise CatalogueError(f"{path}: no [[{name}]] table in it")
    return entries


def _by_key(folder: Path, name: str, entries: Iterable[E], key: Callable[[E], K]) -> dict[K, E]:
    found: dict[K, E] = {}
    for entry in entries:
        if key(entry) in found:
            raise CatalogueError(f"{folder / name}.toml: two entries for {_label(key(entry))}")
        found[key(entry)] = entry
    return found


def _code(entry: Procedure | Unit) -> str:
    return entry.code


def _label(key: object) -> str:
    return " version ".join(map(str, key)) if isinstance(key, tuple) else str(key)
