"""Reads the catalogue from a folder of TOML files and checks that it hangs together."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.catalogue.model import CompetenceRule, Procedure, Unit, UnitKind, Workflow

M = TypeVar("M", bound=BaseModel)
K = TypeVar("K")
E = TypeVar("E")

DATA = Path(__file__).parent / "data"
"""The catalogue that comes with the product."""


class CatalogueError(ValueError):
    """The catalogue cannot be used. Names the file, the entry and the remedy."""


@dataclass(frozen=True)
class Catalogue:
    """The whole catalogue, by code."""

    procedures: Mapping[str, Procedure]
    units: Mapping[str, Unit]
    workflows: Mapping[tuple[str, int], Workflow]
    rules: tuple[CompetenceRule, ...]
    _units_by_place: Mapping[tuple[UnitKind, str], Unit]
    _newest: Mapping[str, Workflow]

    def workflow(self, id: str, version: int | None = None) -> Workflow:
        """The workflow in that version, or in its newest. Raises KeyError if there is none."""
        return self._newest[id] if version is None else self.workflows[id, version]

    def unit_for(self, kind: UnitKind, place: str) -> Unit | None:
        """The unit of that kind that answers for the place."""
        return self._units_by_place.get((kind, place))


@lru_cache(maxsize=8)
def load_catalogue(folder: Path = DATA) -> Catalogue:
    """The catalogue in the folder's `procedures`, `workflows`, `units` and `competence` files.

    Raises CatalogueError, naming every entry at fault, if a file is missing or broken or if a
    code is used that no entry has.
    """
    procedures = _by_key("procedure", _entries(folder, "procedures", Procedure), lambda p: p.code)
    units = _by_key("unit", _entries(folder, "units", Unit), lambda u: u.code)
    workflows = _by_key(
        "workflow", _entries(folder, "workflows", Workflow), lambda w: (w.id, w.version)
    )
    rules = tuple(_entries(folder, "competence", CompetenceRule))
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
                faults.append(f"units {other.code} and {unit.code} both answer for place {place}")
    faults += [
        f"procedure {p.code}: no workflow {p.workflow!r}"
        for p in procedures.values()
        if p.workflow not in newest
    ]
    fields = {p.field for p in procedures.values()}
    for rule in rules:
        if (rule.unit is None) == (rule.kind is None):
            faults.append(f"competence rule {rule.id}: name either a unit or a kind, not both")
        if rule.unit is not None and rule.unit not in units:
            faults.append(f"competence rule {rule.id}: no unit {rule.unit}")
        faults += [
            f"competence rule {rule.id}: no procedure {code}"
            for code in rule.procedures
            if code not in procedures
        ]
        faults += [
            f"competence rule {rule.id}: no procedure has the field {field!r}"
            for field in rule.fields
            if field not in fields
        ]
    if faults:
        raise CatalogueError(f"{folder}: " + "; ".join(faults))
    return Catalogue(procedures, units, workflows, rules, by_place, newest)


def _entries(folder: Path, name: str, model: type[M]) -> list[M]:
    path = folder / f"{name}.toml"
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{path}: not TOML: {error}") from error
    entries: list[M] = []
    for number, entry in enumerate(document.get(name, []), start=1):
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


def _by_key(what: str, entries: Iterable[E], key: Callable[[E], K]) -> dict[K, E]:
    found: dict[K, E] = {}
    for entry in entries:
        if key(entry) in found:
            raise CatalogueError(f"two entries for {what} {key(entry)}")
        found[key(entry)] = entry
    return found
