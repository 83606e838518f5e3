"""The messages that can be told, by the names of their templates."""

from __future__ import annotations

from enum import StrEnum


class Template(StrEnum):
    """A message that can be planned. On the log and in states only its name stands.

    A name that an older release planned and that is none of these stands there for ever, and is
    still read.
    """

    REGISTERED = "registered"
    RECEIVED = "received"
    NOT_RECEIVED = "not-received"
    IN_PROCESS = "in-process"
    SUPPLEMENT_DEMANDED = "supplement-demanded"
    SUPPLEMENT_DELIVERED = "supplement-delivered"
    PAYMENT_DEMANDED = "payment-demanded"
    PAYMENT_RECEIVED = "payment-received"
    STOPPED = "stopped"
    RESUMED = "resumed"
    NEW_DATE = "new-date"
    SOON_DUE = "soon-due"
    OVERDUE = "overdue"
    APOLOGY = "apology"
    RETRACTED = "retracted"
    PROCESSED = "processed"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    DIGEST = "digest"
    RATING = "rating"
    HEAD_OVERDUE = "head-overdue"
    HEAD_RETRACTED = "head-retracted"
    HEAD_DIGEST = "head-digest"
    OFFICER_OVERDUE = "officer-overdue"
    OFFICER_RETRACTED = "officer-retracted"
    OFFICER_DIGEST = "officer-digest"
    CONTACT_CODE = "contact-code"
    CONTACT_ASKED = "contact-asked"
    CONTACT_CHANGED = "contact-changed"


FOR_OFFICERS = frozenset(
    {
        Template.HEAD_OVERDUE,
        Template.HEAD_RETRACTED,
        Template.HEAD_DIGEST,
        Template.OFFICER_OVERDUE,
        Template.OFFICER_RETRACTED,
        Template.OFFICER_DIGEST,
    }
)
"""Templates for heads and officers; no citizen gets them."""

OF_A_CHANGE = frozenset({Template.CONTACT_CODE, Template.CONTACT_ASKED, Template.CONTACT_CHANGED})
"""Templates about a change of somebody's own contact data; citizens and officers get them."""

OF_NO_DOSSIER = FOR_OFFICERS | OF_A_CHANGE
"""Templates without a link to a dossier's page."""
