"""A city in one process: every request has a method, and the field's words say what is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.events.notify import MessageChannel
from contracts.model import Kind, registered
from contracts.rules import RulesError
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.testing.city import City
from motcua.testing.local_time import moment, told
from motcua.testing.not_allowed import NotAllowed

At = Callable[[str], None]
MONDAY = "2024-03-04 08:00"
RESIDENCE = "1.004194"
"""Three working days."""


def test_a_pause_entered_late_takes_the_alert_back(city: City, at: At) -> None:
    d = city.file("1.013831", unit="H29.1", on=MONDAY)
    d.receive()
    at("2024-03-18 17:01")
    assert "DossierOverdue" in d.alerts
    d.stop("Tòa án đang thụ lý", when="2024-03-13 09:00")
    assert "DossierOverdue" not in d.alerts
    assert d.waits_for == "resumption"


def test_every_request_of_every_service_can_be_asked(city: City, at: At) -> None:
    d = city.file(RESIDENCE, unit="H29.15", on=MONDAY)
    d.prefer(MessageChannel.EMAIL)
    d.receive()
    d.demand_supplement("Ảnh")
    d.deliver_supplement()
    d.demand_payment(20_000)
    d.pay()
    d.consult("H29.3", days=1)
    d.answer("H29.3")
    d.hand_over("H29.1")
    d.reassign(city.unit("H29.1").officers[-1])
    d.foresee()
    d.apologise("2024-03-12 17:00")
    d.exempt()
    d.stop()
    d.resume()
    at("2024-03-05 08:00")
    d.approve_late_entry("StopRequested", MONDAY)
    d.finish()
    d.return_result()
    d.rate(5)
    city.file(RESIDENCE).reject()
    city.receive(RESIDENCE).withdraw()
    asked = {e.data.NAME for e in city.events if e.data.KIND is Kind.REQUEST}
    of_dossiers = {
        cls.NAME
        for cls in registered().values()
        if cls.KIND is Kind.REQUEST and cls.TOPIC == DOSSIER_EVENTS
    }
    assert asked == of_dossiers


def test_a_dossier_says_where_it_stands(city: City, at: At) -> None:
    d = city.file(RESIDENCE, unit="H29.15", on=MONDAY)
    assert (d.code, d.status, d.waits_for) == ("H29.15-240304-0001", "registered", "reception")
    assert (d.due, d.lead, d.messages) == (None, None, ["registered"])
    d.receive()
    assert (d.status, d.due) == ("in_process", "2024-03-07 08:00")
    assert d.lead in city.unit(d.unit).officers
    first = d.waits_for
    d.complete_step()
    assert d.waits_for not in (first, None)
    at("2024-03-05 08:00")
    d.demand_supplement()
    assert (d.waits_for, d.due) == ("supplement", None)
    d.deliver_supplement()
    d.demand_payment(5_000)
    assert d.waits_for == "payment"
    d.pay()
    at("2024-03-06 09:00")
    d.finish()
    assert (d.status, d.waits_for, d.late) == ("processed", "return", False)
    d.return_result()
    assert d.status == "returned"
    assert not d.waits_for
    assert repr(d) == "<dossier H29.15-240304-0001 at 2024-03-06 09:00: returned>"


def test_the_fee_that_was_not_paid_is_owed(city: City) -> None:
    paid = next(p for p in city.catalogue.procedures.values() if p.fee)
    d = city.receive(paid.code, fee=0, on=MONDAY)
    assert d.waits_for == "payment"
    d.pay(paid.fee - 1)
    assert d.waits_for == "payment"
    d.pay()
    assert d.status == "in_process"


def test_a_refusal_that_nobody_expected_says_what_was_refused_and_why(city: City) -> None:
    d = city.receive(RESIDENCE, on=MONDAY)
    with pytest.raises(
        NotAllowed,
        match=r"^H29\.1-240304-0001: ResumptionRequested of 2024-03-04 08:00 was refused, "
        "wrong-state: the dossier is in process",
    ):
        d.resume()
    assert d.refused == "wrong-state"
    d.stop()
    assert d.refused is None


def test_a_refusal_that_was_expected_and_did_not_come_is_a_failure(city: City) -> None:
    d = city.receive(RESIDENCE, on=MONDAY)
    assert d.tries(d.resume).reason == "wrong-state"
    with pytest.raises(AssertionError, match=r"^H29\.1-240304-0001: not refused at 2024"):
        d.tries(d.stop)


def test_what_is_dated_back_too_far_is_approved_by_the_head_unless_it_is_only_tried(
    city: City, at: At
) -> None:
    d = city.receive(RESIDENCE, on=MONDAY)
    at("2024-03-20 08:00")
    assert d.tries(d.stop, when="2024-03-05 08:00").reason == "entered-too-late"
    d.stop(when="2024-03-05 08:00")
    assert [e.data.NAME for e in d.events].count("LateEntryApproved") == 1
    d.resume(when="2024-03-19 16:00")  # within a working day: nobody is asked
    assert [e.data.NAME for e in d.events].count("LateEntryApproved") == 1


def test_time_goes_forward_only(city: City, at: At) -> None:
    d = city.receive(RESIDENCE, on=MONDAY)
    with pytest.raises(ValueError, match="it is 2024-03-04 08:00 already"):
        at("2024-03-04 07:59")
    with pytest.raises(ValueError, match="is to come"):
        d.stop(when="2024-03-04 08:01")


def test_rules_are_changed_by_their_text(city: City, at: At) -> None:
    before = city.receive(RESIDENCE, unit="H29.15", on=MONDAY)
    day_off = '[[days]]\ndate = 2024-03-06\nkind = "off"\nreason = "Nghỉ"\nsource = "Quyết định"\n'
    city.enact(("overrides.toml", day_off), since="2024-03-04 09:00")
    assert before.due == "2024-03-07 08:00"
    at("2024-03-04 09:01")
    assert before.due == "2024-03-08 08:00"
    assert day_off in city.rules["overrides.toml"]


def test_rules_that_cannot_be_changed_so_are_an_error(city: City) -> None:
    with pytest.raises(ValueError, match=r"units\.toml has 0 times, not once: no such text"):
        city.enact(("units.toml", "no such text", ""))
    with pytest.raises(RulesError, match=r"units\.toml"):
        city.enact(("units.toml", 'head = "cb-29-0003"', "head = 3"))
    with pytest.raises(ValueError, match=r"there is no unit\.toml: there are circulars\.toml, "):
        city.enact(("unit.toml", "a", "b"))
    with pytest.raises(RulesError, match="still have the version"):
        city.enact(("rules.toml", "notice_working_hours = 8", "notice_working_hours = 9"))


def test_a_field_that_no_filing_has_is_an_error(city: City) -> None:
    with pytest.raises(TypeError, match="a filing has no nationality"):
        city.file(RESIDENCE, nationality="VN")


def test_another_seed_makes_other_ids_and_the_same_dossier() -> None:
    one, other = City(1), City(2)
    first, second = (city.receive(RESIDENCE, on=MONDAY) for city in (one, other))
    assert (first.code, first.due) == (second.code, second.due)
    ids, others = ({e.id for e in found.events} for found in (first, second))
    assert ids.isdisjoint(others)


@pytest.mark.parametrize("seconds", ["", ":30", ":30.500"])
def test_a_time_is_read_as_it_is_written(seconds: str) -> None:
    assert told(moment(f"2024-03-04 08:00{seconds}")) == f"2024-03-04 08:00{seconds}"


@pytest.mark.parametrize("text", ["2024-03-04", "2024-03-04 08:00+07:00", "8 giờ"])
def test_what_is_no_time_in_vietnam_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is no time in Vietnam"):
        moment(text)
