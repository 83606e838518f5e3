"""Whether the audit is as it was written: reads links in their order, and says what is wrong. Pure.

A link's hash shows whether its bytes were changed, its number whether one is missing before it, its
`previous` whether the one before it was replaced. What is cut off at a chain's end, or gone whole,
only an anchor shows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.runtime.audit.anchors import Anchors, Tip
from services.runtime.audit.chain_keys import NO_KEY, AuditSecrets
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import (
    BEGINNING,
    Link,
    NoLink,
    is_as_written,
    read_link,
)

_MAY_COME_AGAIN = 600
"""Links of a chain that are remembered: a repeated write brings up to 500 of them again."""


class Fault(StrEnum):
    """What is wrong with a link, or with what is said of it."""

    UNREADABLE = "unreadable"
    CHANGED = "changed"
    REPLACED = "replaced"
    MISSING = "missing"
    TWICE = "twice"
    AFTER_END = "after its chain's end"
    FOREIGN = "foreign"
    KEY_UNKNOWN = "key unknown"
    CUT = "tail cut"
    GONE = "chain gone"
    ANCHORED_OTHERWISE = "anchored otherwise"
    ANCHOR = "anchor"


@dataclass(frozen=True)
class Broken:
    """A link that is not as it was written, or not there."""

    chain: str
    number: int | None
    """Its number in the chain; None if it cannot be told."""
    fault: Fault
    detail: str
    place: str
    """Where it was found, or missed: an offset of the topic, or a line of a file."""


class SecretsMissing(Exception):
    """The links are hashed under keys, and no secret is known here. The text says the remedy."""

    def __init__(self) -> None:
        super().__init__(
            "the links are hashed under keys: set MOTCUA_AUDIT_SECRETS, of which they were made"
        )


@dataclass
class _Seen:
    """A chain, as far as it was read."""

    service: str
    links: int
    """The number that its next link has."""
    tip: str
    """The hash of its newest link."""
    offset: int = -1
    ended: bool = False
    again: OrderedDict[int, str] = field(default_factory=OrderedDict)
    """The hashes of its newest links."""


class Verification:
    """Reads links, in the order in which they stand on the topic."""

    def __init__(
        self,
        secrets: AuditSecrets,
        anchors: Anchors | None = None,
        *,
        begins: int = 0,
        tips: Mapping[str, Tip] | None = None,
    ) -> None:
        """`begins`: the offset before which the topic's retention has deleted everything;
        `tips`: the chains as far as an earlier verification has read them."""
        self._secrets = secrets
        self._anchors = anchors
        self._begins = begins
        self._chains: dict[str, _Seen] = {}
        for chain, tip in (tips or {}).items():
            self._chains[chain] = _Seen("", tip.links, tip.hash, tip.offset)
        self._read: set[str] = set()
        self._keyed = False
        self.links = 0
        self.again = 0
        """Links that a repeated write brought once more."""
        self.begun_before = 0
        """Chains whose beginning was deleted by the topic's retention."""
        self.broken: list[Broken] = []

    @property
    def chains(self) -> int:
        """How many chains were read."""
        return len(self._read)

    @property
    def without_end(self) -> int:
        """Chains of processes that run, or were killed."""
        return sum(not self._chains[chain].ended for chain in self._read)

    def tips(self) -> dict[str, Tip]:
        """Return the newest link of each chain that was read."""
        return {
            chain: Tip(links=seen.links, hash=seen.tip, offset=seen.offset)
            for chain in sorted(self._read)
            if (seen := self._chains[chain]).links
        }

    def take(self, written: bytes, place: str, *, offset: int = -1, key: str = "") -> Link | None:
        """Read the next link; return it, if it is one. `key`: the chain that its record names.

        Raise SecretsMissing if nothing can be verified.
        """
        self.links += 1
        try:
            link = read_link(written)
        except NoLink as error:
            self._say(key or "?", None, Fault.UNREADABLE, str(error), place)
            return None
        chain = key or link.chain
        self._read.add(chain)
        seen = self._chains.get(chain)
        if self._is_sound(link, written, chain, place, seen):
            self._place(link, chain, place, offset)
        elif seen is not None:
            # Nothing in it is believed: it stands where it should.
            seen.links, seen.tip, seen.offset = seen.links + 1, link.hash, offset
        return link

    def end(self) -> list[Broken]:
        """Say what the anchors show to be missing; return all that is broken, in its order."""
        if self._anchors is not None:
            self.broken.extend(self._missed(self._anchors))
        return self.broken

    def _is_sound(
        self, link: Link, written: bytes, chain: str, place: str, seen: _Seen | None
    ) -> bool:
        """Check what the link says by itself; return whether its bytes are those written."""
        if link.key == NO_KEY.generation:
            # Chains that were open when the keys came may go on without.
            if self._secrets and self._keyed and link.number == 0:
                why = (
                    "it is hashed without a key, after others had one: anybody can have written it"
                )
                self._say(chain, link.number, Fault.FOREIGN, why, place)
        elif not self._secrets:
            raise SecretsMissing
        else:
            self._keyed = True
        secret = self._secrets.key(link.service, link.key)
        if secret is None:
            why = f"no secret of generation {link.key} is known here"
            self._say(chain, link.number, Fault.KEY_UNKNOWN, why, place)
            return True
        if link.chain != chain or not is_as_written(written, link, secret):
            keyed = ", or it was written without the key" if secret else ""
            why = f"its hash is not that of its bytes: one was changed{keyed}"
            number = link.number if seen is None else seen.links
            self._say(chain, number, Fault.CHANGED, why, place)
            return False
        return True

    def _place(self, link: Link, chain: str, place: str, offset: int) -> None:
        """Check that the link follows the one before it."""
        seen = self._chains.get(chain)
        if seen is None:
            seen = self._chains[chain] = _Seen(link.service, 0, BEGINNING)
            if link.number > 0 and self._begins > 0:
                self.begun_before += 1
                seen.links, seen.tip = link.number, link.previous
        if link.number < seen.links:
            known = seen.again.get(link.number)
            if known == link.hash:
                self.again += 1
            else:
                why = f"there are two links {link.number}, and they differ"
                self._say(chain, link.number, Fault.TWICE, why, place)
            return
        if link.number > seen.links:
            last = link.number - 1
            which = f"links {seen.links} to {last} are" if last > seen.links else "it is"
            why = f"{which} missing: {link.number} comes after {seen.links - 1}"
            if not seen.links:
                why = f"{which} missing: the chain begins with {link.number}"
            self._say(chain, seen.links, Fault.MISSING, why, place)
        elif link.previous != seen.tip:
            why = (
                f"link {link.number} was written after another one than that which stands here"
                if link.number
                else "the first link says that one stood before it"
            )
            self._say(chain, max(0, link.number - 1), Fault.REPLACED, why, place)
        if seen.ended:
            self._say(chain, link.number, Fault.AFTER_END, "the chain had ended before it", place)
        if seen.service and link.service != seen.service:
            why = f"it is {link.service}'s, and the chain is {seen.service}'s"
            self._say(chain, link.number, Fault.FOREIGN, why, place)
        if self._anchors is not None:
            anchored = self._anchors.hash_of(chain, link.number)
            if anchored is not None and anchored != link.hash:
                why = "an anchor has another hash of it: it was written anew since"
                self._say(chain, link.number, Fault.ANCHORED_OTHERWISE, why, place)
            if link.kind is AuditKind.ANCHORED and (why := self._anchors.misses(link.object)):
                self._say(chain, link.number, Fault.ANCHOR, why, place)
        seen.service = link.service
        seen.links, seen.tip, seen.offset = link.number + 1, link.hash, offset
        seen.ended = link.kind is AuditKind.CLOSED
        seen.again[link.number] = link.hash
        if seen.ended:
            seen.again.clear()
        if len(seen.again) > _MAY_COME_AGAIN:
            seen.again.popitem(last=False)

    def _missed(self, anchors: Anchors) -> Iterator[Broken]:
        for chain, tip in anchors.tips.items():
            if 0 <= tip.offset < self._begins:
                continue  # the topic's retention has deleted it
            seen = self._chains.get(chain)
            place = f"anchor {anchors.newest(chain)}"
            if seen is None:
                why = f"an anchor knows {tip.links} links of it, and there is none"
                yield Broken(chain, 0, Fault.GONE, why, place)
            elif seen.links < tip.links:
                why = f"an anchor knows {tip.links} links, and there are {seen.links}"
                yield Broken(chain, seen.links, Fault.CUT, why, place)

    def _say(self, chain: str, number: int | None, fault: Fault, why: str, place: str) -> None:
        self.broken.append(Broken(chain, number, fault, why, place))
