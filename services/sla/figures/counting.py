"""What a dossier counts as in a period, as MongoDB expressions: the only place that says so.

All of it follows from facts whose time is before the period's end. So the figures of a period that
is over change only by what is entered late, and not by later events: a dossier that was handed over
in August is in July's figures at the unit that had it at the end of July. One thing is made good
afterwards: a letter (or an exemption) about a dossier that had ended by the period's end counts
there, whenever it was signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from contracts.catalogue import Catalogue
from services.runtime import Document
from services.shared.lifecycle import PublicStatus
from services.shared.working_time import WORKING_DAY
from services.sla.deciding.rules import Rules
from services.sla.figures.periods import Period
from services.sla.figures.tables import UNKNOWN, Dimension, Measure, Scope

_TAKEN_BACK = {"late": False, "unjudged": False, "taken_back": True}
_DELAYS = (("0_1", "0-1"), ("1_2", "1-2"), ("2_5", "2-5"), ("5_10", "5-10"), ("10_up", "> 10"))
"""The delays of entry: more than the first number of working days, and up to the second."""
_UP_TO = (1, 2, 5, 10)

MEASURES: Mapping[str, Measure] = {
    "carried_over": Measure("Kỳ trước chuyển qua", "Carried over", {"carried": True}),
    "received": Measure("Tiếp nhận trong kỳ", "Received", {"carried": False}),
    "resolved": Measure("Đã giải quyết", "Resolved", {"ended": True}),
    "resolved_late": Measure("Giải quyết quá hạn", "Resolved late", {"ended": True, "late": True}),
    "resolved_repeated": Measure(
        "Giải quyết đúng hạn, yêu cầu bổ sung quá số lần",
        "Resolved in time, sent back too often",
        {"ended": True, "late": False, "repeated": True},
    ),
    "kept_second_date": Measure(
        "Quá hạn đầu, đúng hạn hẹn lại",
        "Resolved by the second date alone",
        {"ended": True, "second": True},
    ),
    "withdrawn": Measure("Công dân rút hồ sơ", "Withdrawn", {"ended": True, "withdrawn": True}),
    "open": Measure("Đang giải quyết", "Open", {"ended": False}),
    "open_late": Measure(
        "Đang giải quyết, quá hạn", "Open and late", {"ended": False, "late": True}
    ),
    "open_repeated": Measure(
        "Đang giải quyết trong hạn, yêu cầu bổ sung quá số lần",
        "Open in time, sent back too often",
        {"ended": False, "late": False, "repeated": True},
    ),
    "extended": Measure("Có hẹn lại ngày trả", "With a second date", {"extended": True}),
    "late_with_letter": Measure(
        "Quá hạn, có thư xin lỗi", "Late, with a letter", {"late": True, "letter": True}
    ),
    "letter_in_time": Measure(
        "Quá hạn, thư xin lỗi đúng thời hạn",
        "Late, with a letter in time",
        {"late": True, "letter_in_time": True},
    ),
    "letter_late": Measure(
        "Quá hạn, thư xin lỗi chậm",
        "Late, with a letter that came late",
        {"late": True, "letter_late": True},
    ),
    "late_without_letter": Measure(
        "Quá hạn, chưa có thư xin lỗi",
        "Late, without a letter",
        {"late": True, "letter": False, "exempt": False},
    ),
    "exempt": Measure("Được miễn thư xin lỗi", "Exempt from a letter", {"exempt": True}),
    "unjudged": Measure("Chưa đủ căn cứ đánh giá", "Unjudged", {"unjudged": True}),
    "resolved_unjudged": Measure(
        "Đã giải quyết, chưa đủ căn cứ đánh giá",
        "Resolved, unjudged",
        {"ended": True, "unjudged": True},
    ),
    "open_unjudged": Measure(
        "Đang giải quyết, chưa đủ căn cứ đánh giá",
        "Open, unjudged",
        {"ended": False, "unjudged": True},
    ),
    "taken_back": Measure(
        "Đã rút lại quá hạn do nhập muộn", "Breach taken back by a late entry", {**_TAKEN_BACK}
    ),
    "resolved_taken_back": Measure(
        "Đã giải quyết, rút lại quá hạn do nhập muộn",
        "Resolved, breach taken back",
        {**_TAKEN_BACK, "ended": True},
    ),
    "taken_back_unrepeated": Measure(
        "Rút lại quá hạn do nhập muộn, không yêu cầu bổ sung quá số lần",
        "Breach taken back, not sent back too often",
        {**_TAKEN_BACK, "repeated": False},
    ),
    "entered_late": Measure("Có nội dung nhập muộn", "Entered late", {"entered_late": True}),
    **{
        f"entered_late_{name}": Measure(
            f"Nhập muộn {days} ngày làm việc", f"Entered {days} working days late", {"delay": place}
        )
        for place, (name, days) in enumerate(_DELAYS, start=1)
    },
}
"""Every number, by name.

For the dossiers of a period, carried over + received = resolved + open. Withdrawn ones count as
resolved. A late dossier has a letter in time or late, or has none, or is exempt from one. An
unjudged dossier is neither late nor on time.

Breach taken back: it was overdue by all that had been entered at the due time, and counts as in
time because of what was entered afterwards. Entered late: with its longest delay, however much was
entered late about it; by delay, they add up.
"""

TRAITS = (
    "carried", "ended", "late", "repeated", "second", "withdrawn", "extended", "letter",
    "letter_in_time", "letter_late", "exempt", "unjudged", "taken_back", "entered_late", "delay",
)  # fmt: skip
"""What a dossier counts as in a period; each is true or false, but for the delay: its place among
the delays from 1, or null."""

UNJUDGED: Document = {"$eq": [{"$ifNull": ["$state.assessment", None]}, None]}
"""Whether a received dossier is unjudged: it has no assessment (see `Sla.unjudged`). Then nothing
is known of any of its moments, so it is unjudged in every period."""


UNROUTED: Document = {
    "$eq": [{"$arrayElemAt": [{"$arrayElemAt": ["$state.handlers", -1]}, 2]}, ""],
}
"""Whether no unit is competent for a dossier and nobody has handed it over yet: its last `Handler`
has no unit."""


@dataclass(frozen=True)
class PeriodCount:
    """A period, and how it is read."""

    period: Period
    as_of: datetime
    """The period's end, or now if that is earlier: what will be late is not late yet."""
    extended: Literal["on-time", "late"]
    """How to count a dossier that missed its first date and kept the second."""
    fields: Mapping[str, str]
    """The field of each procedure."""

    def selection(self, partition: int) -> Document:
        """Return the query for the partition's dossiers of the period: received before its end, and
        not resolved before its start."""
        return {
            "p": partition,
            # In this form, open dossiers and those that ended later are two ranges of one index.
            "state.span.ended_at": {"$not": {"$lt": self.period.since}},
            "state.span.received_at": {"$lt": self.period.until},
        }

    def dimensions(self) -> dict[str, Any]:
        """Return the expression of each dimension over a state."""
        handlers = {
            "$filter": {
                "input": "$state.handlers",
                "cond": {"$lt": [{"$first": "$$this"}, self.period.until]},
            }
        }
        handling = {"$ifNull": [{"$arrayElemAt": [{"$last": handlers}, 2]}, ""]}
        procedures, fields = list(self.fields), list(self.fields.values())
        return {
            # Where no unit is competent, the receiving unit has it.
            Dimension.UNIT.value: {
                "$cond": [{"$eq": [handling, ""]}, "$state.receiving_unit", handling]
            },
            Dimension.FIELD.value: {
                "$arrayElemAt": [
                    [*fields, UNKNOWN],
                    # -1 if it is not found: the last element.
                    {"$indexOfArray": [procedures, "$state.procedure"]},
                ]
            },
            Dimension.PROCEDURE.value: "$state.procedure",
            Dimension.CHANNEL.value: "$state.channel",
            Dimension.LEVEL.value: "$state.level",
        }

    def traits(self) -> dict[str, Any]:
        """Return the expression of each trait over a state."""
        before_end = self._before_end
        letter, letter_by = {"$first": {"$first": "$state.letters"}}, "$state.assessment.letter_by"
        # Null while the clock is stopped, if it had not come before.
        late_letter = {"$gt": [letter, {"$ifNull": [letter_by, letter]}]}
        return {
            "carried": {"$lt": ["$state.span.received_at", self.period.since]},
            "ended": before_end("$state.span.ended_at"),
            "late": self._late(),
            "repeated": before_end("$state.assessment.repeated_at"),
            "second": {
                "$and": [
                    before_end("$state.assessment.first_breach_at"),
                    {"$not": [before_end("$state.assessment.breach_at")]},
                ]
            },
            "withdrawn": {"$eq": ["$state.span.ended", PublicStatus.WITHDRAWN.value]},
            "extended": before_end("$state.assessment.extended_at"),
            "letter": self._made_good(letter),
            "letter_in_time": {"$and": [self._made_good(letter), {"$not": [late_letter]}]},
            "letter_late": {"$and": [self._made_good(letter), late_letter]},
            "exempt": self._made_good({"$first": "$state.exemption"}),
            "unjudged": UNJUDGED,
            "taken_back": before_end("$state.breach_taken_back"),
            "entered_late": {"$ne": [self._entered(), []]},
            "delay": self._delay(),
        }

    def _entered(self) -> Document:
        """What happened in the period and was entered late."""
        happened = {"$first": "$$this"}
        return {
            "$filter": {
                "input": {"$ifNull": ["$state.entered_late", []]},
                "cond": {
                    "$and": [
                        {"$gte": [happened, self.period.since]},
                        {"$lt": [happened, self.period.until]},
                    ]
                },
            }
        }

    def _delay(self) -> Document:
        longest = {"$max": {"$map": {"input": self._entered(), "in": {"$last": "$$this"}}}}
        more = [{"$cond": [{"$gt": ["$$longest", days * WORKING_DAY]}, 1, 0]} for days in _UP_TO]
        return {
            "$let": {
                "vars": {"longest": longest},
                "in": {"$cond": [{"$eq": ["$$longest", None]}, None, {"$add": [1, *more]}]},
            }
        }

    def times(self) -> dict[str, Any]:
        """Return the expressions of the times shown, as they were at the period's end."""
        ended = "$state.span.ended_at"
        return {
            "received_at": "$state.span.received_at",
            "ended_at": {"$cond": [self._before_end(ended), ended, None]},
            "late_since": {"$cond": [self._late(), self._missed, None]},
        }

    @property
    def _missed(self) -> str:
        first = "first_" if self.extended == "late" else ""
        return f"$state.assessment.{first}breach_at"

    def _late(self) -> Document:
        until = self.period.until
        if self.as_of == until:
            return self._before_end(self._missed)
        # An open dossier that will miss its date has not missed it yet.
        limit = {"$cond": [self._before_end("$state.span.ended_at"), until, self.as_of]}
        return {"$lt": [{"$ifNull": [self._missed, until]}, limit]}

    def _made_good(self, moment: Any) -> Document:
        """Return whether it came before the period's end, or at any time for a dossier that ended
        by then: a letter that is missing can be written afterwards, and no later period has it."""
        ended = self._before_end("$state.span.ended_at")
        there = {"$ne": [{"$ifNull": [moment, None]}, None]}
        return {"$or": [self._before_end(moment), {"$and": [ended, there]}]}

    def _before_end(self, moment: Any) -> Document:
        until = self.period.until
        return {"$lt": [{"$ifNull": [moment, until]}, until]}


def period_count(period: Period, now: datetime, rules: Rules) -> PeriodCount:
    """Return a period, read by the rules in force. In a moment as a period nothing happens."""
    until = min(period.until, now)
    return PeriodCount(period, until, rules.book.figures.extended, fields_of(rules.catalogue))


def fields_of(catalogue: Catalogue) -> dict[str, str]:
    """Return the field of each procedure."""
    return {code: procedure.field for code, procedure in catalogue.procedures.items()}


class NoSuchField(ValueError):
    """No procedure has the field that is asked for. The text names the fields that exist."""


def check_fields(scope: Scope, catalogue: Catalogue) -> None:
    """Raise NoSuchField for an unknown field, which may be a slip, instead of finding nothing."""
    known = {*fields_of(catalogue).values(), UNKNOWN}
    for name in scope.only.get(Dimension.FIELD, ()):
        if name not in known:
            raise NoSuchField(f"no procedure is of {name!r}, but of {', '.join(sorted(known))}")
