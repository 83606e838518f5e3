"""Reads the catalogue from a set of rules and checks that its entries fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

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
from contracts.rules.rule_set import Files, sample_rules
from contracts.rules.toml_text import RulesError, parse_toml, place

K = TypeVar("K")

VIETNAM = timezone(timedelta(hours=7))
"""Vietnam has UTC+7 all year."""


class _File(BaseModel):
    # An unknown table is an officer's slip, and the error names it.
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Procedures(_File):
    procedures: tuple[Procedure, ...] = Field(min_length=1)
    reading: Reading = Reading()


class _Units(_File):
    units: tuple[Unit, ...] = Field(min_length=1)


class _Workflows(_File):
    workflows: tuple[Workflow, ...] = Field(min_length=1)


class _Competence(_File):
    competence: tuple[CompetenceRule, ...] = Field(min_length=1)


class _Circulars(_File):
    circulars: tuple[Circular, ...] = Field(min_length=1)


_MODELS: Mapping[str, type[_File]] = {
    "procedures": _Procedures,
    "units": _Units,
    "workflows": _Workflows,
    "competence": _Competence,
    "circulars": _Circulars,
}


@dataclass(frozen=True)
class Catalogue:
    """The whole catalogue, by code."""

    procedures: Mapping[str, Procedure]
    units: Mapping[str, Unit]
    """Those that have ended or are yet to begin included."""
    workflows: Mapping[WorkflowRef, Workflow]
    rules: tuple[CompetenceRule, ...]
    circulars: tuple[Circular, ...]
    """In the order in which they came into force."""
    reading: Reading
    """How the days of a budget are counted."""
    version: str
    """A hash of what can be promised and what it depends on, e.g. ``3f9c2a7be014``. It does not
    change with comments or names."""
    _units_by_place: Mapping[tuple[UnitKind, str], Sequence[Unit]]
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

    @cached_property
    def ending(self) -> Mapping[str, datetime]:
        """When each unit that ends does, UTC: at the end of its last day in Vietnam."""
        return {u.code: u.ends_at for u in self.units.values() if u.ends_at is not None}

    def heir(self, code: str, at: datetime) -> Unit:
        """Return the unit with that code, or whoever has succeeded to it by that time.

        Raise KeyError if there is no such unit.
        """
        unit = self.units[code]
        seen = {code}
        while unit.ends_at is not None and unit.ends_at <= at and unit.successor not in seen:
            assert unit.successor is not None  # every unit that ends names one: see `_check_units`
            unit = self.units[unit.successor]
            seen.add(unit.code)
        return unit

    def unit_for(self, kind: UnitKind, place: str, at: datetime) -> Unit | None:
        """Return the unit of that kind that answers for the place at that time, or None."""
        for unit in self._units_by_place.get((kind, place), ()):
            if unit.exists_at(at):
                return unit
        return None


def load_catalogue(files: Files | None = None) -> Catalogue:
    """Return the catalogue in `procedures`, `workflows`, `units`, `competence` and `circulars`.

    By default it is the sample's, read once. Raise RulesError, with a line for every fault, if a
    file is broken or if a code is used that no entry has.
    """
    return _sample() if files is None else _Reader(files).catalogue()


@lru_cache(maxsize=1)
def _sample() -> Catalogue:
    return _Reader(sample_rules().files).catalogue()


class _Reader:
    """Reads one set of files and gathers all that is wrong with it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._faults: list[str] = []
        self._tables: dict[str, Any] = {}
        for name, model in _MODELS.items():
            try:
                self._tables[name] = parse_toml(f"{name}.toml", files[f"{name}.toml"], model)
            except RulesError as error:
                self._faults.append(str(error))
        self._stop_at_faults()

    def catalogue(self) -> Catalogue:
        procedures = self._by_key("procedures", lambda p: p.code)
        units: dict[str, Unit] = self._by_key("units", lambda u: u.code)
        workflows: dict[WorkflowRef, Workflow] = self._by_key("workflows", lambda w: w.ref)
        rules: dict[str, CompetenceRule] = self._by_key("competence", lambda r: r.id)
        circulars: dict[str, Circular] = self._by_key("circulars", lambda c: c.id)
        newest: dict[str, Workflow] = {}
        for workflow in workflows.values():
            if workflow.id not in newest or workflow.version > newest[workflow.id].version:
                newest[workflow.id] = workflow
        by_place = self._by_place(units)
        self._check_workflows(workflows, procedures.values(), newest)
        self._check_units(units)
        self._check_rules(rules.values(), units, procedures)
        self._stop_at_faults()
        reading = self._tables["procedures"].reading
        return Catalogue(
            procedures,
            units,
            workflows,
            tuple(rules.values()),
            tuple(sorted(circulars.values(), key=lambda c: c.from_)),
            reading,
            _version(procedures.values(), reading),
            by_place,
            newest,
        )

    def _stop_at_faults(self) -> None:
        if self._faults:
            raise RulesError("\n".join(self._faults))

    def _fault(self, name: str, index: int, detail: str) -> None:
        file = f"{name}.toml"
        self._faults.append(f"{file}: {place(self._files[file], (name, index))}: {detail}")

    def _entries(self, name: str) -> tuple[Any, ...]:
        return getattr(self._tables[name], name)  # type: ignore[no-any-return]

    def _by_key(self, name: str, key: Callable[[Any], K]) -> dict[K, Any]:
        found: dict[K, Any] = {}
        for index, entry in enumerate(self._entries(name)):
            if key(entry) in found:
                self._fault(name, index, f"there is an entry for {_label(key(entry))} already")
            found[key(entry)] = entry
        return found

    def _by_place(self, units: Mapping[str, Unit]) -> Mapping[tuple[UnitKind, str], Sequence[Unit]]:
        by_place: dict[tuple[UnitKind, str], list[Unit]] = {}
        for index, unit in enumerate(self._entries("units")):
            for one in unit.places:
                others = by_place.setdefault((unit.kind, one), [])
                for other in others:
                    if other.code != unit.code and other.overlaps(unit):
                        self._fault(
                            "units",
                            index,
                            f"{other.code} and {unit.code} both answer for place {one}: "
                            "take it from one of them, or give them days (from, until)",
                        )
                others.append(unit)
        return by_place

    def _check_workflows(
        self,
        workflows: Mapping[WorkflowRef, Workflow],
        procedures: Iterable[Procedure],
        newest: Mapping[str, Workflow],
    ) -> None:
        for index, workflow in enumerate(workflows.values()):
            if len({step.name for step in workflow.steps}) < len(workflow.steps):
                self._fault(
                    "workflows",
                    index,
                    f"{workflow.id} version {workflow.version}: two steps have the same name",
                )
        for index, procedure in enumerate(procedures):
            if procedure.workflow not in newest:
                self._fault(
                    "procedures", index, f"{procedure.code}: no workflow {procedure.workflow!r}"
                )

    def _check_units(self, units: Mapping[str, Unit]) -> None:
        for index, unit in enumerate(units.values()):
            if unit.until is None:
                continue
            heir = units.get(unit.successor or "")
            if heir is None:
                self._fault(
                    "units",
                    index,
                    f"{unit.code} ends on {unit.until}: name the successor that takes its open "
                    "dossiers over, a unit of this file",
                )
            elif unit.ends_at is not None and not heir.exists_at(unit.ends_at):
                self._fault(
                    "units",
                    index,
                    f"{unit.code} ends on {unit.until}; its successor {heir.code} is not there "
                    "by then",
                )

    def _check_rules(
        self,
        rules: Iterable[CompetenceRule],
        units: Mapping[str, Unit],
        procedures: Mapping[str, Procedure],
    ) -> None:
        fields = {p.field for p in procedures.values()}
        places = {place for unit in units.values() for place in unit.places}
        for index, rule in enumerate(rules):
            faults = []
            if (rule.unit is None) == (rule.kind is None):
                faults.append("name either a unit or a kind, one of them and not both")
            if rule.unit is not None and rule.unit not in units:
                faults.append(f"no unit {rule.unit}")
            faults += [f"no procedure {c}" for c in rule.procedures if c not in procedures]
            faults += [f"no procedure has the field {f!r}" for f in rule.fields if f not in fields]
            faults += [f"no unit answers for place {p}" for p in rule.places if p not in places]
            for fault in faults:
                self._fault("competence", index, f"rule {rule.id}: {fault}")


def _version(procedures: Iterable[Procedure], reading: Reading) -> str:
    promised = {p.code: [p.budget.model_dump(mode="json"), p.source] for p in procedures}
    decisive = [promised, reading.model_dump(mode="json")]
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _label(key: object) -> str:
    return " version ".join(map(str, key)) if isinstance(key, tuple) else str(key)
