"""Where a message goes: what is proven, then what was left with its dossier, then what is older."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.events.notify import Audience, MessageChannel
from services.notify.contacts.addresses import Address, Destination, usable
from services.notify.contacts.contact import Change, SealedContact
from services.notify.contacts.telling import recipient
from services.shared.citizen_keys import Kept, Sealed

CODE, OTHER = "H29.15-260302-0001", "H29.15-260302-0002"
CHANGE = "4f0d9a0e-6f1b-5c57-9a55-0d6a3c0a9b11"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
SMS = MessageChannel.SMS


def left(text: str, citizen: str | None = None) -> SealedContact:
    return SealedContact(text, "k", NOW, citizen=citizen)


OLDER = {"cb-1": left("older")}
OF_DOSSIER = {f"dossier:{CODE}": left("with the dossier", "cb-1")}
OF_STAFF = {"staff:cb-1": left("directory")}
PROVEN = {"citizen:cb-1": SealedContact(proven={"email": Sealed("k", "mine")})}


def to(audience: Audience, about: str = CODE, template: str = "received") -> Destination:
    return Destination(recipient("cb-1", audience, SMS, template), about)


@pytest.mark.parametrize(
    ("known", "about", "found"),
    [
        ({}, CODE, None),
        (OLDER, CODE, Kept("cb-1", Sealed("k", "older"))),
        ({**OLDER, **OF_STAFF}, CODE, Kept("cb-1", Sealed("k", "older"))),
        ({**OLDER, **OF_DOSSIER}, CODE, Kept("citizen:cb-1", Sealed("k", "with the dossier"))),
        ({**OLDER, **OF_DOSSIER}, OTHER, Kept("cb-1", Sealed("k", "older"))),
        (OF_DOSSIER, OTHER, None),
        ({**OLDER, **OF_DOSSIER, **PROVEN}, CODE, Kept("citizen:cb-1", Sealed("k", "mine"))),
    ],
)
def test_a_citizen_is_told_at(
    known: dict[str, SealedContact], about: str, found: Kept | None
) -> None:
    kept, _ = usable(to(Audience.CITIZEN, about), known)
    assert kept == ([found] if found else [])


@pytest.mark.parametrize("audience", [Audience.HEAD, Audience.OFFICER])
@pytest.mark.parametrize(
    ("known", "found"),
    [
        (OF_DOSSIER, None),
        (PROVEN, None),
        ({**OLDER, **OF_DOSSIER, **PROVEN}, Kept("cb-1", Sealed("k", "older"))),
        ({**OLDER, **OF_STAFF, **PROVEN}, Kept("staff:cb-1", Sealed("k", "directory"))),
    ],
)
def test_the_staff_is_told_at_nothing_of_a_citizen_s(
    audience: Audience, known: dict[str, SealedContact], found: Kept | None
) -> None:
    kept, _ = usable(to(audience), known)
    assert kept == ([found] if found else [])


def test_a_code_goes_to_the_new_address_and_the_word_of_it_to_those_before() -> None:
    change = Change(Sealed("k", "new"), "seed", "vi", {"email": Sealed("k", "before")})
    known = {
        "citizen:cb-1": SealedContact(
            changes={CHANGE: change}, proven={"email": Sealed("k", "by now")}
        )
    }
    about = f"contact-{CHANGE}"

    def found(template: str, subject: str = about) -> tuple[list[str], str | None]:
        kept, seed = usable(to(Audience.CITIZEN, subject, template), known)
        return [one.sealed.text for one in kept], seed

    assert found("contact-code") == (["new"], "seed")
    assert found("contact-asked") == found("contact-changed") == (["before"], None)
    assert found("contact-code", "contact-of-another-change") == ([], None)
    assert found("received", CODE) == (["by now"], None)


def test_an_address_does_not_show_its_code() -> None:
    assert "4821" not in repr(Address("an@x.test", code="48217730"))
