"""The mapping, compiled: every name looked up, every pattern compiled, every slip found."""

from __future__ import annotations

import re
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from fnmatch import translate as glob_to_regex
from pathlib import Path
from typing import Any

from contracts.catalogue import Catalogue
from services.intake.imports.activities import Activities, ActivitySequence
from services.intake.imports.fact_types import FACTS, FactType, given_fields
from services.intake.imports.mapping import (
    CsvSource,
    EmitTable,
    FilingTable,
    Globs,
    Mapping,
    MappingError,
    Neighbour,
    PromiseTable,
    RuleTable,
    XesSource,
    read_mapping,
)
from services.intake.imports.template import (
    Lookup,
    Template,
    Value,
    check_name,
    compile_template,
)
from services.intake.imports.times import Times
from services.shared.references import References

Filled = Template | tuple[Template, ...] | Any
"""What a field of a fact is made from: a template, several, or a constant."""


@dataclass(frozen=True)
class Emit:
    """One fact that a rule tells."""

    type: FactType
    fields: ReadOnly[str, Filled]
    next: Activities | None


@dataclass(frozen=True)
class Near:
    """The nearest of `among` is in `wanted`."""

    among: Activities
    wanted: Activities


@dataclass(frozen=True)
class MappingRule:
    """One rule; `number` is its place in the file, from 1."""

    number: int
    text: str
    """Its activities as the mapping names them."""
    activity: Activities
    occurrence: str | None
    after: Activities | None
    not_after: Activities | None
    before: Activities | None
    not_before: Activities | None
    preceded_by: Near | None
    followed_by: Near | None
    states: frozenset[str]
    where: ReadOnly[str, re.Pattern[str]]
    emits: tuple[Emit, ...]
    skip: str | None

    def holds(self, sequence: ActivitySequence, place: int, state: str, attribute: Lookup) -> bool:
        """Return whether all its conditions hold for the event at that place of the trace.

        `attribute` finds an attribute of the event.
        """
        if sequence.activities[place] not in self.activity:
            return False
        if self.states and state not in self.states:
            return False
        if self.occurrence and not self._occurs(sequence, place):
            return False
        if self.after and not sequence.some_before(self.after, place):
            return False
        if self.not_after and sequence.some_before(self.not_after, place):
            return False
        if self.before and not sequence.some_after(self.before, place):
            return False
        if self.not_before and sequence.some_after(self.not_before, place):
            return False
        if near := self.preceded_by:
            found = sequence.nearest_before(near.among, place)
            if found is None or found not in near.wanted:
                return False
        if near := self.followed_by:
            found = next(iter(sequence.all_after(near.among, place)), None)
            if found is None or found not in near.wanted:
                return False
        return all(glob.match(attribute(key) or "") for key, glob in self.where.items())

    def _occurs(self, sequence: ActivitySequence, place: int) -> bool:
        places = sequence.places(self.activity)
        if self.occurrence == "last":
            return places[-1] == place
        return (places[0] == place) == (self.occurrence == "first")


@dataclass(frozen=True)
class PromiseRule:
    """What a case was promised: a date of its own, else the standard time, else nothing known."""

    due: Template | None
    basis: Template | None
    times: Times
    standard: bool


@dataclass(frozen=True)
class CompiledMapping:
    """A mapping that is ready to translate traces, with the catalogue that it uses."""

    source: XesSource | CsvSource
    number: re.Pattern[str]
    filing: ReadOnly[str, Filled]
    promise: PromiseRule | None
    officer: Template
    handling_unit: Template
    values: ReadOnly[str, Value]
    steps: tuple[tuple[str, Activities], ...]
    rules: tuple[MappingRule, ...]
    catalogue: Catalogue
    references: References
    sha256: str
    """The mapping file's SHA-256."""

    @property
    def promise_columns(self) -> list[str]:
        """The attributes that the promised date is read from: a slip there would go unnoticed."""
        due = self.promise.due if self.promise is not None else None
        names = due.names if due is not None else ()
        places = [self.values[name].source if name in self.values else name for name in names]
        return [
            key for kind, _, key in (p.partition(":") for p in places) if kind in ("case", "event")
        ]

    def step_of(self, activity: str) -> str | None:
        """Return the workflow's step that the activity belongs to, or None."""
        return next((step for step, those in self.steps if activity in those), None)


def load_mapping(path: Path, catalogue: Catalogue, references: References) -> CompiledMapping:
    """Return the compiled mapping. Raise MappingError, naming the keys at fault."""
    mapping, digest = read_mapping(path)
    compiling = _Compiling(mapping, catalogue, references)
    compiled = compiling.compiled(digest)
    if compiling.faults:
        raise MappingError(f"{path}: " + "; ".join(compiling.faults))
    return compiled


class _Compiling:
    """Goes through the whole mapping and gathers its faults."""

    def __init__(self, mapping: Mapping, catalogue: Catalogue, references: References) -> None:
        self._mapping = mapping
        self._catalogue = catalogue
        self._references = references
        self._values = frozenset(mapping.values)
        self.faults: list[str] = []

    def compiled(self, digest: str) -> CompiledMapping:
        mapping = self._mapping
        filing = mapping.filing
        self._known_codes(filing)
        self._known_steps(filing)
        return CompiledMapping(
            source=mapping.source,
            number=re.compile(mapping.source.number),
            filing={
                name: self._filled(f"filing.{name}", getattr(filing, name))
                for name in FilingTable.model_fields
                if name not in ("officer", "handling_unit")
            },
            promise=self._promise(mapping.promise),
            officer=self._template("filing.officer", filing.officer),
            handling_unit=self._template("filing.handling_unit", filing.handling_unit),
            values={name: self._value(name) for name in mapping.values},
            steps=tuple(
                (step, self._activities(f"steps.{step}", globs))
                for step, globs in mapping.steps.items()
            ),
            rules=tuple(self._rule(n, rule) for n, rule in enumerate(mapping.rules, start=1)),
            catalogue=self._catalogue,
            references=self._references,
            sha256=digest,
        )

    def _promise(self, table: PromiseTable | None) -> PromiseRule | None:
        if table is None:
            return None
        if table.due is None and not table.standard:
            self.faults.append("promise: write due, or standard = true, or both")
        if table.due is None and (table.basis or table.time_format):
            self.faults.append("promise: basis and time_format are of due, which is missing")
        source = self._mapping.source
        return PromiseRule(
            None if table.due is None else self._template("promise.due", table.due),
            None if table.basis is None else self._template("promise.basis", table.basis),
            Times(table.time_format or source.time_format, source.time_zone),
            table.standard,
        )

    def _known_codes(self, filing: FilingTable) -> None:
        if "{" not in filing.procedure and filing.procedure not in self._catalogue.procedures:
            self.faults.append(f"filing.procedure: the catalogue has no {filing.procedure!r}")
        for name in ("receiving_unit", "handling_unit", "returning_unit"):
            unit = getattr(filing, name)
            if "{" not in unit and unit not in self._catalogue.units:
                self.faults.append(f"filing.{name}: the catalogue has no unit {unit!r}")

    def _steps(self) -> list[str] | None:
        # The steps of a procedure that only the log names can be checked only with its traces.
        procedure = self._catalogue.procedures.get(self._mapping.filing.procedure)
        if procedure is None:
            return None
        return [step.name for step in self._catalogue.workflow(procedure.workflow).steps]

    def _known_steps(self, filing: FilingTable) -> None:
        for step in self._mapping.steps:
            self._known_step(f"steps.{step}", step)

    def _known_step(self, key: str, step: str) -> None:
        steps = self._steps()
        if steps is not None and step not in steps:
            self.faults.append(f"{key}: no step {step!r}; the workflow has {', '.join(steps)}")

    def _value(self, name: str) -> Value:
        table = self._mapping.values[name]
        try:
            check_name(table.source, frozenset())
        except ValueError as error:
            self.faults.append(f"values.{name}.from: {error}")
        return Value(
            table.source,
            re.compile(table.pattern) if table.pattern else None,
            table.table,
            table.default,
        )

    def _template(self, key: str, text: str) -> Template:
        try:
            return compile_template(text, self._values)
        except ValueError as error:
            self.faults.append(f"{key}: {error}")
            return Template((text,))

    def _filled(self, key: str, value: Any) -> Filled:
        if isinstance(value, str):
            return self._template(key, value)
        if isinstance(value, list | tuple):
            return tuple(self._template(key, str(item)) for item in value)
        return value

    def _activities(self, key: str, globs: Globs | str) -> Activities:
        found: list[str] = []
        for glob in (globs,) if isinstance(globs, str) else globs:
            if not glob.startswith("@"):
                found.append(glob)
            elif (group := self._mapping.groups.get(glob[1:])) is not None:
                found += group
            else:
                self.faults.append(f"{key}: no group {glob[1:]!r} under [groups]")
        if not found and not self.faults:
            self.faults.append(f"{key}: no activity is named")
        return Activities(found)

    def _rule(self, number: int, rule: RuleTable) -> MappingRule:
        key = f"rules[{number}]"
        if bool(rule.emit) == (rule.skip is not None):
            self.faults.append(f"{key}: write either emit or skip, one of them and not both")

        def some(name: str) -> Activities | None:
            globs: Globs = getattr(rule, name)
            return self._activities(f"{key}.{name}", globs) if globs else None

        def near(name: str) -> Near | None:
            wanted = getattr(rule, name)
            if wanted is None:
                return None
            if not isinstance(wanted, Neighbour):
                wanted = Neighbour(**{"is": wanted})
            return Near(
                self._activities(f"{key}.{name}.among", wanted.among),
                self._activities(f"{key}.{name}.is", wanted.is_),
            )

        return MappingRule(
            number=number,
            text=rule.activity if isinstance(rule.activity, str) else ", ".join(rule.activity),
            activity=self._activities(f"{key}.activity", rule.activity),
            occurrence=rule.occurrence,
            after=some("after"),
            not_after=some("not_after"),
            before=some("before"),
            not_before=some("not_before"),
            preceded_by=near("preceded_by"),
            followed_by=near("followed_by"),
            states=frozenset(rule.state),
            where={name: re.compile(glob_to_regex(glob)) for name, glob in rule.where.items()},
            emits=tuple(
                emit
                for place, table in enumerate(rule.emit, start=1)
                if (emit := self._emit(f"{key}.emit[{place}]", table)) is not None
            ),
            skip=rule.skip,
        )

    def _emit(self, key: str, table: EmitTable) -> Emit | None:
        kind = FACTS.get(table.fact)
        if kind is None:
            self.faults.append(f"{key}.fact: no fact {table.fact!r}; there are {', '.join(FACTS)}")
            return None
        told: dict[str, Any] = table.model_extra or {}
        for name in told:
            if name not in kind.model_fields:
                fields = ", ".join(kind.model_fields)
                self.faults.append(f"{key}.{name}: {table.fact} has only {fields}")
            elif name == "promise":
                self.faults.append(f"{key}.promise: what was promised stands under [promise]")
        if table.next is not None and table.fact != "StepStarted":
            self.faults.append(f"{key}.next: only StepStarted can look for the next step")
        given = given_fields(kind)
        if table.next is not None or self._mapping.steps:
            given = given | {"step"}
        for name, field in kind.model_fields.items():
            if field.is_required() and name not in told and name not in given:
                self.faults.append(f"{key}: {table.fact} needs {name!r}")
        step = told.get("step")
        if isinstance(step, str) and "{" not in step:
            self._known_step(f"{key}.step", step)
        return Emit(
            kind,
            {name: self._filled(f"{key}.{name}", value) for name, value in told.items()},
            None if table.next is None else self._activities(f"{key}.next", table.next),
        )
