"""What is entered late is told all the same, and not in the middle of the night."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from contracts.events import notify
from contracts.model import EventData
from services.notify.dossier.policy import LEGAL, PASSING, ROUTINE
from services.notify.quiet_hours import QuietHours
from tests.support.mornings import Morning, planned
from tests.support.notify_dossiers import (
    DEMANDED,
    DUE,
    MOVED,
    OVER,
    OWED,
    PROCESSED,
    RESUMED,
    SOON,
    STOPPED,
    WITHDRAWN,
    Dossier,
    retracted,
)
from tests.support.times import at

NIGHT = QuietHours(time(21), time(7))


def hours(message: notify.MessagePlanned) -> tuple[str | None, str | None]:
    return message.quiet_from, message.quiet_until


class TestTheHoursInWhichNothingIsSent:
    def test_are_the_citys_if_the_citizen_has_none_of_their_own(self) -> None:
        dossier = Dossier(quiet=NIGHT)
        dossier.hear(STOPPED, at(8, "16:00"))
        (message,) = dossier.planned("stopped")
        assert message.send_at is None  # it was day when it happened
        assert hours(message) == ("21:00", "07:00")

    def test_are_the_citizens_own(self) -> None:
        dossier = Dossier(quiet=NIGHT)
        dossier.hear(notify.PreferencesSet(quiet_from="12:30", quiet_until="08:00"), at(8))
        dossier.hear(STOPPED, at(8, "09:00"))
        assert [hours(m) for m in dossier.planned("stopped")] == [("12:30", "08:00")]

    @pytest.mark.parametrize(
        "half",
        [
            notify.PreferencesSet(quiet_from="07:00"),
            notify.PreferencesSet(quiet_from="06:00"),
            notify.PreferencesSet(quiet_until="21:00"),
        ],
        ids=str,
    )
    def test_are_the_citys_if_the_citizen_has_half_of_them(
        self, half: notify.PreferencesSet
    ) -> None:
        dossier = Dossier(quiet=NIGHT)
        dossier.hear(half, at(8))
        dossier.hear(STOPPED, at(9, "02:00"))
        (message,) = dossier.planned("stopped")
        assert message.send_at == at(9, "07:00")
        assert hours(message) == ("21:00", "07:00")

    def test_are_none_where_they_begin_as_they_end(self) -> None:
        dossier = Dossier(quiet=NIGHT)
        dossier.hear(notify.PreferencesSet(quiet_from="09:00", quiet_until="09:00"), at(8))
        dossier.hear(STOPPED, at(8, "23:00"))
        assert [hours(m) for m in dossier.planned("stopped")] == [(None, None)]

    def test_do_not_hold_an_urgent_demand(self) -> None:
        dossier = Dossier(quiet=NIGHT)
        soon = DEMANDED.model_copy(update={"until": at(8, "20:00")})
        dossier.hear(soon, at(8, "06:00"))
        (message,) = dossier.planned("supplement-demanded")
        assert (message.send_at, *hours(message)) == (None, None, None)

    def test_hold_digests_and_what_waited_to_be_told_alone(self) -> None:
        dossier = Dossier(quiet=NIGHT, often=1)
        dossier.hear(STOPPED, at(7, "09:00"))
        dossier.hear(RESUMED, at(7, "09:30"))
        dossier.tick(at(7, "20:00"))
        dossier.hear(SOON, at(7, "20:00"))
        dossier.tick(at(8, "20:00"))
        late = dossier.planned("digest", "soon-due")
        assert [(m.template, *hours(m)) for m in late] == [
            ("digest", "21:00", "07:00"),
            ("soon-due", "21:00", "07:00"),
        ]

    def test_hold_what_waited_for_a_digest_if_the_citizen_chose_them_meanwhile(self) -> None:
        dossier = Dossier(often=1)  # in process is gathered until noon
        quiet = notify.PreferencesSet(quiet_from="11:00", quiet_until="15:00")
        dossier.hear(quiet, at(7, "09:00"))
        dossier.tick(at(7, "20:00"))
        (message,) = dossier.planned("in-process")
        assert message.send_at == at(7, "15:00")
        assert hours(message) == ("11:00", "15:00")

    def test_do_not_hold_what_heads_are_told(self) -> None:
        morning = Morning(quiet=NIGHT)
        morning.alerted("a", alert="DossierOverdue")
        morning.tick(at(7, "17:00"))
        assert [hours(planned(e.data)) for e in morning.said] == [(None, None)]


class TestWhatIsEnteredAWeekLate:
    @pytest.mark.parametrize(
        "fact",
        [DEMANDED, OWED, STOPPED, MOVED, OVER, PROCESSED, WITHDRAWN],
        ids=lambda fact: fact.NAME,
    )
    def test_is_told_if_it_is_true_for_good(self, fact: EventData) -> None:
        dossier = Dossier()
        already = len(dossier.planned())
        dossier.hear(fact, at(12))
        told = dossier.planned()[already:]
        assert told
        assert all(m.expires_at == at(12) + timedelta(days=30) for m in told)

    @pytest.mark.parametrize("alert", [SOON, OVER])
    def test_is_told_if_it_takes_back_what_was_told(self, alert: EventData) -> None:
        dossier = Dossier()
        warning = dossier.hear(alert, DUE)
        # A retraction has the time of the fact that shows it.
        dossier.hear(retracted(warning), at(11))
        late = dossier.planned("retracted")
        assert late
        assert all(m.expires_at == at(11) + timedelta(days=30) for m in late)

    def test_is_not_told_if_it_has_passed(self) -> None:
        dossier = Dossier()
        dossier.hear(SOON, at(8))
        expires = {m.template: m.expires_at for m in dossier.planned("in-process", "soon-due")}
        started = at(7) + timedelta(seconds=3)
        assert expires == {
            "in-process": started + timedelta(days=3),
            "soon-due": at(8) + timedelta(days=3),
        }

    def test_is_told_in_a_digest_that_lasts_as_long_as_what_lasts_longest_in_it(self) -> None:
        dossier = Dossier(often=1)  # in process is gathered until noon
        noon = at(7, "12:00") + timedelta(seconds=3)
        dossier.hear(STOPPED, at(7, "09:00"))
        dossier.hear(RESUMED, at(7, "09:30"))
        dossier.tick(at(20))
        (digest,) = dossier.planned("digest")
        assert digest.expires_at == noon + timedelta(days=30)


def test_what_passes_and_what_the_law_demands_are_never_the_same() -> None:
    assert not PASSING & LEGAL


def test_nothing_that_can_wait_for_a_digest_must_be_told() -> None:
    # Who opts out before a digest goes out is told nothing of what it would have told.
    assert not ROUTINE & LEGAL
