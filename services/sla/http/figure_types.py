"""The types of the figures over HTTP, for the OpenAPI document; `figures_view` fills them.

A test checks that the numbers and rates named here are those that are counted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from services.runtime import described
from services.sla.figures.tables import Dimension


@described
class Divided(TypedDict):
    """What a row is about: the dimensions that were asked for; in a total, none of them."""

    unit: NotRequired[str]
    unit_name: NotRequired[str | None]
    """In Vietnamese; null for a unit that the catalogue lacks."""
    field: NotRequired[str]
    procedure: NotRequired[str]
    procedure_name: NotRequired[str | None]
    """In Vietnamese; null for a procedure that the catalogue lacks."""
    channel: NotRequired[str]
    level: NotRequired[str]


@described
class Numbers(Divided):
    """Numbers of dossiers. Carried over + received = resolved + open."""

    carried_over: int
    received: int
    resolved: int
    resolved_late: int
    resolved_repeated: int
    """Resolved in time, with more supplements demanded than allowed."""
    kept_second_date: int
    """Resolved after the first date and by the second."""
    withdrawn: int
    """By their citizens; they count as resolved."""
    open: int
    open_late: int
    open_repeated: int
    """Open and in time, with more supplements demanded than allowed."""
    extended: int
    """With a second date."""
    late_with_letter: int
    letter_in_time: int
    """Late, and the letter came at least the notice before the due time. Like `letter_late`, 0 in
    a period that was frozen before they were counted."""
    letter_late: int
    """Late, and the letter came after that."""
    late_without_letter: int
    """Late, and no letter has come at all."""
    exempt: int
    """Exempt from a letter of apology."""
    unjudged: int
    """Resolved or open, and nobody can say whether in time: they count neither as on time nor as
    late. 0 in a period that was frozen before they were counted."""
    resolved_unjudged: int
    open_unjudged: int
    taken_back: int
    """In time by a late entry alone: when they were due, nothing said so."""
    resolved_taken_back: int
    taken_back_unrepeated: int
    """Those of them of which no supplement was demanded too often."""
    entered_late: int
    """With anything of the period that was entered more than a minute after it happened; below, by
    the longest delay in working days. 0 in a period that was frozen before it was counted."""
    entered_late_0_1: int
    entered_late_1_2: int
    entered_late_2_5: int
    entered_late_5_10: int
    entered_late_10_up: int


@described
class Rated(Numbers):
    """Numbers of dossiers and their rates, in percent with two decimals.

    Unjudged dossiers are left out of every rate. A rate is null where there is nothing to count.
    """

    on_time_of_resolved: str | None
    """Resolved in time, of all that were resolved."""
    on_time_decision_766: str | None
    """Resolved or still in time, of all resolved or open: Decision 766/QĐ-TTg of 2022."""
    on_time_of_all_to_process: str | None
    """Resolved in time, of all that were carried over or received."""
    on_time_of_resolved_by_entry: str | None
    """The same three by time of entry: what was overdue until something was entered late stays
    so."""
    on_time_decision_766_by_entry: str | None
    on_time_of_all_to_process_by_entry: str | None
    taken_back_share: str | None
    """Of all breaches that stood at their due time, those that late entries took back."""


@described
class Figures(TypedDict):
    """The current figures of a period."""

    period: str | None
    """Its name; null if it was given by start and end."""
    since: datetime
    until: datetime
    as_of: datetime
    """The period's end, or now if that is earlier: lateness is judged as of then."""
    extended: Literal["on-time", "late"]
    """How a dossier counts that missed its first date and kept the second."""
    by: list[Dimension]
    rows: list[Rated]
    total: Rated


@described
class Frozen(TypedDict):
    """A period whose figures are frozen."""

    period: str
    since: datetime
    until: datetime
    frozen_at: datetime
    rules: str
    """The version of the rules by which they were counted."""
    extended: Literal["on-time", "late"]
    """How they count a dossier that missed its first date and kept the second."""


@described
class FrozenFigures(Frozen):
    """The figures of a period as they were frozen."""

    by: list[Dimension]
    rows: list[Rated]
    total: Rated


@described
class FrozenTotal(Rated):
    """A frozen period with its total."""

    period: str
    since: datetime
    until: datetime
    frozen_at: datetime
    rules: str
    """The version of the rules by which they were counted."""


@described
class FrozenPeriods(TypedDict):
    """The periods whose figures are frozen, the oldest first."""

    items: list[FrozenTotal]


@described
class Differences(Frozen):
    """By how much each number has changed since it was frozen."""

    by: list[Dimension]
    rows: list[Numbers]
    """The rows in which any number changed."""
    total: Numbers


@described
class Ages(Divided):
    """Open dossiers by age, and by how long they have been overdue, in whole working days.

    Open = in time + overdue + unjudged.
    """

    open: int
    age_0_1: int
    age_2_5: int
    age_6_10: int
    age_11_20: int
    age_21_40: int
    age_41_up: int
    in_time: int
    overdue_0_1: int
    overdue_2_5: int
    overdue_6_10: int
    overdue_11_20: int
    overdue_21_40: int
    overdue_41_up: int
    unjudged: int
    """Nobody can say whether they are in time."""
    unrouted: int
    """No competent unit was found: the unit that received them holds them."""


@described
class Backlog(TypedDict):
    """What is open at a moment."""

    at: datetime
    by: list[Dimension]
    rows: list[Ages]
    total: Ages


@described
class CountedDossier(TypedDict):
    """A dossier behind a number. Its times are as they were at the period's end."""

    code: str
    unit: str
    unit_name: str | None
    field: str
    procedure: str
    procedure_name: str | None
    channel: str
    level: str
    received_at: datetime
    ended_at: datetime | None
    late_since: datetime | None
    counts: list[str]
    """All the numbers that it counts in, by name."""


@described
class DossierPage(TypedDict):
    """The dossiers behind a number, in the order of their codes."""

    items: list[CountedDossier]
    next: str | None
    """The address of the next page; null on the last."""


@described
class DossierChange(TypedDict):
    """A dossier that a number has gained or lost since it was frozen."""

    code: str
    change: Literal[1, -1]


@described
class ChangedPage(TypedDict):
    """The dossiers that a number has gained or lost, in the order of their codes."""

    items: list[DossierChange]
    next: str | None
    """The address of the next page; null on the last."""
