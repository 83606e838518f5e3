"""One dossier's life, from the first request about it to the last.

The life is laid out in working time used, as its budget is: a pause shifts all that follows,
and what is due is missed only by those that are meant to miss it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

from contracts import intake, routing
from contracts.catalogue import Unit
from contracts.envelope import Event, derive_id
from contracts.model import EventData
from contracts.sla import Budget, TimeUnit
from contracts.values import Channel, Outcome
from motcua.simulate import odds
from motcua.simulate.arrivals import Arrival, Town
from motcua.simulate.settings import Simulation
from services.routing.competence import lead_for
from services.sla.working_time import WORKING_DAY, Calendar

SOURCE = "/motcua/simulate"
_MILLION = 1_000_000
_NO_SUCH_STEP = "archive"


class LifeOver(Exception):
    """Nothing more is asked about the dossier, or only after the plan's end."""


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
        self.requests: list[Event] = []
        self.to_be_refused: list[str] = []
        self.late = False
        """Whether it misses its due time, now or later."""
        self._settings = settings
        self._town = town
        self._arrival = arrival
        self._filing = arrival.filing
        self._code = code
        self._today = today
        self._ends = ends
        self._rng = Random(f"motcua life {settings.seed} {arrival.index}")
        self._time = arrival.time
        self._consulted: Unit | None = None

    def draw(self) -> None:
        """Lives it, up to its end or the plan's."""
        try:
            self._received()
            if self._arrival.handling is not None:
                self._handle(self._arrival.handling)
        except LifeOver:
            pass

    # -- asking, and the time between ------------------------------------------------

    def _ask(self, time: datetime, data: EventData) -> Event:
        if time >= self._ends:
            raise LifeOver
        event = Event(
            id=derive_id("simulate", self._settings.seed, self._arrival.index, len(self.requests)),
            source=SOURCE,
            subject=self._code,
            time=time,
            data=data,
        )
        self.requests.append(event)
        self._time = time
        return event

    @property
    def _gap(self) -> int:
        """The seconds that must lie between the last request and the next one."""
        settings = self._settings
        early = self._time < self._today
        minutes = settings.min_gap_minutes_before if early else settings.min_gap_minutes
        return max(1, minutes * 60)

    def _after(self, calendar: Calendar, seconds: float) -> datetime:
        """So much working time after the last request, but no less than the gap."""
        return calendar.add(self._time, max(self._gap, int(seconds)))

    def _some_days(self, days: tuple[int, int]) -> float:
        return self._rng.uniform(*days) * WORKING_DAY

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    # -- reception --------------------------------------------------------------------

    def _received(self) -> None:
        rng, filing = self._rng, self._filing
        unit = self._town.catalogue.units[filing.receiving_unit]
        officer = rng.choice(unit.officers)
        if filing.channel is not Channel.ONLINE:
            self._ask(self._time, intake.ReceptionRequested(by=officer, filing=filing))
            return
        self._ask(
            self._time,
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
            self._ask(looked_at, intake.RejectionRequested(reason=reason, by=officer))
            raise LifeOver
        self._ask(looked_at, intake.ReceptionRequested(by=officer))

    # -- handling ---------------------------------------------------------------------

    def _handle(self, unit: Unit) -> None:
        rng, catalogue = self._rng, self._town.catalogue
        procedure = catalogue.procedures[self._filing.procedure]
        self._unit = unit
        self._calendar = self._town.calendar(unit.code)
        self._steps = [s.name for s in catalogue.workflow(procedure.workflow).steps]
        self._open = 0
        self._lead = self._lead_of_open_step()
        self._start, self._used = self._time, 0
        due = self._calendar.due(self._start, procedure.budget)
        total = self._calendar.measure(self._start, due)
        self.late = self._chance(self._settings.late_share)
        if self.late:
            share = rng.uniform(*odds.LATE_SHARE)
        elif self._chance(odds.QUICK):
            share = rng.uniform(*odds.QUICK_SHARE)
        else:
            share = rng.uniform(*odds.USUAL_SHARE)
        cuts = sorted(rng.random() for _ in self._steps[1:])
        acts: list[tuple[float, int, Callable[[], None]]] = [
            (place, -1, self._complete) for place in (*cuts, 1.0)
        ]
        if self.late and self._chance(odds.LATE_STAYS_OPEN):
            acts.pop()
        latest = int(odds.LATEST_SHARE * total)
        for extra in self._extras(procedure.field):
            # What the gaps leave no room for would make a dossier late by accident.
            if len(acts) + len(extra) > latest // self._gap:
                continue
            for place, act in zip(sorted(rng.random() for _ in extra), extra, strict=True):
                acts.append((place, len(acts), act))
        acts.sort(key=lambda act: act[:2])
        for number, (place, _, act) in enumerate(acts):
            wanted = int(total * share * place)
            if not self.late:
                wanted = min(wanted, latest - (len(acts) - 1 - number) * self._gap)
            self._wait_until(wanted)
            act()
        if self._open == len(self._steps):
            self._fetch()

    def _extras(self, field: str) -> list[Sequence[Callable[[], None]]]:
        """What happens beside the steps, each in its acts with other things between them.

        Of a late dossier, only what does not stop its clock.
        """
        often: list[tuple[float, Sequence[Callable[[], None]]]] = [
            (odds.HANDED_OVER, [self._hand_over]),
            (odds.REASSIGNED, [self._reassign]),
        ]
        if len(self._steps) > 2:
            often.append((odds.CONSULTED, [self._consult, self._be_answered]))
        if not self.late:
            often += [
                (odds.WITHDRAWN, [self._withdraw]),
                (odds.STOPPED, [self._stop]),
                (odds.TO_BE_REFUSED, [self._ask_in_vain]),
                (odds.PAYMENT.get(field, odds.PAYMENT_ELSEWHERE), [self._demand_payment]),
                (odds.SUPPLEMENT, [self._demand_supplement]),
            ]
        return [extra for share, extra in often if self._chance(share)]

    def _wait_until(self, used: int) -> None:
        """Puts `_next` where so much of the budget is used, no sooner than the gap allows."""
        earliest = self._calendar.add(self._time, self._gap)
        wanted = self._calendar.add(self._start, max(0, used - self._used))
        self._next = max(earliest, wanted)

    def _paused(self) -> None:
        """The last request stopped the clock."""
        self._used += self._calendar.measure(self._start, self._time)

    def _running(self) -> None:
        """The last request let it run again."""
        self._start = self._time

    def _lead_of_open_step(self) -> str:
        return lead_for(self._unit, self._code, self._steps[self._open])

    def _complete(self) -> None:
        last = self._open == len(self._steps) - 1
        denied = last and self._chance(odds.DENIED)
        self._ask(
            self._next,
            routing.StepCompletionRequested(
                step=self._steps[self._open],
                by=self._lead,
                outcome=Outcome.DENIED if denied else Outcome.GRANTED,
            ),
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
            self._next,
            routing.HandOverRequested(to_unit=target.code, reason=reason, by=self._lead),
        )
        self._unit = target
        self._lead = self._lead_of_open_step()

    def _reassign(self) -> None:
        others = [officer for officer in self._unit.officers if officer != self._lead]
        if not others:
            return
        lead = self._rng.choice(others)
        self._ask(self._next, routing.StepReassignmentRequested(lead=lead, by=self._unit.head))
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
                by=self._lead,
            ),
        )

    def _be_answered(self) -> None:
        unit = self._consulted
        if unit is None or self._chance(odds.NEVER_ANSWERED):
            return
        by = self._rng.choice(unit.officers)
        answer = routing.ConsultationAnswerRequested(unit=unit.code, answer="Thống nhất", by=by)
        self._ask(self._next, answer)

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
                by=self._lead,
            ),
        )
        self._paused()
        if self._chance(odds.SUPPLEMENT_NEVER):
            raise LifeOver
        desk = self._desk()
        delivered = self._after(
            self._town.calendar(desk.code), self._some_days(odds.SUPPLEMENT_WORKING_DAYS)
        )
        self._ask(
            delivered, intake.SupplementDeliveryRequested(documents=documents, unit=desk.code)
        )
        self._running()

    def _demand_payment(self) -> None:
        rng = self._rng
        amount = rng.randint(1, 200) * 50_000
        self._ask(
            self._next,
            intake.PaymentDemandRequested(
                amount=amount, reason="Nghĩa vụ tài chính của hồ sơ", by=self._lead
            ),
        )
        self._paused()
        parts = [amount]
        if self._chance(odds.PAYMENT_IN_TWO_PARTS):
            first = rng.randint(1, amount // 1_000 - 1) * 1_000
            parts = [first, amount - first]
        if self._chance(odds.PAID_TOO_MUCH):
            self.to_be_refused.append(self._pay(amount + 50_000).id)
        for part in parts:
            self._pay(part)
        self._running()

    def _pay(self, amount: int) -> Event:
        hours = self._rng.uniform(*odds.PAYMENT_HOURS)
        time = self._time + timedelta(seconds=max(self._gap, int(hours * 3600)))
        return self._ask(time, self._payment(amount))

    def _payment(self, amount: int) -> intake.PaymentReportRequested:
        reference = f"GD-{self._code}-{len(self.requests)}"
        return intake.PaymentReportRequested(amount=amount, reference=reference)

    def _stop(self) -> None:
        head = self._unit.head
        self._ask(self._next, routing.StopRequested(reason="Chờ kết quả xác minh", by=head))
        self._paused()
        if not self._chance(odds.RESUMED):
            raise LifeOver
        time = self._after(self._calendar, self._some_days(odds.STOPPED_WORKING_DAYS))
        self._ask(time, routing.ResumptionRequested(reason="Đã có kết quả xác minh", by=head))
        self._running()

    def _withdraw(self) -> None:
        self._ask(self._next, intake.WithdrawalRequested(reason="Không còn nhu cầu"))
        raise LifeOver

    # -- what must be refused ---------------------------------------------------------

    def _ask_in_vain(self) -> None:
        data: EventData
        match self._rng.randrange(3):
            case 0:
                later = [*self._steps[self._open + 1 :], _NO_SUCH_STEP]
                data = routing.StepCompletionRequested(step=later[0], by=self._lead)
            case 1:
                data = intake.SupplementDeliveryRequested(
                    documents=self._filing.documents[:1], unit=self._filing.receiving_unit
                )
            case _:
                # Whatever was demanded is settled while the clock runs: nothing is owed.
                data = self._payment(_MILLION)
        self.to_be_refused.append(self._ask(self._next, data).id)

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
            routing.ResultReturnRequested(
                unit=unit.code, channel=filing.channel, by=rng.choice(unit.officers)
            ),
        )

    def _desk(self) -> Unit:
        units = self._town.catalogue.units
        return self._town.desk(self._rng, units[self._filing.receiving_unit], self._unit)
