"""What can be asked of figures over HTTP: a period, dimensions to divide by, and a format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from fastapi import Depends, Header, Query, Request, Response

from contracts.catalogue import Catalogue
from contracts.values import FilingChannel, Instant, ProcedureCode, ServiceLevel, UnitCode
from services.runtime import Answers, Document, Json, counts_for, invalid_field
from services.sla.figures.counting import NoSuchField, check_fields
from services.sla.figures.csv_table import csv_text
from services.sla.figures.figures import PATIENCE
from services.sla.figures.periods import NAMES, BadPeriod, Period, period
from services.sla.figures.tables import Dimension, Measure, Scope, scope


def _asked_period(
    period: Annotated[str | None, Query(description=f"{NAMES}; Vietnam's calendar.")] = None,
    since: Annotated[Instant | None, Query(description="Its begin, inclusive.")] = None,
    until: Annotated[Instant | None, Query(description="Its end, exclusive.")] = None,
) -> Period:
    if period is not None:
        if since is not None or until is not None:
            raise invalid_field("period", "name a period, or since and until, not both")
        return named_period(period)
    if since is None and until is None:
        raise invalid_field("period", f"write {NAMES}, or since and until")
    if since is None or until is None:
        missing = "since" if since is None else "until"
        raise invalid_field(missing, "a period has a begin and an end")
    if until <= since:
        raise invalid_field("until", "the period must end after it begins")
    return Period(since, until)


def named_period(name: str) -> Period:
    """Return the period of that name. Raise Problem 422, with the forms of names, if invalid."""
    try:
        return period(name)
    except BadPeriod as error:
        raise invalid_field("period", str(error)) from error


def _asked_scope(
    by: Annotated[list[Dimension] | None, Query(description="By what to divide.")] = None,
    unit: Annotated[list[UnitCode] | None, Query(description="Only these units.")] = None,
    field: Annotated[list[str] | None, Query(description="Only these fields.")] = None,
    procedure: Annotated[list[ProcedureCode] | None, Query(description="Only these.")] = None,
    channel: Annotated[list[FilingChannel] | None, Query(description="Only these.")] = None,
    level: Annotated[list[ServiceLevel] | None, Query(description="Only these.")] = None,
) -> Scope:
    return scope(by, unit=unit, field=field, procedure=procedure, channel=channel, level=level)


def wants_csv(
    format: Annotated[
        Literal["json", "csv"] | None, Query(description="Else what the header Accept prefers.")
    ] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> bool:
    if format is not None:
        return format == "csv"
    weights = {"text/csv": 0.0, "application/json": 0.0}
    for part in (accept or "").lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind in weights:
            weights[kind] = _weight(parameters)
    return weights["text/csv"] > weights["application/json"]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


AskedPeriod = Annotated[Period, Depends(_asked_period)]
AskedScope = Annotated[Scope, Depends(_asked_scope)]
WantsCsv = Annotated[bool, Depends(wants_csv)]
Measured = Annotated[str, Query(description="The number to open, by its name.")]
After = Annotated[str, Query(max_length=64, description="The last code of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000)]


def known_fields(scope: Scope, catalogue: Catalogue) -> None:
    """Raise Problem 422 if a field is asked for that no procedure has."""
    try:
        check_fields(scope, catalogue)
    except NoSuchField as error:
        raise invalid_field("field", str(error)) from error


def known_measure(name: str, measures: Mapping[str, Measure]) -> None:
    """Raise Problem 422, which lists the numbers, if the name is not one of them."""
    if name not in measures:
        raise invalid_field("measure", f"{name!r} is none of {', '.join(measures)}")


def file_name(period: Period) -> str:
    """Return the period as part of a file's name."""
    return period.name or f"{period.since:%Y%m%dT%H%MZ}-{period.until:%Y%m%dT%H%MZ}"


def answer(
    shown: Document, columns: Sequence[str], rows: Iterable[Document], name: str, *, csv: bool
) -> Response:
    """Return the document as JSON, or its rows as a CSV file of that name."""
    headers = {"Vary": "Accept"}
    if not csv:
        return Json(shown, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return Response(csv_text(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def page(
    rows: Sequence[Document],
    limit: int,
    columns: Sequence[str],
    request: Request,
    name: str,
    *,
    csv: bool,
    **pinned: str,
) -> Response:
    """Return a page of dossiers. If there is a next page, `rows` has one more row than `limit`.

    The next page's address is in the document, and for readers of CSV in the header Link; `pinned`
    are parameters that this address must have.
    """
    items = list(rows[:limit])
    following = None
    if len(rows) > limit:
        url = request.url.include_query_params(after=items[-1]["code"], **pinned)
        following = f"{url.path}?{url.query}"
    found = answer({"items": items, "next": following}, columns, items, name, csv=csv)
    if following is not None:
        found.headers["Link"] = f'<{following}>; rel="next"'
    return found


COUNTED = counts_for(PATIENCE)
"""For the routes that count: their queries may take longer than others."""
FORMATS: Answers = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
"""For the OpenAPI document: the format of figures besides JSON."""
