"""What takes an alert back goes to whom, and by what, the alert was told; and to nobody else."""

from __future__ import annotations

from datetime import time

import msgspec
import pytest

from contracts.events import notify
from contracts.events.notify import MessageChannel, NotSentReason
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.dossier.state import Notify
from services.notify.quiet_hours import QuietHours
from tests.support.notify_dossiers import DUE, OVER, RESUMED, SOON, STOPPED, Dossier, retracted
from tests.support.times import at

TO_SMS = notify.PreferencesSet(channels=(MessageChannel.SMS,))
OPTED_OUT = notify.PreferencesSet(opted_out=True)


class TestTheCitizenWhoWasTold:
    @pytest.mark.parametrize("alert", [SOON, OVER])
    def test_is_told_which_message_is_taken_back_on_each_channel(self, alert: EventData) -> None:
        both = (MessageChannel.EMAIL, MessageChannel.ZALO)
        dossier = Dossier(channels=both)
        fact = dossier.hear(alert, at(8))
        dossier.hear(retracted(fact), at(9))
        notices = {m.channel: m.message_id for m in dossier.planned("soon-due", "overdue")}
        assert notices.keys() == set(both)
        assert {m.channel: m.takes_back for m in dossier.planned("retracted")} == notices
        assert {m.params["alert"] for m in dossier.planned("retracted")} == {alert.NAME}

    def test_is_told_on_the_channel_that_they_have_left_meanwhile(self) -> None:
        dossier = Dossier()
        over = dossier.hear(OVER, DUE)
        dossier.hear(TO_SMS, at(12, "12:00"))
        dossier.hear(retracted(over), at(13))
        assert [m.channel for m in dossier.planned("retracted")] == [MessageChannel.EMAIL]

    def test_is_told_though_they_want_to_be_left_alone_since(self) -> None:
        dossier = Dossier()
        over = dossier.hear(OVER, DUE)
        dossier.hear(OPTED_OUT, at(12, "12:00"))
        dossier.hear(retracted(over), at(13))
        assert len(dossier.planned("retracted")) == 1

    def test_is_told_though_an_older_systems_past_shows_that_it_was_wrong(self) -> None:
        dossier = Dossier()
        over = dossier.hear(OVER, DUE)
        dossier.hear(retracted(over), at(13), history=True)
        assert len(dossier.planned("retracted")) == 1

    def test_is_not_told_of_it_if_they_wanted_to_be_left_alone_before(self) -> None:
        dossier = Dossier()
        dossier.hear(OPTED_OUT, at(8))
        warning = dossier.hear(SOON, at(9))
        dossier.hear(retracted(warning), at(10))
        assert dossier.planned("soon-due", "retracted") == []

    def test_is_not_woken_by_it(self) -> None:
        dossier = Dossier(quiet=QuietHours(time(21), time(7)))
        over = dossier.hear(OVER, DUE)
        dossier.hear(retracted(over), at(13, "23:00"))
        (back,) = dossier.planned("retracted")
        assert back.send_at == at(14, "07:00")


class TestAWarningThatWaitsForADigest:
    """Since 08:00:03 on the 7th a message was told, so that all routine is gathered until noon."""

    def gathered(self, *more: EventData) -> tuple[Dossier, Event]:
        dossier = Dossier(often=1)
        warning = dossier.hear(SOON, at(7, "09:00"))
        for minute, fact in enumerate(more, start=30):
            dossier.hear(fact, at(7, f"09:{minute}"))
        return dossier, warning

    def test_is_not_told_if_it_proves_wrong_before(self) -> None:
        dossier, warning = self.gathered(STOPPED, RESUMED)
        waiting = {g.template: g.message_id for g in dossier.stored.state.gathered}
        dossier.hear(retracted(warning), at(7, "10:00"))
        (ended,) = dossier.not_sent()
        assert (ended.message_id, ended.reason) == (waiting["soon-due"], NotSentReason.TAKEN_BACK)
        dossier.tick(at(7, "20:00"))
        (digest,) = dossier.planned("digest")
        items = msgspec.json.decode(digest.params["items"])
        assert [item["template"] for item in items] == ["in-process", "resumed"]
        assert dossier.planned("retracted") == []

    def test_leaves_the_other_to_be_told_in_its_own_name(self) -> None:
        dossier, warning = self.gathered()
        dossier.hear(retracted(warning), at(7, "10:00"))
        dossier.tick(at(7, "20:00"))
        assert dossier.planned("digest") == []
        assert len(dossier.planned("in-process")) == 1

    def test_is_retracted_once_the_digest_has_told_of_it(self) -> None:
        dossier, warning = self.gathered()
        dossier.tick(at(7, "20:00"))
        (digest,) = dossier.planned("digest")
        assert "soon-due" in digest.params["items"]
        dossier.hear(TO_SMS, at(7, "21:00"))
        dossier.hear(retracted(warning), at(8))
        (back,) = dossier.planned("retracted")
        # The digest told other things too: it is not for this message to take it back.
        assert (back.channel, back.takes_back) == (MessageChannel.EMAIL, None)

    def test_is_retracted_once_it_was_told_alone(self) -> None:
        dossier = Dossier(often=2)
        dossier.hear(OVER, at(7, "08:30"))
        warning = dossier.hear(SOON, at(7, "09:00"))
        (waiting,) = dossier.stored.state.gathered
        dossier.tick(at(7, "20:00"))
        dossier.hear(retracted(warning), at(8))
        (back,) = dossier.planned("retracted")
        assert back.takes_back == waiting.message_id

    def test_of_which_only_the_rest_of_a_digest_was_told_is_not_retracted(self) -> None:
        dossier, warning = self.gathered(STOPPED, RESUMED)
        dossier.hear(retracted(warning), at(7, "10:00"))
        dossier.tick(at(7, "20:00"))
        other = msgspec.structs.replace(warning, id="another")
        dossier.hear(retracted(other), at(8))
        assert dossier.planned("retracted") == []


def test_what_notify_keeps_of_notices_is_read_back_as_it_was_written() -> None:
    dossier = Dossier()
    dossier.hear(OVER, DUE)
    state = dossier.stored.state
    assert {n.audience for n in state.notices} == {"citizen"}
    assert msgspec.convert(msgspec.to_builtins(state), Notify) == state
