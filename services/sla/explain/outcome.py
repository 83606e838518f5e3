"""The result of a ledger: the headline, and the conclusion of its explanation."""

from __future__ import annotations

from services.sla.clock.ledger import Ledger
from services.sla.explain.words import Words


def headline(shown: Ledger, words: Words) -> str:
    """Return the most important statement, in one line."""
    overdue, ended, left = shown.overdue, shown.ended_at, words.duration(max(0, shown.left_seconds))
    if overdue is not None:
        working = words.duration(overdue.working_seconds)
        since = words.moment(overdue.since)
        if ended is None:
            return words.say("headline-overdue", working=working, since=since)
        return words.say("headline-late", ended=words.moment(ended), working=working, since=since)
    if ended is not None:
        return words.say("headline-in-time", ended=words.moment(ended))
    if shown.due is None:
        reason = words.word(shown.segments[-1].reason).lower()
        return words.say("headline-stopped", reason=reason, left=left)
    return words.say("headline-due", due=words.moment(shown.due), left=left)


def conclusion(shown: Ledger, words: Words) -> str:
    """Return the conclusion, with the due time if there is one."""
    due, ended, overdue = shown.due, shown.ended_at, shown.overdue
    original, at = words.moment(shown.original_due), words.moment(shown.at)
    if overdue is not None:
        working = words.duration(overdue.working_seconds)
        days = words.counted("days", overdue.calendar_days)
        late = {"working": working, "days": days}
        if due is None:
            since = words.moment(overdue.since)
            return words.say("stopped-overdue", since=since, at=at, **late)
        if ended is None:
            return words.say("overdue", due=words.moment(due), at=at, **late)
        return words.say("ended-late", due=words.moment(due), ended=words.moment(ended), **late)
    if ended is not None:
        if due is None:
            return words.say("ended-standing", ended=words.moment(ended))
        return words.say("ended-in-time", due=words.moment(due), ended=words.moment(ended))
    if due is None:
        left = words.duration(shown.left_seconds)
        return words.say("stopped", left=left, original=original)
    if due == shown.original_due:
        return words.say("due-original", due=original)
    return words.say("due-moved", due=words.moment(due), original=original)
