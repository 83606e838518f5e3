"""The history of one dossier while it is being told: its facts so far and their state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.catalogue import Workflow
from contracts.events import intake
from contracts.events.routing import DossierHandedOver, ResultReturned, StepCompleted
from contracts.model import EventData
from contracts.wire.envelope import Event, derive_id
from services.intake.imports.activities import ActivitySequence
from services.intake.imports.case_attributes import CaseAttributes
from services.intake.imports.fact_types import makes_sense
from services.intake.imports.rules import CompiledMapping, Emit, Filled, PromiseRule
from services.intake.imports.template import Lookup, Missing, Template
from services.intake.imports.times import NoTime
from services.shared.lifecycle import Mark, PublicStatus, mark_of, status_of, with_mark

_DETAIL = 1000
"""The longest detail of a remark, in characters."""


class History:
    """Builds the facts one after another, each depending on those before it."""

    def __init__(
        self,
        compiled: CompiledMapping,
        case: str,
        number: str,
        code: str,
        attributes: CaseAttributes,
        sequence: ActivitySequence,
    ) -> None:
        self.facts: list[Event] = []
        self.unlisted: set[tuple[str, str]] = set()
        """The values, by name and text, whose table lacked what the last event said."""
        self.untold: tuple[str, ...] = ()
        """The facts of the last event that the dossier's state could not take."""
        self.status: PublicStatus | None = None
        self._plan = compiled
        self._words = {"case": case, "number": number}
        self._code = code
        self._attributes = attributes
        self._course = sequence
        self._marks: tuple[Mark, ...] = ()
        self._filing: dict[str, Any] = {}
        self._unit = ""
        self._workflow: Workflow | None = None
        self._ended: str | None = None  # the step that ended last

    @property
    def state(self) -> str:
        """The public state, as mappings spell it."""
        return self.status.word.replace("_", "-") if self.status else "none"

    def tell(
        self,
        emits: Sequence[Emit],
        place: int,
        time: datetime,
        event: tuple[str, ...],
        attributes: Mapping[str, str],
    ) -> tuple[str, ...]:
        """Add what one event of the log means: the facts, or if there are none, a remark.

        `event` tells it from the case's other events.

        A fact that the dossier's state cannot take is not told; the remark says so. Raise Missing,
        Differs, NoTime or pydantic's ValidationError if a fact cannot be built.
        """
        self.unlisted.clear()
        activity = self._course.activities[place]
        told: list[str] = []
        untold: list[str] = []

        def add(data: EventData) -> None:
            self._add(data, time, event, len(told))
            told.append(type(data).__name__)

        for emit in emits:
            if not makes_sense(emit.type, self.status):
                untold.append(emit.type.__name__)
                continue
            step = self._step(emit, place)
            lookup = self._lookup(activity, step, attributes)
            if emit.next is not None and step is None:
                continue  # no step is left to start
            add(self._build(emit, step, lookup, attributes))
        self.untold = tuple(untold)
        if not told:
            details = self._details(attributes)
            if untold:
                details["untold"] = f"{', '.join(untold)}: the dossier was {self.state}"
            by = self._resource(attributes)
            add(intake.RemarkRecorded(activity=activity, by=by, details=details))
        return tuple(told)

    def _add(self, data: EventData, time: datetime, event: tuple[str, ...], ordinal: int) -> None:
        source = self._plan.source.name
        fact = Event(
            id=derive_id("import", source, self._words["case"], *event, ordinal),
            source=f"/import/{source}",
            subject=self._code,
            time=time,
            data=data,
            history=True,
        )
        self.facts.append(fact)
        if (mark := mark_of(fact)) is not None:
            self._marks = with_mark(self._marks, mark)
            self.status = status_of(self._marks)
        if isinstance(data, StepCompleted):
            self._ended = data.step
        elif isinstance(data, DossierHandedOver):
            self._unit = data.to_unit

    def _lookup(self, activity: str, step: str | None, attributes: Mapping[str, str]) -> Lookup:
        def plain(name: str) -> str | None:
            if name == "activity":
                return activity
            if name == "step":
                return step
            if name == "resource":
                return self._resource(attributes)
            if name in self._words:
                return self._words[name]
            if name.startswith("case:"):
                return self._attributes.get(name.removeprefix("case:"))
            return attributes.get(name.removeprefix("event:")) or None

        def named(name: str) -> str | None:
            value = self._plan.values.get(name)
            if value is None:
                return plain(name)
            return value.of(plain, lambda text: self.unlisted.add((name, text)))

        return named

    def _resource(self, attributes: Mapping[str, str]) -> str | None:
        resource = self._plan.source.resource
        return attributes.get(resource) or None if resource else None

    def _details(self, attributes: Mapping[str, str]) -> dict[str, str]:
        wanted = self._plan.source.details
        return {name: attributes[name][:_DETAIL] for name in wanted if attributes.get(name)}

    def _step(self, emit: Emit, place: int) -> str | None:
        own = self._plan.step_of(self._course.activities[place])
        if emit.next is not None:
            for activity in self._course.all_after(emit.next, place):
                if (step := self._plan.step_of(activity)) is not None:
                    return step
            if "step" not in emit.fields:
                return self._after_last()
        template = emit.fields.get("step")
        if isinstance(template, Template):
            return template.constant or own
        return own

    def _after_last(self) -> str | None:
        steps = [step.name for step in self._workflow.steps] if self._workflow else []
        index = steps.index(self._ended) + 1 if self._ended in steps else 0
        return steps[index] if index < len(steps) else None

    def _build(
        self, emit: Emit, step: str | None, lookup: Lookup, attributes: Mapping[str, str]
    ) -> EventData:
        kind = emit.type
        if issubclass(kind, intake.Filing):
            self._file(lookup)
        fields = self._given(kind, step, lookup, attributes)
        for name, value in emit.fields.items():
            if not (name == "step" and emit.next is not None):
                fields[name] = _fill(value, lookup)
        if "step" in kind.model_fields:
            fields.setdefault("step", step)
            fields["ordinal"] = self._ordinal(str(fields["step"]))
        if "citizen" in fields:
            fields["citizen"] = self._plan.references.citizen(str(fields["citizen"]))
        return kind.model_validate(fields)

    def _file(self, lookup: Lookup) -> None:
        compiled = self._plan
        self._filing = {name: _fill(value, lookup) for name, value in compiled.filing.items()}
        self._filing["legacy_id"] = self._words["case"]
        self._unit = compiled.handling_unit.fill(lookup)
        procedure = compiled.catalogue.procedures.get(self._filing["procedure"])
        if procedure is None:
            raise Missing(f"procedure {self._filing['procedure']} in the catalogue")
        self._workflow = compiled.catalogue.workflow(procedure.workflow)

    def _promise(self, lookup: Lookup) -> intake.Promise | None:
        rule = self._plan.promise
        if rule is None:
            return None
        if rule.due is not None:
            try:
                text = rule.due.fill(lookup)
            except Missing:
                pass  # this case has no date of its own
            else:
                basis = rule.basis.fill(lookup) if rule.basis is not None else None
                return intake.Promise(due=self._due(rule, text), basis=basis)
        if not rule.standard:
            return None
        procedure = self._plan.catalogue.procedures[self._filing["procedure"]]
        return self._plan.catalogue.promise(procedure)

    def _due(self, rule: PromiseRule, text: str) -> datetime:
        try:
            return rule.times.read(text, end_of_day=True)
        except NoTime as error:
            where = "".join(f" (line {line})" for line in sorted(self._lines(rule)))
            raise NoTime(
                f"promise.due{where}: {error}: mend the date, or say how it is written in "
                "promise.time_format and source.time_zone"
            ) from None

    def _lines(self, rule: PromiseRule) -> Iterator[int]:
        """Yield the lines of the case's attributes that the promised date is read from."""
        for name in rule.due.names if rule.due is not None else ():
            value = self._plan.values.get(name)
            place = name if value is None else value.source
            if place.startswith("case:"):
                said = self._attributes.said(place.removeprefix("case:"))
                if said is not None:
                    yield said.line

    def _ordinal(self, step: str) -> int:
        steps = [s.name for s in self._workflow.steps] if self._workflow else []
        if step not in steps:
            raise Missing(f"step {step} in the workflow")
        return steps.index(step)

    def _given(
        self, kind: type[EventData], step: str | None, lookup: Lookup, attributes: Mapping[str, str]
    ) -> dict[str, Any]:
        known = kind.model_fields
        given: dict[str, Any] = {}
        if issubclass(kind, intake.Filing):
            given |= self._filing
            given["promise"] = self._promise(lookup)
        officer = known.keys() & {"by", "lead"}
        if kind is intake.RemarkRecorded:
            given["activity"] = lookup("activity")
            given["by"] = self._resource(attributes)
            given["details"] = self._details(attributes)
        elif officer:
            given |= dict.fromkeys(officer, self._plan.officer.fill(lookup))
        if workflow := self._workflow:
            given["workflow"] = workflow.id
            given["workflow_version"] = workflow.version
            given["steps"] = tuple(s.name for s in workflow.steps)
            given["procedure"] = self._filing["procedure"]
        given["rule"] = f"import:{self._plan.source.name}"
        given["handling_unit"] = given["from_unit"] = given["unit"] = self._unit
        if kind is ResultReturned:
            given["unit"] = self._filing.get("returning_unit")
            given["channel"] = self._filing.get("channel")
        elif kind is intake.SupplementDelivered:
            given["unit"] = self._filing.get("receiving_unit")
        given.setdefault("documents", ())
        given["reason"] = lookup("activity")
        given["reference"] = self._words["case"][:100]
        return {name: value for name, value in given.items() if name in known}


def _fill(value: Filled, lookup: Lookup) -> Any:
    if isinstance(value, Template):
        return value.fill(lookup)
    if isinstance(value, tuple):
        return tuple(item.fill(lookup) for item in value)
    return value
