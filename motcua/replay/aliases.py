"""Aliases for whoever a stream of events names or describes, under a key.

The same person has the same alias wherever they appear, so a stream under aliases is decided as the
true one is. Without the key nobody can tell whose alias it is, nor try out who it may be.

Some things stay: a dossier's code (an agency, a day and a number name no person), units, places,
procedures, times and amounts. The ids of events stay too, so that what was decided can be compared.
"""

from __future__ import annotations

import re
from hashlib import blake2b

import msgspec

from contracts.events.rules import RulesEnacted
from contracts.personal import Personal, rewritten
from contracts.rules import Files, RuleSet, digest
from contracts.wire.actor import Actor, AuthType
from contracts.wire.claims import claims_of
from contracts.wire.envelope import Event
from contracts.wire.topics import CITIZEN_CONTACTS
from motcua.replay.rules_text import heads_and_officers, with_strings
from services.shared.person import of_a_dossier, person_of

_PERSONS = {"cb": "cb", "citizen": "citizen", "cd": "citizen"}
"""What an alias begins with, by what the reference begins with. It follows from the reference
alone, whether that stands for an officer or for a recipient: so one person has one alias."""
_OTHERS = "person"
_WORDS = {
    Personal.DOCUMENT: "giấy tờ",
    Personal.LEGACY_ID: "legacy",
    Personal.PAYMENT_REFERENCE: "payment",
    Personal.CONTACT: "contact",
}
_ALIAS = re.compile(r"(?:[a-z]+|giấy tờ)-([0-9a-f]{20})([0-9a-f]{8})")
_NOT_A_PERSON = (AuthType.SYSTEM, AuthType.SERVICE_ACCOUNT)
_LEFT_OUT = "nội dung đã ẩn, "


class Aliases:
    """The aliases under one key. To give them to an event that has them changes nothing."""

    def __init__(self, key: bytes) -> None:
        """Take a secret of 16 to 64 bytes. Raise ValueError if it has another length."""
        if not 16 <= len(key) <= blake2b.MAX_KEY_SIZE:
            raise ValueError(f"a key of aliases has 16 to 64 bytes, this one {len(key)}")
        self._key = key
        self.key_id = self._hash("key", "", 4)
        """Tells keys apart, and tells nothing of the key: eight hexadecimal digits."""

    def event(self, event: Event) -> Event:
        """Return the event with an alias for everyone that it names, whoever says it.

        What a service decided is better decided again, from events under aliases: some of what it
        says is worded from what was asked.
        """
        data = event.data
        if isinstance(data, RulesEnacted):
            files = self.files(data.files)
            data = data.model_copy(update={"files": files, "sha256": digest(files)})
        return msgspec.structs.replace(
            event,
            data=rewritten(data, self._text),
            subject=self._subject(event.subject, data.TOPIC),
            actor=event.actor and self._actor(event.actor),
            # A hash of what was asked, by which a guess at it could be confirmed.
            fingerprint=event.fingerprint and self._alias("asked", event.fingerprint),
        )

    def rule_set(self, rules: RuleSet) -> RuleSet:
        """Return the set of rules with the aliases of those whom it names."""
        files = self.files(rules.files)
        by = rules.by and self.person(rules.by)
        return msgspec.structs.replace(rules, files=files, sha256=digest(files), by=by)

    def files(self, files: Files) -> dict[str, str]:
        """Return a set's files with the heads' and officers' aliases, and without comments.

        Whoever heads a unit heads it under the alias. A comment may say anything of anyone.
        """
        named = heads_and_officers(files)
        return {
            name: with_strings(
                text, {who: self.person(who) for who in named} if name == "units.toml" else {}
            )
            for name, text in files.items()
        }

    def person(self, reference: str) -> str:
        """Return the alias of a citizen or an officer: at most 36 characters."""
        return self._alias(_PERSONS.get(reference.partition("-")[0], _OTHERS), reference)

    def hidden_id(self, made_of_a_person: str) -> str:
        """Return another id in place of one that follows from whom it concerns."""
        return self._hash("id", made_of_a_person, 16)

    def _text(self, kind: Personal, text: str) -> str:
        match kind:
            case Personal.CITIZEN | Personal.OFFICER | Personal.RECIPIENT:
                return self.person(text)
            case Personal.FREE_TEXT:
                return _without_content(text)
            case Personal.RULES | Personal.NOTHING:
                return text  # a set's files are changed together, above
            case _:
                return self._alias(_WORDS[kind], text)

    def _subject(self, subject: str, topic: str) -> str:
        if topic != CITIZEN_CONTACTS or subject.startswith(of_a_dossier("")):
            return subject
        if (whose := person_of(subject)) is None:
            return self.person(subject)
        return whose._replace(ref=self.person(whose.ref)).subject

    def _actor(self, actor: Actor) -> Actor:
        # Roles and unit decide who may ask what, and name nobody. Another system's claims may.
        told = actor.authclaims if claims_of(actor) is not None else None
        if actor.authtype in _NOT_A_PERSON:
            return msgspec.structs.replace(actor, authclaims=told)
        return Actor(actor.authtype, actor.authid and self.person(actor.authid), told)

    def _alias(self, word: str, text: str) -> str:
        """Return the word and 28 hexadecimal digits, of which the last 8 show that it is an alias
        under this key; an alias is returned as it is."""
        if (own := _ALIAS.fullmatch(text)) and self._hash("alias", own[1], 4) == own[2]:
            return text
        told = self._hash("text", text, 10)
        return f"{word}-{told}{self._hash('alias', told, 4)}"

    def _hash(self, use: str, text: str, size: int) -> str:
        return blake2b(
            text.encode(errors="surrogatepass"),
            key=self._key,
            digest_size=size,
            person=use.encode(),
        ).hexdigest()


def _without_content(text: str) -> str:
    """Return a text that says nothing; as long as the greatest power of four that fits into it.

    So a short text stays short and a long one long, and no limit that the text kept is broken.
    """
    if not text:
        return text
    size = 1
    while size * 4 <= len(text):
        size *= 4
    return (_LEFT_OUT * (size // len(_LEFT_OUT) + 1))[: size - 1] + "…"
