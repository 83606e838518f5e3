"""Whatever is asked, entered, filed and erased, in any order: messages go to what is proven.

A citizen and an officer have the same reference, a stranger files for it and asks for changes, and
intake and notify fold what the log says of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from contracts.events.contacts import (
    AddressKind,
    ContactChangeRequested,
    ContactErased,
    ContactProofRequested,
)
from contracts.events.notify import Audience, MessageChannel, MessagePlanned
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.claims import Role, claims
from contracts.wire.envelope import Event, caused, derive_id
from services.intake.contact import contact_event
from services.intake.proof_decider import ProofDecider
from services.intake.proofs import CODE_LASTS, TRIES, Proving
from services.notify.contacts.addresses import Destination, usable
from services.notify.contacts.contact import SealedContact, SealedContactDecider
from services.notify.contacts.telling import CHANNELS, Recipient, Which, recipient
from services.notify.wording.template import Template
from services.shared.citizen_keys import Kept, Sealed
from services.shared.person import Person, citizen, staff
from tests.support.rule_sets import WORLD

REF = "cb-0412"
CITIZEN, OFFICER = citizen(REF), staff(REF)
DOSSIERS = ("H29.15-260302-0001", "H29.15-260302-0002")
STARTS = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
PERSONS = st.sampled_from([CITIZEN, OFFICER])


class City(RuleBasedStateMachine):
    """The log of contact data, folded by both services, and what ought to hold."""

    changes = Bundle("changes")

    def __init__(self) -> None:
        super().__init__()
        self.now = STARTS
        self.number = 0
        self.intake = ProofDecider()
        self.notify = SealedContactDecider()
        self.proving: dict[str, Proving] = {}
        self.known: dict[str, SealedContact] = {}
        self.proven: dict[Person, dict[AddressKind, str]] = {CITIZEN: {}, OFFICER: {}}
        self.asked: dict[str, tuple[Person, AddressKind, str, datetime]] = {}
        self.wrong: dict[str, int] = {}
        self.newest: dict[Person, str] = {}
        self.before: dict[str, set[str]] = {}

    def _new(self) -> str:
        self.number += 1
        self.now += timedelta(milliseconds=1)
        return f"address {self.number}"

    def _request(self, whose: Person, data: EventData) -> list[Event]:
        self.number += 1
        role = Role.DESK if whose == CITIZEN else Role.OFFICER
        by = claims([role], "H29.1").vouch_for(REF)
        made = derive_id("test", self.number)
        request = Event(made, "/tests", whose.subject, self.now, data, actor=by)
        state = self.proving.get(whose.subject, Proving())
        facts = caused(request, "/motcua/intake", self.intake.decide(WORLD, state, request))
        for fact in facts:
            self._fold(fact)
        return facts

    def _fold(self, fact: Event) -> None:
        subject = fact.subject
        if fact.type in self.intake.facts:
            before = self.proving.get(subject, Proving())
            self.proving[subject] = self.intake.evolve(WORLD, before, fact)
        if fact.type not in self.notify.facts:
            return
        known = self.known.get(subject, SealedContact())
        self.known[subject] = self.notify.evolve(WORLD, known, fact)
        said = self.notify.react(WORLD, self.known[subject], fact)
        for message in caused(fact, "/motcua/notify", said):
            self._goes_where_it_should(message)

    def _goes_where_it_should(self, event: Event) -> None:
        message = event.data
        assert isinstance(message, MessagePlanned)
        assert REF not in event.subject, "a provider is told whose it is"
        to = recipient(message.recipient, message.audience, message.channel, message.template)
        kept, seed = usable(Destination(to, event.subject), self.known)
        found = {one.sealed.text for one in kept}
        change = event.subject.removeprefix("contact-")
        if message.template == Template.CONTACT_CODE:
            assert seed is not None
            assert to.which is Which.NEW
            assert found == {self.asked_now}
        else:
            assert seed is None, "the code goes to the new address alone"
            assert found == self.before[change], "who was told things is told of the change"

    @rule(target=changes, whose=PERSONS, kind=st.sampled_from(AddressKind))
    def asks(self, whose: Person, kind: AddressKind) -> object:
        address = self.asked_now = self._new()
        counting = self.known.get(whose.subject, SealedContact()).counting
        request = derive_id("test", self.number + 1)
        self.before[request] = {sealed.text for sealed in counting.values()}
        facts = self._request(
            whose,
            ContactChangeRequested(
                address=kind, key_id="k", sealed=address, seed="0" * 32, code_hash="a" * 64
            ),
        )
        if "Asked" not in facts[0].type:
            return multiple()
        self.asked[request] = (whose, kind, address, self.now + CODE_LASTS)
        self.newest[whose] = request
        return request

    @rule(change=changes, by=PERSONS, right=st.booleans())
    def enters_a_code(self, change: str, by: Person, right: bool) -> None:
        whose, kind, address, expires = self.asked[change]
        counts = (
            right
            and by == whose
            and self.newest.get(whose) == change
            and self.now < expires
            and self.wrong.get(change, 0) < TRIES
        )
        open_still = by == whose and self.newest.get(whose) == change and self.now < expires
        if open_still and not right:
            self.wrong[change] = self.wrong.get(change, 0) + 1
        self._request(
            by, ContactProofRequested(change=change, code_hash=("a" if right else "b") * 64)
        )
        if counts:
            self.proven[whose][kind] = address
            del self.newest[whose]

    @rule(code=st.sampled_from(DOSSIERS))
    def files(self, code: str) -> None:
        """Anybody, with the citizen's reference, be it an officer's number too."""
        sealed = Sealed("k", self._new())
        self._fold(contact_event(CITIZEN, sealed, Locale.VI, self.now, sealed.text, dossier=code))

    @rule()
    def the_directory_says(self) -> None:
        sealed = Sealed("k", self._new())
        self._fold(contact_event(OFFICER, sealed, Locale.VI, self.now, sealed.text))

    @rule(minutes=st.sampled_from([1, 5, 11, 60, 1440]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(whose=PERSONS)
    def is_erased(self, whose: Person) -> None:
        self._new()
        self._fold(
            Event(
                derive_id("erased", self.number),
                "/tests",
                whose.subject,
                self.now,
                ContactErased(reason="asked to"),
            )
        )
        self.proven[whose] = {}
        self.newest.pop(whose, None)

    @invariant()
    def messages_go_to_what_is_proven(self) -> None:
        for whose, audience in ((CITIZEN, Audience.CITIZEN), (OFFICER, Audience.HEAD)):
            for code in DOSSIERS:
                for channel in CHANNELS.values():
                    to = recipient(REF, audience, channel, Template.RECEIVED)
                    assert to == Recipient(whose, channel)
                    kept, seed = usable(Destination(to, code), self.known)
                    assert seed is None
                    if self.proven[whose]:
                        assert {one.sealed.text for one in kept} == set(self.proven[whose].values())
                        assert {one.owner for one in kept} == {whose.subject}

    @invariant()
    def what_was_left_with_a_dossier_is_good_for_that_one_alone(self) -> None:
        if self.proven[CITIZEN]:
            return
        for code in DOSSIERS:
            left = self.known.get(f"dossier:{code}", SealedContact()).left
            to = Destination(Recipient(CITIZEN, MessageChannel.SMS), code)
            wanted = [Kept(CITIZEN.subject, left)] if left else []
            assert usable(to, self.known) == (wanted, None)


TestInAnyOrder = City.TestCase
