"""One dossier's life, from the first request about it to the last.

The life is laid out in working time used, like its budget: a pause shifts all that follows, and
only dossiers that are meant to be late miss their due time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

from contracts.catalogue import Unit
from contracts.events import intake, routing, sla
from contracts.events.sla import Budget, TimeUnit
from contracts.model import EventData
from contracts.values import FilingChannel, Outcome
from contracts.wire.envelope import Event
from motcua.simulate import odds
from motcua.simulate.arrivals import Arrival, Town, Weighted
from motcua.simulate.asking import Asking, BudgetClock, LifeOver
from motcua.simulate.fates import Fate
from motcua.simulate.outlook import draw_outlook
from motcua.simulate.reasons import why_exempt, why_late
from motcua.simulate.settings import Simulation
from motcua.simulate.timetable import Act, timetable
from motcua.simulate.vouched import portal
from services.routing.competence import lead_for
from services.shared.working_time import WORKING_DAY

_MILLION = 1_000_000
_NO_SUCH_STEP = "archive"


class Life:
    """Draws the requests about one dossier, each after the one before."""

    def __init__(
        self,
        settings: Simulation,
        town: Town,
        arrival: Arrival,
        code: str,
        *,
        today: datetime,
        ends: datetime,
    ) -> None:
        self._settings = settings
        self._town = town
        self._arrival = arrival
        self._filing = arrival.filing
        self._code = code
        self._rng = Random(f"motcua life {settings.seed} {arrival.index}")
        self._asking = Asking(
            settings, code, arrival.index, begins=arrival.time, today=today, ends=ends
        )
        self._after = self._asking.after
        self._consulted: Unit | None = None
        self.requests = self._asking.requests
        self.to_be_refused: list[str] = []
        self.fate = Fate.ON_TIME
        """What becomes of its due time, now or later."""

    def draw(self) -> None:
        """Draw the life, up to its end or the plan's."""
        try:
            self._received()
            if self._arrival.handling is not None:
                self._handle(self._arrival.handling)
        except LifeOver:
            pass

    def _ask(self, time: datetime, data: EventData, *, by: str | None = None) -> Event:
        """Have an officer ask or, without one, the portal."""
        actor = portal(data) if by is None else self._town.posts[by]
        return self._asking.ask(time, data, actor)

    def _some_days(self, days: tuple[int, int]) -> float:
        return self._rng.uniform(*days) * WORKING_DAY

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    # -- reception --------------------------------------------------------------------

    def _received(self) -> None:
        rng, filing = self._rng, self._filing
        unit = self._town.catalogue.units[filing.receiving_unit]
        officer = rng.choice(unit.officers)
        if filing.channel is not FilingChannel.ONLINE:
            self._ask(self._asking.time, intake.ReceptionRequested(filing=filing), by=officer)
            return
        self._ask(
            self._asking.time,
            # The filing was checked when it was made.
            intake.RegistrationRequested.model_construct(**filing.__dict__),
        )
        calendar = self._town.calendar(unit.code)
        looked_at = self._after(calendar, rng.triangular(0, odds.RECEPTION_WORKING_SECONDS, 0))
        if self._chance(odds.WITHDRAWN * odds.WITHDRAWN_BEFORE_RECEPTION):
            self._ask(looked_at, intake.WithdrawalRequested(reason="Nộp nhầm thủ tục"))
            raise LifeOver
        if self._chance(odds.NOT_RECEIVED):
            reason = "Hồ sơ không thuộc phạm vi tiếp nhận"
            self._ask(looked_at, intake.RejectionRequested(reason=reason), by=officer)
            raise LifeOver
        self._ask(looked_at, intake.ReceptionRequested(), by=officer)

    # -- handling ---------------------------------------------------------------------

    def _handle(self, unit: Unit) -> None:
        rng, catalogue = self._rng, self._town.catalogue
        procedure = catalogue.procedures[self._filing.procedure]
        self._unit = unit
        self._steps = [s.name for s in catalogue.workflow(procedure.workflow).steps]
        self._open = 0
        self._lead = self._lead_of_open_step()
        start, calendar = self._asking.time, self._town.calendar(unit.code)
        self._clock = BudgetClock(calendar, start, calendar.due(start, procedure.budget))
        total, gap = self._clock.total, self._asking.gap
        self._outlook = draw_outlook(rng, total, self._settings.late_share)
        self.fate, needed = self._outlook.fate, self._outlook.needed
        cuts = sorted(rng.random() for _ in self._steps[1:])
        acts = [Act(int(needed * place), self._complete) for place in (*cuts, 1.0)]
        ends = self.fate is Fate.TOLD_AFTERWARDS or not self.fate.late
        if not ends and self._chance(odds.LATE_STAYS_OPEN):
            acts.pop()
        acts += self._letters(total, needed)
        room = int(odds.LATEST_SHARE * total) // gap
        for extra in self._extras(procedure.field):
            # An extra without enough room would make a dossier late by accident.
            if len(acts) + len(extra) > room:
                continue
            places = sorted(rng.random() for _ in extra)
            acts += [Act(int(needed * at), do) for at, do in zip(places, extra, strict=True)]
        for act in timetable(acts, gap, self._outlook.latest):
            self._wait_until(act.wanted)
            act.do()
        if self._open == len(self._steps):
            if self.fate is Fate.TOLD_AFTERWARDS:
                self._apologise_afterwards()
            self._fetch()

    def _extras(self, field: str) -> list[Sequence[Callable[[], None]]]:
        """Return what happens beside the steps, each with its acts, which may lie apart.

        For a late dossier, only what does not stop its clock.
        """
        often: list[tuple[float, Sequence[Callable[[], None]]]] = [
            (odds.HANDED_OVER, [self._hand_over]),
            (odds.REASSIGNED, [self._reassign]),
        ]
        if len(self._steps) > 2:
            often.append((odds.CONSULTED, [self._consult, self._be_answered]))
        if not self.fate.late:
            supplements = [self._demand_supplement]
            if self._chance(odds.SUPPLEMENT_AGAIN):
                supplements.append(self._demand_supplement)
            often += [
                (odds.WITHDRAWN, [self._withdraw]),
                (odds.STOPPED, [self._stop]),
                (odds.TO_BE_REFUSED, [self._ask_in_vain]),
                (odds.PAYMENT.get(field, odds.PAYMENT_ELSEWHERE), [self._demand_payment]),
                (odds.SUPPLEMENT, supplements),
            ]
        return [extra for share, extra in often if self._chance(share)]

    def _wait_until(self, used: int) -> None:
        """Set `_next` to when `used` working seconds are used, no sooner than the gap allows."""
        earliest = self._clock.calendar.add(self._asking.time, self._asking.gap)
        self._next = max(earliest, self._clock.at(used))

    def _lead_of_open_step(self) -> str:
        return lead_for(self._unit, self._code, self._steps[self._open])

    def _complete(self) -> None:
        last = self._open == len(self._steps) - 1
        denied = last and self._chance(odds.DENIED)
        self._ask(
            self._next,
            routing.StepCompletionRequested(
                step=self._steps[self._open],
                outcome=Outcome.DENIED if denied else Outcome.GRANTED,
            ),
            by=self._lead,
        )
        self._open += 1
        if not last:
            self._lead = self._lead_of_open_step()

    def _hand_over(self) -> None:
        target = self._town.peer(self._rng, self._unit)
        if target is None:
            return
        reason = "Thuộc thẩm quyền của đơn vị khác"
        self._ask(
            self._next, routing.HandOverRequested(to_unit=target.code, reason=reason), by=self._lead
        )
        self._unit = target
        self._lead = self._lead_of_open_step()

    def _reassign(self) -> None:
        others = [officer for officer in self._unit.officers if officer != self._lead]
        if not others:
            return
        lead = self._rng.choice(others)
        self._ask(self._next, routing.StepReassignmentRequested(lead=lead), by=self._unit.head)
        self._lead = lead

    # -- another unit's opinion; the clock runs on --------------------------------------

    def _consult(self) -> None:
        rng = self._rng
        self._consulted = self._town.peer(rng, self._unit)
        if self._consulted is None:
            return
        budget = None
        if self._chance(odds.CONSULTED_WITHIN):
            days = rng.randint(*odds.CONSULTED_WITHIN_WORKING_DAYS)
            budget = Budget(amount=days, unit=TimeUnit.WORKING_DAYS)
        self._ask(
            self._next,
            routing.ConsultationOpeningRequested(
                unit=self._consulted.code,
                question="Đề nghị cho ý kiến về hồ sơ",
                budget=budget,
            ),
            by=self._lead,
        )

    def _be_answered(self) -> None:
        unit = self._consulted
        if unit is None or self._chance(odds.NEVER_ANSWERED):
            return
        by = self._rng.choice(unit.officers)
        answer = routing.ConsultationAnswerRequested(unit=unit.code, answer="Thống nhất")
        self._ask(self._next, answer, by=by)

    # -- pauses -----------------------------------------------------------------------

    def _demand_supplement(self) -> None:
        rng = self._rng
        documents = (rng.choice(self._filing.documents),)
        self._ask(
            self._next,
            intake.SupplementDemandRequested(
                documents=documents,
                reason="Thành phần hồ sơ chưa đầy đủ",
                until=self._next + timedelta(days=30),
            ),
            by=self._lead,
        )
        self._clock.stop(self._asking.time)
        if self._chance(odds.SUPPLEMENT_NEVER):
            raise LifeOver
        desk = self._desk()
        delivered = self._after(
            self._town.calendar(desk.code), self._some_days(odds.SUPPLEMENT_WORKING_DAYS)
        )
        self._ask(
            delivered, intake.SupplementDeliveryRequested(documents=documents, unit=desk.code)
        )
        self._clock.go(self._asking.time)

    def _demand_payment(self) -> None:
        rng = self._rng
        amount = rng.randint(1, 200) * 50_000
        self._ask(
            self._next,
            intake.PaymentDemandRequested(amount=amount, reason="Nghĩa vụ tài chính của hồ sơ"),
            by=self._lead,
        )
        self._clock.stop(self._asking.time)
        parts = [amount]
        if self._chance(odds.PAYMENT_IN_TWO_PARTS):
            first = rng.randint(1, amount // 1_000 - 1) * 1_000
            parts = [first, amount - first]
        if self._chance(odds.PAID_TOO_MUCH):
            self.to_be_refused.append(self._pay(amount + 50_000).id)
        for part in parts:
            self._pay(part)
        self._clock.go(self._asking.time)

    def _pay(self, amount: int) -> Event:
        hours = self._rng.uniform(*odds.PAYMENT_HOURS)
        time = self._asking.time + timedelta(seconds=max(self._asking.gap, int(hours * 3600)))
        return self._ask(time, self._payment(amount))

    def _payment(self, amount: int) -> intake.PaymentReportRequested:
        reference = f"GD-{self._code}-{len(self.requests)}"
        return intake.PaymentReportRequested(amount=amount, reference=reference)

    def _stop(self) -> None:
        head = self._unit.head
        self._ask(self._next, routing.StopRequested(reason="Chờ kết quả xác minh"), by=head)
        self._clock.stop(self._asking.time)
        if not self._chance(odds.RESUMED):
            raise LifeOver
        time = self._after(self._clock.calendar, self._some_days(odds.STOPPED_WORKING_DAYS))
        self._ask(time, routing.ResumptionRequested(reason="Đã có kết quả xác minh"), by=head)
        self._clock.go(self._asking.time)

    def _withdraw(self) -> None:
        self._ask(self._next, intake.WithdrawalRequested(reason="Không còn nhu cầu"))
        raise LifeOver

    # -- what is said when the date is not kept ---------------------------------------

    def _letters(self, total: int, needed: int) -> list[Act]:
        """Return the letters that the head of the unit signs, and what is asked in vain."""
        rng = self._rng
        match self.fate:
            case Fate.EXTENDED | Fate.EXTENDED_IN_VAIN:
                last_moment = self._town.last_moment_for_letter(total)
                wanted = int(last_moment * rng.uniform(*odds.LETTER_SHARE))
                acts = [Act(wanted, self._apologise, by=last_moment)]
                room = last_moment - self._asking.gap  # for the letter, which comes after it
                if room >= self._asking.gap and self._chance(odds.FORESEEN):
                    said = int(wanted * rng.uniform(*odds.FORESEEN_SHARE))
                    acts.insert(0, Act(said, self._foresee, by=room))
                if self.fate.late and self._chance(odds.LETTER_AGAIN):
                    second_due = total + self._outlook.added
                    acts.append(Act(int(rng.uniform(second_due, needed)), self._apologise_again))
                return acts
            case Fate.TOLD_TOO_LATE:
                return [Act(total + max(1, int(rng.random() * (needed - total))), self._apologise)]
            case Fate.EXEMPT:
                return [Act(int(rng.random() * needed), self._exempt)]
            case Fate.UNTOLD if self._chance(odds.LETTER_REFUSED):
                return [Act(int(rng.random() * needed), self._apologise_wrongly)]
            case _:
                return []

    def _apology(self) -> sla.ApologyRequested:
        """Return a letter with an allowed date: after the date before it, and after today."""
        clock = self._clock
        due = clock.calendar.add(max(clock.at(clock.total), self._next), self._outlook.added)
        return sla.ApologyRequested(reason=self._why_late(), due=due)

    def _apologise(self) -> None:
        self._ask(self._next, self._apology(), by=self._unit.head)

    def _foresee(self) -> None:
        said = sla.DelayForeseenRequested(reason=self._why_late())
        self._ask(self._next, said, by=self._lead)

    def _apologise_afterwards(self) -> None:
        days = self._some_days(odds.LETTER_AFTERWARDS_WORKING_DAYS)
        letter = sla.ApologyRequested(reason=self._why_late())
        self._ask(self._after(self._clock.calendar, days), letter, by=self._unit.head)

    def _why_late(self) -> str:
        field = self._town.catalogue.procedures[self._filing.procedure].field
        return why_late(self._rng, field)

    def _apologise_again(self) -> None:
        self.to_be_refused.append(self._ask(self._next, self._apology(), by=self._unit.head).id)

    def _apologise_wrongly(self) -> None:
        if self._chance(0.5):
            data, by = self._apology(), self._lead
        else:
            data, by = self._apology().model_copy(update={"due": self._next}), self._unit.head
        self.to_be_refused.append(self._ask(self._next, data, by=by).id)

    def _exempt(self) -> None:
        ground = Weighted(odds.EXEMPTION_WEIGHTS).draw(self._rng)
        reason, by = why_exempt(self._rng, ground), self._unit.head
        self._ask(self._next, sla.ExemptionRequested(ground=ground, reason=reason), by=by)

    # -- what must be refused ---------------------------------------------------------

    def _ask_in_vain(self) -> None:
        data: EventData
        by = None
        match self._rng.randrange(3):
            case 0:
                later = [*self._steps[self._open + 1 :], _NO_SUCH_STEP]
                data, by = routing.StepCompletionRequested(step=later[0]), self._lead
            case 1:
                data = intake.SupplementDeliveryRequested(
                    documents=self._filing.documents[:1], unit=self._filing.receiving_unit
                )
            case _:
                # Any demand is settled while the clock runs: nothing is owed.
                data = self._payment(_MILLION)
        self.to_be_refused.append(self._ask(self._next, data, by=by).id)

    # -- the result -------------------------------------------------------------------

    def _fetch(self) -> None:
        rng, filing = self._rng, self._filing
        if self._chance(odds.NEVER_FETCHED):
            return
        unit = self._town.catalogue.units[filing.returning_unit]
        later = self._chance(odds.FETCHED_LATER)
        days = odds.FETCHED_LATER_WORKING_DAYS if later else odds.FETCHED_WORKING_DAYS
        time = self._after(self._town.calendar(unit.code), rng.random() * days * WORKING_DAY)
        self._ask(
            time,
            routing.ResultReturnRequested(unit=unit.code, channel=filing.channel),
            by=rng.choice(unit.officers),
        )

    def _desk(self) -> Unit:
        units = self._town.catalogue.units
        return self._town.desk(self._rng, units[self._filing.receiving_unit], self._unit)
