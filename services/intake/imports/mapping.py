"""The mapping file: how one older system's log is to be understood. Its format, in TOML.

`rules.py` turns it into what `translate` runs; `deploy/imports/` has examples of mappings.
"""

from __future__ import annotations

import re
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from contracts.values import Locale, ServiceLevel, UnitCode


class MappingError(ValueError):
    """The mapping cannot be used. The text names the file, the key and what is wrong with it."""


class _Table(BaseModel):
    # An unknown key is the writer's slip, and the error names it.
    model_config = ConfigDict(frozen=True, extra="forbid")


def _regex(text: str) -> str:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if "value" not in pattern.groupindex:
        raise ValueError("it needs a group (?P<value>...), which is what is taken")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"no such time zone: {name!r}; e.g. Asia/Ho_Chi_Minh") from error
    return name


def _encoding(name: str) -> str:
    try:
        lines = "\n".encode(name) == b"\n"
    except LookupError as error:
        raise ValueError(f"no such encoding: {name!r}") from error
    if not lines:
        raise ValueError(f"{name} cannot be read line by line: convert the file to UTF-8")
    return name


Regex = Annotated[str, AfterValidator(_regex)]
Names = tuple[str, ...]
Globs = tuple[str, ...]
"""Activities; ``*`` and ``?`` match any text or character, and ``@name`` is a group."""


class ColumnTable(_Table):
    """A column or attribute of the case with a time in it: an event of each case that fills it."""

    activity: str = Field(min_length=1)
    time: str = Field(min_length=1)
    """The column (CSV) or the trace's attribute (XES). The event's id follows from this name."""
    time_format: str | None = None
    """A strptime format; by default it is written like the events' times."""
    last: bool = False
    """Whether a date without a time is the end of its day, and whether the event comes after
    others of the same time. By default it is the day's beginning, and it comes before them."""


class _Source(_Table):
    """Where the log comes from, and which of its attributes or columns say what."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """The older system. With the case and the event it makes the facts' ids: keep it for ever."""
    agency: UnitCode
    """The first part of the dossier codes."""
    number: Regex
    """Finds the last part of the code in the case's id, as group ``value``: at most 12 of A-Z and
    0-9. It is padded with zeros to four."""
    resource: str | None = None
    """Who did it: staff numbers, never names. It is the author of a remark, and ``{resource}``."""
    details: Names = ()
    """What else of an event goes into its remark. By default nothing: the log is kept for ever and
    read by everyone, so no attribute that names or describes a person belongs here."""
    event_id: str | None = None
    """The attribute that identifies an event in its case; by default, its position does."""
    time_format: str | None = None
    """A strptime format, e.g. ``%d/%m/%Y %H:%M``; by default ISO 8601."""
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    """For times without an offset; if not set, such events are skipped. An hour that the end of
    daylight saving repeats is taken to be the first of the two."""
    as_of: AwareDatetime | None = None
    """When the log was extracted: the history is told up to here, unless an event is later."""
    on_error: Literal["skip-trace", "stop"] = "skip-trace"
    """What to do at a trace that cannot be told: name it and go on, or end the import."""
    columns: tuple[ColumnTable, ...] = ()
    """Times that stand with the case and not in an event of their own."""

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        names = [column.time for column in self.columns]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"columns: {name!r} is named twice, but makes one event")
        return self


class XesSource(_Source):
    """A log in XES."""

    format: Literal["xes"]
    case: str = "concept:name"
    time: str = "time:timestamp"
    activity: str = "concept:name"


class CsvSource(_Source):
    """A log in CSV: a row per event, or if only `columns` have times, a row per case."""

    format: Literal["csv"]
    case: str
    time: str | None = None
    activity: str | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    rows: Literal["anywhere", "together"] = "anywhere"
    """Whether the rows of a case may lie apart; see `csv_log`."""

    @model_validator(mode="after")
    def _has_events(self) -> Self:
        if (self.time is None) != (self.activity is None):
            raise ValueError("name both time and activity, or neither")
        if self.time is None and not self.columns:
            raise ValueError("name time and activity, or [[source.columns]], or both")
        return self


class FilingTable(_Table):
    """What the reception says: templates, see `template`."""

    procedure: str
    channel: str
    receiving_unit: str
    handling_unit: str
    returning_unit: str
    place: str
    citizen: str
    """An opaque reference: nothing here may name a person."""
    officer: str
    """The officer in facts whose rule names none."""
    level: ServiceLevel = ServiceLevel.PARTIAL
    locale: Locale = Locale.VI
    documents: Names = ()
    fee: int = Field(default=0, ge=0)


class PromiseTable(_Table):
    """What was promised at reception. Without this table nobody knows, and nothing is judged."""

    due: str | None = None
    """A template: the date that the older system promised. A date alone is the end of its day."""
    basis: str | None = None
    """A template: the legal basis of that date."""
    time_format: str | None = None
    """A strptime format of `due`; by default it is written like the events' times."""
    standard: bool = False
    """Promise the procedure's standard time, by the catalogue, where a case has no date."""


class ValueTable(_Table):
    """A value that templates can name: taken ``from`` a name, cut out, looked up."""

    source: str = Field(alias="from")
    pattern: Regex | None = None
    table: dict[str, str] | None = None
    default: str | None = None


class Neighbour(_Table):
    """The nearest event among some activities is one of these."""

    is_: Globs = Field(alias="is", min_length=1)
    among: Globs = ("*",)


def _neighbour(value: Any) -> str:
    return "table" if isinstance(value, dict | Neighbour) else "globs"


Neighbourhood = Annotated[
    Annotated[Globs, Tag("globs")] | Annotated[Neighbour, Tag("table")], Discriminator(_neighbour)
]

State = Literal[
    "none",
    "registered",
    "received",
    "not-received",
    "in-process",
    "supplement-requested",
    "payment-requested",
    "withdrawn",
    "stopped",
    "processed",
    "returned",
]


class EmitTable(BaseModel):
    """One fact to tell. Every other key is a field of the fact: a constant or a template."""

    model_config = ConfigDict(frozen=True, extra="allow")

    fact: str
    next: Globs | None = None
    """For StepStarted: the step of the next event that is one of these and has a step. If none
    follows, this table's `step`, or the workflow's step after the one that ended last."""


class RuleTable(_Table):
    """The first rule whose conditions all hold says what an event means.

    "Earlier" and "later" are by time within the trace, in the file's order at equal times.
    """

    activity: str | Globs
    occurrence: Literal["first", "again", "last"] | None = None
    """Among the trace's events with an activity of this rule."""
    after: Globs = ()
    """Some earlier event is one of these."""
    not_after: Globs = ()
    """No earlier event is one of these."""
    before: Globs = ()
    """Some later event is one of these."""
    not_before: Globs = ()
    """No later event is one of these."""
    preceded_by: Neighbourhood | None = None
    followed_by: Neighbourhood | None = None
    state: tuple[State, ...] = ()
    """The dossier's public state, folded from the facts told so far, is one of these."""
    where: dict[str, str] = {}
    """Attributes of the event, and the glob that each must match."""
    emit: tuple[EmitTable, ...] = ()
    skip: str | None = Field(default=None, min_length=1)


class Mapping(_Table):
    """The whole file."""

    source: Annotated[XesSource | CsvSource, Field(discriminator="format")]
    filing: FilingTable
    promise: PromiseTable | None = None
    values: dict[str, ValueTable] = {}
    groups: dict[str, Globs] = {}
    steps: dict[str, Globs] = {}
    """By step of the workflow: the activities that belong to it."""
    rules: tuple[RuleTable, ...] = Field(min_length=1)


MAX_MAPPING = 1_048_576
"""The most bytes of a mapping that are read."""


def read_mapping(path: Path) -> tuple[Mapping, str]:
    """Return the mapping in the file, and the file's SHA-256. Raise MappingError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MAPPING + 1)
        if len(raw) > MAX_MAPPING:
            raise MappingError(f"{path}: more than {MAX_MAPPING} bytes; is it the mapping?")
        document = tomllib.loads(raw.decode())
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: not UTF-8: save it with that encoding") from error
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path}: not TOML: {error}") from error
    try:
        return Mapping.model_validate(document), sha256(raw).hexdigest()
    except ValidationError as error:
        faults = "; ".join(f"{key_of(fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise MappingError(f"{path}: {faults}") from error


def key_of(place: tuple[int | str, ...]) -> str:
    """Return a key as people write it: ``rules[3].emit[1].step``, with rules counted from 1."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part not in ("xes", "csv", "globs", "table"):
            text += f".{part}" if text else part
    return text or "file"
