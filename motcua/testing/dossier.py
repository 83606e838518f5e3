"""What people and officers do with a dossier in a test.

Each request of the services is a method, with good defaults: it is asked by whoever may, now, for a
reason that says nothing. ``when="2024-03-20 09:00"`` dates it back; beyond what the rules let
anyone, the unit's head approves that first. It returns what all services said to it, and raises
NotAllowed if it is refused; `Dossier.tries` is for what must be refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec

from contracts.events import intake, notify, routing, sla
from contracts.events.refusals import Refusal
from contracts.events.sla import Budget, ExemptionGround, TimeUnit
from contracts.model import EventData
from contracts.values import FilingChannel, Locale, Outcome
from motcua.testing.known import Known
from motcua.testing.local_time import moment
from motcua.testing.not_allowed import NotAllowed

if TYPE_CHECKING:
    from motcua.testing.city import City

P = ParamSpec("P")
Said = list[EventData]
REASON = "Theo quy định"


class Dossier(Known):
    """One dossier of a city, and what people and officers ask about it."""

    def __init__(self, city: City, code: str) -> None:
        super().__init__(city, code)
        self._tried = False

    def tries(self, ask: Callable[P, Said], *args: P.args, **kwargs: P.kwargs) -> Refusal:
        """Ask for what must be refused, as in ``d.tries(d.stop, by="cb-1")``; return the refusal.

        No head approves it first. Raise AssertionError if it is carried out.
        """
        self._tried = True
        try:
            said = ask(*args, **kwargs)
        except NotAllowed as error:
            return error.refusal
        finally:
            self._tried = False
        names = ", ".join(one.NAME for one in said)
        raise AssertionError(f"{self.code}: not refused at {self.city.now}, but {names}")

    # -- intake ---------------------------------------------------------------------------

    def receive(self, *, by: str | None = None, when: str | None = None) -> Said:
        """An officer receives what was filed online."""
        return self._ask(intake.ReceptionRequested(), when, by=by or self._officer())

    def reject(
        self, reason: str = REASON, *, by: str | None = None, when: str | None = None
    ) -> Said:
        """An officer refuses to receive it."""
        return self._ask(intake.RejectionRequested(reason=reason), when, by=by or self._officer())

    def demand_supplement(
        self,
        *documents: str,
        reason: str = REASON,
        until: str | None = None,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """An officer asks for papers that are missing."""
        data = intake.SupplementDemandRequested(
            documents=documents or ("Bản sao giấy tờ tùy thân",),
            reason=reason,
            until=moment(until) if until else None,
        )
        return self._ask(data, when, by=by or self._officer())

    def deliver_supplement(
        self,
        *documents: str,
        unit: str | None = None,
        when: str | None = None,
    ) -> Said:
        """The citizen hands in what was missing; by default, all of it."""
        demands = self.state("intake").supplements
        papers = documents or (demands[-1].documents if demands else ("Giấy tờ bổ sung",))
        data = intake.SupplementDeliveryRequested(documents=papers, unit=unit or self.unit)
        return self._ask(data, when)

    def demand_payment(
        self,
        amount: int,
        reason: str = REASON,
        *,
        until: str | None = None,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """An officer asks for a fee or a tax, in dong."""
        data = intake.PaymentDemandRequested(
            amount=amount,
            reason=reason,
            until=moment(until) if until else None,
        )
        return self._ask(data, when, by=by or self._officer())

    def pay(
        self,
        amount: int | None = None,
        *,
        reference: str = "GD-0001",
        when: str | None = None,
    ) -> Said:
        """The citizen pays; by default, all that is owed."""
        owed = amount if amount is not None else self.state("intake").outstanding
        data = intake.PaymentReportRequested(amount=owed or 1, reference=reference)
        return self._ask(data, when)

    def withdraw(self, reason: str = REASON, *, when: str | None = None) -> Said:
        """The citizen takes it back."""
        return self._ask(intake.WithdrawalRequested(reason=reason), when)

    # -- routing --------------------------------------------------------------------------

    def complete_step(
        self,
        step: str | None = None,
        *,
        outcome: Outcome = Outcome.GRANTED,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """The lead ends the open step."""
        data = routing.StepCompletionRequested(step=step or self._open_step(), outcome=outcome)
        return self._ask(data, when, by=by or self.lead or self._officer())

    def finish(self, *, outcome: Outcome = Outcome.GRANTED) -> Said:
        """Each lead ends their step, until the result is there."""
        said: Said = []
        while self.state("routing").open_step is not None:
            said += self.complete_step(outcome=outcome)
        return said

    def reassign(self, lead: str, *, by: str | None = None, when: str | None = None) -> Said:
        """The head names another lead of the open step."""
        data = routing.StepReassignmentRequested(lead=lead)
        return self._ask(data, when, by=by or self.head)

    def hand_over(
        self,
        to: str,
        reason: str = REASON,
        *,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """The unit passes it on to another one."""
        data = routing.HandOverRequested(to_unit=to, reason=reason)
        return self._ask(data, when, by=by or self._officer())

    def consult(
        self,
        unit: str,
        question: str = "Đề nghị cho ý kiến",
        *,
        days: int | None = None,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """Another authority is asked, and has so many working days to answer."""
        budget = Budget(amount=days, unit=TimeUnit.WORKING_DAYS) if days else None
        data = routing.ConsultationOpeningRequested(unit=unit, question=question, budget=budget)
        return self._ask(data, when, by=by or self._officer())

    def answer(
        self,
        unit: str,
        answer: str = "Thống nhất",
        *,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """The authority that was asked answers."""
        by = by or self.city.unit(unit).officers[0]
        data = routing.ConsultationAnswerRequested(unit=unit, answer=answer)
        return self._ask(data, when, by=by)

    def stop(
        self,
        reason: str = REASON,
        *,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """An officer stops the handling."""
        data = routing.StopRequested(reason=reason)
        return self._ask(data, when, by=by or self._officer())

    def resume(
        self,
        reason: str = REASON,
        *,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """It goes on."""
        data = routing.ResumptionRequested(reason=reason)
        return self._ask(data, when, by=by or self._officer())

    def return_result(
        self,
        unit: str | None = None,
        *,
        channel: FilingChannel = FilingChannel.COUNTER,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """A unit, by default the one that was to, hands the result to the citizen."""
        filed = self.state("intake").filed
        where = unit or (filed.returning_unit if filed is not None else self.unit)
        by = by or self.city.unit(where).officers[0]
        data = routing.ResultReturnRequested(unit=where, channel=channel)
        return self._ask(data, when, by=by)

    def approve_late_entry(
        self, request: str, since: str, reason: str = REASON, *, by: str | None = None,
        when: str | None = None,
    ) -> Said:  # fmt: skip
        """The head answers for requests of that name, e.g. ``StopRequested``, dated back to
        `since`."""
        data = routing.LateEntryRequested(request=request, at=moment(since), reason=reason)
        return self._ask(data, when, by=by or self.head)

    # -- sla ------------------------------------------------------------------------------

    def apologise(
        self,
        due: str | None = None,
        reason: str = REASON,
        *,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """The head writes the letter of apology, with a new date or without."""
        data = sla.ApologyRequested(reason=reason, due=moment(due) if due else None)
        return self._ask(data, when, by=by or self.head)

    def foresee(
        self,
        reason: str = REASON,
        *,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """The lead says that the date will be missed."""
        data = sla.DelayForeseenRequested(reason=reason)
        return self._ask(data, when, by=by or self.lead or self.head)

    def exempt(
        self,
        ground: ExemptionGround = ExemptionGround.FORCE_MAJEURE,
        reason: str = REASON,
        *,
        by: str | None = None,
        when: str | None = None,
    ) -> Said:
        """The head states that no letter is owed."""
        data = sla.ExemptionRequested(ground=ground, reason=reason)
        return self._ask(data, when, by=by or self.head)

    # -- notify ---------------------------------------------------------------------------

    def prefer(
        self,
        *channels: notify.MessageChannel,
        locale: Locale | None = None,
        opted_out: bool = False,
        quiet: tuple[str, str] | None = None,
        when: str | None = None,
    ) -> Said:
        """The citizen chooses how to be told."""
        begins, ends = quiet or (None, None)
        data = notify.PreferencesRequested(
            channels=channels or None,
            locale=locale,
            opted_out=opted_out,
            quiet_from=begins,
            quiet_until=ends,
        )
        return self._ask(data, when)

    def rate(self, score: int, *, when: str | None = None) -> Said:
        """The citizen says how content they are, from 1 to 5."""
        return self._ask(notify.RatingRequested(score=score), when)

    # -- by default -----------------------------------------------------------------------

    def _ask(self, data: EventData, when: str | None, *, by: str | None = None) -> Said:
        return self.city.asks(self, data, when, by=by, approved=not self._tried)

    def _officer(self) -> str:
        return self.city.unit(self.unit).officers[0]

    def _open_step(self) -> str:
        step = self.state("routing").open_step
        if step is None:
            raise ValueError(f"{self.code}: no step is open; name the one to complete")
        name: str = step.step
        return name
