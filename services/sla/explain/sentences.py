"""Why a dossier is due when it is: the ledger in sentences, each following from those before.

Written for a citizen's lawyer to read: every segment, day off and rule that affected the due time,
in the order in which it did. The last sentence is the conclusion.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise

from contracts.catalogue import Catalogue, FormKind
from contracts.catalogue.load import VIETNAM
from contracts.events.sla import Budget, TimeUnit
from services.shared.working_time import last_day
from services.sla.clock.ledger import Ledger
from services.sla.clock.terms import Terms
from services.sla.dossier.state import LetterStanding
from services.sla.explain.days import days_that_count
from services.sla.explain.events import events, office_hours
from services.sla.explain.outcome import conclusion
from services.sla.explain.words import Words


def explain(
    code: str, shown: Ledger, terms: Terms, catalogue: Catalogue, words: Words
) -> list[str]:
    """Return the sentences. `terms` must be those by which the ledger was computed."""
    return [
        *_standard_time(code, shown, terms, catalogue, words),
        *(sentence for _, said in events(shown, terms, words) for sentence in said),
        *_reckoning(shown, terms, words),
        *_retractions(shown, words),
        *_rules(shown, terms, catalogue, words),
        conclusion(shown, words),
    ]


def _standard_time(
    code: str, shown: Ledger, terms: Terms, catalogue: Catalogue, words: Words
) -> Iterator[str]:
    """Yield sentences from the reception to the original due time."""
    yield words.say(
        "reception",
        code=code,
        procedure=words.procedure(shown.procedure),
        procedure_code=shown.procedure,
        unit=words.unit(shown.receiving_unit),
        at=words.moment(shown.received_at),
    )
    unit = shown.segments[0].unit if shown.segments else shown.receiving_unit
    if unit != shown.receiving_unit:
        yield words.say("competent", unit=words.unit(unit))
    yield office_hours(unit, terms, words)
    first, last = shown.received_at, shown.original_due
    promise = terms.promise
    if isinstance(promise, datetime):
        yield words.say("promised-date", due=words.moment(promise))
        if terms.basis:
            yield words.say("promised-date-source", source=terms.basis)
        return
    budget = words.budget(promise)
    if shown.procedure not in catalogue.procedures and not terms.basis:
        yield words.say("standard-unknown", budget=budget)
    elif not terms.basis:
        yield words.say("standard-without-source", budget=budget)
    else:
        yield words.say("standard", budget=budget, source=terms.basis)
    calendar = terms.calendars.for_unit(unit)
    total = words.duration(calendar.measure(first, last))
    yield words.say(_reading(promise, terms), budget=budget, total=total)
    if promise.unit is TimeUnit.CALENDAR_DAYS:
        nominal = first.astimezone(VIETNAM).date() + timedelta(days=promise.amount)
        if (actual := last_day(last)) != nominal:
            yield words.say("last-day-off", last=words.day(nominal), next=words.day(actual))
    else:
        yield from days_that_count(calendar.explain_days(first, last), words)
    yield words.say("original", due=words.moment(last))


def _reading(budget: Budget, terms: Terms) -> str:
    default = terms.calendars.reading
    match budget.unit:
        case TimeUnit.WORKING_HOURS:
            return "reading-working-hours"
        case TimeUnit.WORKING_DAYS:
            return f"reading-{budget.reading or default.working_days}"
        case TimeUnit.CALENDAR_DAYS:
            return f"reading-calendar-{budget.reading or default.calendar_days_end}"


def _reckoning(shown: Ledger, terms: Terms, words: Words) -> Iterator[str]:
    """Yield sentences about days that led to another due time, and about the used budget."""
    if shown.due is not None:
        first, last = _reckoned_anew(shown), last_day(shown.due)
        if later := [day for day in shown.days if first <= day.date <= last]:
            yield from days_that_count(later, words)
    at = words.moment(shown.ended_at or shown.at)
    used, budget = words.duration(shown.used_seconds), words.duration(shown.budget_seconds)
    if shown.left_seconds < 0:
        over = words.duration(-shown.left_seconds)
        yield words.say("used-up", at=at, used=used, budget=budget, over=over)
    else:
        left = words.duration(shown.left_seconds)
        yield words.say("used", at=at, used=used, budget=budget, left=left)


def _reckoned_anew(shown: Ledger) -> date:
    """Return the day from which the days differ from those of the original due time."""
    first = last_day(shown.original_due) + timedelta(days=1)
    for before, after in pairwise(shown.segments):
        if before.pattern != after.pattern:
            return min(first, after.begin.astimezone(VIETNAM).date())
    return first


def _retractions(shown: Ledger, words: Words) -> Iterator[str]:
    standing = {(alert.kind, alert.at) for alert in shown.alerts if not alert.retracted}
    for alert in shown.alerts:
        if alert.retracted and (alert.kind, alert.at) not in standing:
            cause = alert.cause or "stands-again"
            fields = {"alert": words.word(alert.kind), "at": words.moment(alert.at)}
            yield words.say(f"retracted-{cause}", **fields)


def _rules(shown: Ledger, terms: Terms, catalogue: Catalogue, words: Words) -> Iterator[str]:
    kept = shown.ended_at is not None and shown.overdue is None
    if (by := shown.letter_by) is not None and not (kept or shown.letters or shown.exemption):
        yield _letter_by(by, shown, catalogue, words)
    version, calendar = terms.book.version, terms.calendars.version
    yield words.say("rule", rules=version, calendar=calendar)
    if shown.forecast and shown.due is not None:
        yield words.say("forecast", year=last_day(shown.due).year)
    if shown.rule is not None and shown.rule != shown.rule_applied:
        yield words.say("rule-differs", told=shown.rule, applied=shown.rule_applied)


def _letter_by(by: datetime, shown: Ledger, catalogue: Catalogue, words: Words) -> str:
    found = catalogue.form(FormKind.APOLOGY, by)
    assert found is not None
    circular, form = found
    name = words.form(f"{form.number}/{circular.id}")
    if shown.letter is LetterStanding.MISSING:
        fields = {"by": words.moment(by), "at": words.moment(shown.at)}
        return words.say("letter-missing", form=name, **fields)
    return words.say("letter-by", form=name, at=words.moment(by))
