"""What happened to a dossier's clock, in sentences, each with its moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby, pairwise

from services.shared.lifecycle import PublicStatus
from services.sla.clock.ledger import Ledger
from services.sla.clock.ledger_entries import IssuedLetter
from services.sla.clock.segments import Reason
from services.sla.clock.side_clocks import ConsultationTime
from services.sla.clock.terms import Terms
from services.sla.explain.words import Words

Event = tuple[datetime, Sequence[str]]
"""When something happened, and the sentences about it."""


def events(shown: Ledger, terms: Terms, words: Words) -> list[Event]:
    """Return everything that happened, in time order."""
    found = [
        *_pauses(shown, words),
        *_hand_overs(shown, terms, words),
        *((asked.asked_at, _consultation(asked, shown, words)) for asked in shown.consultations),
        *((each.at, _letter(each, shown, terms, words)) for each in shown.letters),
        *_other_events(shown, terms, words),
    ]
    return sorted(found, key=lambda event: event[0])


def office_hours(unit: str, terms: Terms, words: Words) -> str:
    """Return the sentence about a unit's week."""
    pattern = terms.calendars.pattern(terms.calendars.pattern_of(unit))
    return words.say("hours", unit=words.unit(unit), hours=words.hours(pattern))


def _pauses(shown: Ledger, words: Words) -> Iterator[Event]:
    for runs, group in groupby(shown.segments, key=lambda segment: segment.runs):
        if runs:
            continue
        pause = list(group)
        for (reason, unit), parts in groupby(pause, key=lambda part: (part.reason, part.unit)):
            same = list(parts)  # an authority consulted meanwhile does not cut it
            yield same[0].begin, [_pause(reason, unit, same[0].begin, same[-1].end, shown, words)]
        begin, end = pause[0].begin, pause[-1].end
        if end is not None and end != shown.ended_at:
            office = sum(part.office_seconds for part in pause)
            yield end, [_given_back(begin, end, office, shown, words)]


def _pause(
    reason: Reason, unit: str, begin: datetime, end: datetime | None, shown: Ledger, words: Words
) -> str:
    fields = {"begin": words.moment(begin), "unit": words.unit(unit)}
    if end is None:
        return words.say(f"pause-{reason}-lasts", **fields, at=words.moment(shown.at))
    return words.say(f"pause-{reason}", **fields, end=words.moment(end))


def _given_back(begin: datetime, end: datetime, office: int, shown: Ledger, words: Words) -> str:
    before, after = shown.due_before(end) or shown.original_due, shown.due_from(end)
    assert after is not None
    if shown.overdue is not None and shown.overdue.since <= begin:
        return words.say("given-nothing-late", after=words.moment(after))
    given = words.duration(office)
    if before == after:
        return words.say("given-nothing", office=given, after=words.moment(after))
    return words.say(
        "given-back", office=given, before=words.moment(before), after=words.moment(after)
    )


def _hand_overs(shown: Ledger, terms: Terms, words: Words) -> Iterator[Event]:
    for before, after in pairwise(shown.segments):
        if before.unit == after.unit:
            continue
        at = after.begin
        said = [words.say("handed-over", at=words.moment(at), unit=words.unit(after.unit))]
        if before.pattern != after.pattern:
            said.append(office_hours(after.unit, terms, words))
        was, now = shown.due_before(at), shown.due_from(at)
        # While the clock is stopped, or when it goes on at this moment, the pause's sentence tells.
        if before.runs and after.runs and was is not None and now is not None:
            if was == now and before.pattern != after.pattern and terms.fixes_a_day:
                said.append(words.say("handed-over-day"))
            elif was == now:
                said.append(words.say("handed-over-same"))
            else:
                fields = {"before": words.moment(was), "after": words.moment(now)}
                said.append(words.say("handed-over-moved", **fields))
        yield at, said


def _consultation(asked: ConsultationTime, shown: Ledger, words: Words) -> list[str]:
    authority = words.unit(asked.unit)
    due = words.moment(asked.due)
    opened = words.say("consulted", at=words.moment(asked.asked_at), authority=authority, due=due)
    if asked.answered_at is not None and asked.answered_at <= (shown.ended_at or shown.at):
        kind = "consulted-answered-late" if asked.late else "consulted-answered"
        answered = words.moment(asked.answered_at)
        return [opened, words.say(kind, authority=authority, answered=answered)]
    if shown.ended_at is not None:
        return [opened, words.say("consulted-never", authority=authority)]
    kind = "consulted-open-late" if asked.late else "consulted-open"
    return [opened, words.say(kind, authority=authority, at=words.moment(shown.at))]


def _letter(letter: IssuedLetter, shown: Ledger, terms: Terms, words: Words) -> list[str]:
    at, form = words.moment(letter.at), words.form(letter.form)
    in_time = words.say("letter-in-time" if letter.in_time else "letter-not-in-time")
    if letter.due is None:
        return [words.say("letter-without-date", at=at, form=form), in_time]
    previous, due = words.moment(letter.previous), words.moment(letter.due)
    said = [words.say("letter", at=at, form=form, previous=previous, due=due), in_time]
    if letter.moved:
        said.append(words.say("letter-extends", added=words.duration(letter.added_seconds)))
        before, after = shown.due_before(letter.at), shown.due_from(letter.at)
        if before is not None and after is not None:
            fields = {"before": words.moment(before), "after": words.moment(after)}
            said.append(words.say("letter-moves", **fields))
        return said
    most = terms.book.apology.max_extensions
    moved = sum(each.moved for each in shown.letters if each.at <= letter.at)
    if shown.overdue is not None and shown.overdue.since < letter.at:
        said.append(words.say("letter-too-late"))
    elif moved >= most:
        said.append(words.say("letter-once", most=words.counted("times", most)))
    else:
        said.append(words.say("letter-no-move"))
    return said


def _other_events(shown: Ledger, terms: Terms, words: Words) -> Iterator[Event]:
    if (foreseen := shown.foreseen) is not None:
        at = words.moment(foreseen.at)
        yield foreseen.at, [words.say("foreseen", at=at, reason=foreseen.reason)]
    if (exemption := shown.exemption) is not None:
        at, ground = words.moment(exemption.at), words.word(exemption.ground)
        yield exemption.at, [words.say("exempt", at=at, ground=ground, reason=exemption.reason)]
    if (repeated := shown.repeated_at) is not None:
        times = words.counted("times", shown.supplements)
        allowed = words.counted("times", terms.book.supplement.allowed)
        at = words.moment(repeated)
        yield repeated, [words.say("repeated", at=at, times=times, allowed=allowed)]
    for step in shown.steps:
        if step.late and step.due is not None and step.budget_seconds is not None:
            title, budget = words.step(shown.workflow, step.step), step.budget_seconds
            due = words.moment(step.due)
            said = words.say("step-late", step=title, budget=words.duration(budget), due=due)
            yield step.due, [said]
    if (ended := shown.ended_at) is not None:
        kind = "withdrawn" if shown.ended is PublicStatus.WITHDRAWN else "processed"
        yield ended, [words.say(kind, at=words.moment(ended))]
