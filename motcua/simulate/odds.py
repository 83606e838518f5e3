"""The odds of the simulated city. Shares are of all dossiers unless a text says otherwise."""

from __future__ import annotations

from contracts.events.sla import ExemptionGround
from contracts.values import FilingChannel
from motcua.simulate.fates import Fate

NOT_SIMULATED = frozenset({"TP.001"})
"""Procedures that only dossiers of the past have."""

# -- what is asked for ---------------------------------------------------------------

FIELD_WEIGHTS = {
    # What people need every week, most of it decided on the spot.
    "certification": 34.0,
    "civil-status": 27.0,
    "residence": 14.0,
    # Slower matters, of which a city has many all the same.
    "land": 5.0,
    "business": 5.0,
    "social-protection": 3.0,
    "justice": 2.5,
    "transport": 2.0,
    "construction": 2.0,
    "labour": 1.5,
    "education": 1.0,
}
OTHER_FIELD_WEIGHT = 0.4
"""The weight of each field that is not named."""

CHANNEL_WEIGHTS = {
    # Among those that the procedure offers.
    FilingChannel.COUNTER: 60.0,
    FilingChannel.ONLINE: 34.0,
    FilingChannel.POSTAL: 6.0,
}

OWN_WARD, OTHER_WARD, SERVICE_CENTRE, COMPETENT_UNIT = 0.60, 0.25, 0.10, 0.05
"""Where a dossier is filed, and where its result is fetched: each is drawn separately."""

ENGLISH = 0.04
"""Citizens who want to be told in English."""

HAS_EMAIL = 0.90
"""Citizens who left an e-mail address."""

# -- when it comes in ----------------------------------------------------------------

BURST_SECONDS = 180
MORNING_BURST_RATE, AFTERNOON_BURST_RATE = 20.0, 10.0
"""How many times its daily mean the rate of arrivals is when the doors open."""
MORNING = 0.58
"""Of the arrivals outside the bursts, those before noon."""
MORNING_PEAK, AFTERNOON_PEAK = 0.40, 0.35
"""Where the peak lies within the half day."""
ONLINE_AT_HOME = 0.30
"""Of the online filings, those made at any hour of any day, most of them in the evening."""
EVENING_PEAK = 20 / 24

WORKING_DAYS_BEFORE = 15
"""How many working days back the carried-over dossiers were filed."""

# -- what becomes of it --------------------------------------------------------------

NOT_RECEIVED = 0.03
"""Of the online filings, those that an officer does not receive."""
RECEPTION_WORKING_SECONDS = 4 * 3600
"""An online filing is looked at within this working time, mostly much sooner."""

QUICK = 0.10
"""Dossiers that need less than the usual share of their budget."""
QUICK_SHARE = (0.05, 0.30)
USUAL_SHARE = (0.30, 0.90)
"""The share of the budget that a dossier needs."""
LATE_SHARE = (1.10, 1.60)
"""The same for a dossier that misses its first date; of both dates' time if it misses both."""
LATE_STAYS_OPEN = 0.5
"""Of the late dossiers, those whose result never comes."""
LATEST_SHARE = 0.95
"""A dossier that is not meant to be late is done by this share, whatever came between."""

DENIED = 0.04
SUPPLEMENT = 0.08
SUPPLEMENT_AGAIN = 0.05
"""Of the dossiers sent back for a supplement, those sent back once more than allowed."""
SUPPLEMENT_NEVER = 0.10
"""Of the supplements demanded, those that never come."""
SUPPLEMENT_WORKING_DAYS = (1, 5)
PAYMENT = {"land": 0.35, "business": 0.20, "construction": 0.15}
"""The share, by field, of dossiers for which a payment is demanded during handling."""
PAYMENT_ELSEWHERE = 0.01
PAYMENT_IN_TWO_PARTS = 0.30
PAYMENT_HOURS = (1, 60)
"""Hours that a part takes to come in, by day or night."""
PAID_TOO_MUCH = 0.03
"""Of the payments demanded, those for which too much comes in at first: that is refused."""
WITHDRAWN = 0.01
WITHDRAWN_BEFORE_RECEPTION = 0.20
"""Of the withdrawals, for online filings only."""
STOPPED = 0.005
RESUMED = 0.5
"""Of the stopped dossiers."""
STOPPED_WORKING_DAYS = (1, 5)
HANDED_OVER = 0.02
REASSIGNED = 0.01
CONSULTED = 0.05
"""Of the dossiers with three steps or more, those about which another unit is consulted."""
CONSULTED_WITHIN = 0.5
"""Of those consultations, those that say in how many working days the answer is wanted."""
CONSULTED_WITHIN_WORKING_DAYS = (1, 5)
NEVER_ANSWERED = 0.10
"""Of those consultations."""
TO_BE_REFUSED = 0.005
"""Dossiers about which a request is made that their state does not allow."""

# -- what the citizens of late dossiers are told -------------------------------------

EXTENDED_FOR_EACH_LATE = 1.0
"""The number of dossiers that keep a second date for each that is late."""
LATE_FATES = {
    # With those that keep their second date, 85 % of all that miss the first get a letter.
    Fate.EXTENDED_IN_VAIN: 25.0,
    Fate.TOLD_TOO_LATE: 33.0,
    Fate.TOLD_AFTERWARDS: 12.0,
    Fate.EXEMPT: 3.0,
    Fate.UNTOLD: 27.0,
}
LETTER_SHARE = (0.60, 1.0)
"""When a letter in time is written, as a share of the time up to the last moment for it."""
FORESEEN = 0.50
"""Of the letters in time, those before which the step's lead says that the date will be missed."""
FORESEEN_SHARE = (0.50, 0.95)
"""When the lead says so, as a share of the time up to the letter."""
LETTER_AFTERWARDS_WORKING_DAYS = (1, 4)
"""How long after a late result its letter is written."""
LETTER_AGAIN = 0.20
"""Of the late ones with a letter in time, those for which another one is asked: it is refused."""
LETTER_REFUSED = 0.20
"""Of the late ones without a letter, those for which an inadmissible one is asked."""
EXEMPTION_WEIGHTS = {
    ExemptionGround.FORCE_MAJEURE: 70.0,
    ExemptionGround.WITHHELD_INFORMATION: 25.0,
    ExemptionGround.STATE_SECRET: 5.0,
}

# -- when the result is fetched ------------------------------------------------------

NEVER_FETCHED = 0.08
"""Of the results."""
FETCHED_LATER = 0.10
FETCHED_WORKING_DAYS, FETCHED_LATER_WORKING_DAYS = 2, 6
"""Working days within which a result is fetched."""

# -- what is told twice --------------------------------------------------------------

DIRECTLY_BEHIND = 0.5
"""Of the duplicates, those that come straight after what they repeat."""
DUPLICATE_WITHIN = 50
"""The others come at most this many places later."""
HAS_PHONE = 0.9
"""Of the citizens, those who leave a telephone number."""
