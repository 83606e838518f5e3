"""Whatever is done to a chain afterwards, the first link that is not as it was written is named."""

from __future__ import annotations

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.audit.anchors import Anchors, AnchorsWrong
from services.runtime.audit.chain_keys import AuditSecrets
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry, Chain, read_link
from services.runtime.audit.verification import Fault, SecretsMissing, Verification
from tests.support.audits import (
    NONE,
    NOON,
    SECRETS,
    a_chain,
    broken_in,
    entry,
    verification_of,
)

SLA = SECRETS.current("sla")


def first(links: list[bytes], *more: object) -> tuple[str, int | None, Fault]:
    found = broken_in(links, *more)[0]  # type: ignore[arg-type]
    return found.chain, found.number, found.fault


def test_chains_side_by_side_are_as_they_were_written() -> None:
    ours, theirs = a_chain(40, ended=True), a_chain(30, service="intake")
    mixed = [each for pair in itertools.zip_longest(ours, theirs) for each in pair if each]
    found = verification_of(mixed)
    assert found.broken == []
    assert (found.links, found.chains, found.without_end) == (70, 2, 1)


@given(st.data())
def test_one_changed_byte_is_named_wherever_it_is(data: st.DataObject) -> None:
    links = a_chain(6, key=SLA, chain="c", ended=True)
    at = data.draw(st.integers(0, 5))
    byte = data.draw(st.integers(0, len(links[at]) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(links[at])
    changed[byte] ^= 1 << bit
    made = Verification(SECRETS)
    for offset, link in enumerate([*links[:at], bytes(changed), *links[at + 1 :]]):
        made.take(link, f"offset {offset}", offset=offset, key="c")  # as the topic has it
    found = made.end()[0]
    assert found.fault in (Fault.CHANGED, Fault.UNREADABLE, Fault.KEY_UNKNOWN, Fault.FOREIGN)
    assert (found.chain, found.place) == ("c", f"offset {at}")


@pytest.mark.parametrize("gone", [0, 1, 4])
def test_a_link_that_was_taken_out_is_named(gone: int) -> None:
    links = a_chain(6, chain="c")
    del links[gone]
    assert first(links) == ("c", gone, Fault.MISSING)


def test_a_changed_link_that_was_hashed_anew_shows_at_the_next() -> None:
    links = a_chain(6, chain="c")
    forger = Chain("sla", chain="c")
    forged = [forger.next(entry(n), NOON) for n in range(4)]
    assert first([*links[:3], forged[3], *links[4:]]) == ("c", 2, Fault.REPLACED)


def test_whoever_has_no_key_can_append_nothing() -> None:
    links = a_chain(3, key=SLA, chain="c")
    forger = Chain("sla", SLA.__class__(1, bytes(32)), "c")
    forged = [forger.next(entry(n), NOON) for n in range(4)]
    assert first([*links, forged[3]], SECRETS) == ("c", 3, Fault.CHANGED)


def test_a_service_cannot_write_in_anothers_name() -> None:
    links = a_chain(3, service="sla", key=SECRETS.current("intake"), chain="c")
    assert first(links, SECRETS) == ("c", 0, Fault.CHANGED)


def test_a_chain_without_a_key_after_others_had_one_is_foreign() -> None:
    before, keyed, after = a_chain(3, chain="b"), a_chain(3, key=SLA), a_chain(3, chain="a")
    assert broken_in([*before[:2], *keyed, before[2]], SECRETS) == []
    assert first([*before, *keyed, *after], SECRETS) == ("a", 0, Fault.FOREIGN)


def test_what_is_hashed_under_a_key_needs_the_secret() -> None:
    with pytest.raises(SecretsMissing):
        broken_in(a_chain(2, key=SLA))
    other = AuditSecrets({2: bytes(32)})
    assert first(a_chain(2, key=SLA, chain="c"), other) == ("c", 0, Fault.KEY_UNKNOWN)


def test_a_repeated_write_breaks_nothing_and_two_links_of_one_number_do() -> None:
    links = a_chain(6, chain="c")
    found = verification_of([*links[:5], *links[2:5], links[5]])
    assert (found.broken, found.again) == ([], 3)
    other = Chain("sla", chain="c")
    forged = [other.next(entry(n), NOON) for n in range(3)]
    assert first([*links, forged[2]]) == ("c", 2, Fault.TWICE)


def test_nothing_comes_after_the_end() -> None:
    links = a_chain(3, chain="c", ended=True)
    forger = Chain("sla", chain="c")
    for n in range(2):
        forger.next(AuditEntry(AuditKind.OPENED) if n == 0 else entry(n), NOON)
    forger.next(AuditEntry(AuditKind.CLOSED), NOON)
    found = broken_in([*links, forger.next(entry(3), NOON)])
    assert Fault.AFTER_END in [each.fault for each in found]


def anchored(*chains: list[bytes], key: Ed25519PrivateKey | None = None) -> Anchors:
    """One anchor of these chains."""
    anchors = Anchors()
    links = [link for chain in chains for link in chain]
    anchors.make(verification_of(links).tips(), len(links), NOON, key)
    return anchors


def test_a_tail_that_was_cut_and_a_chain_that_is_gone_are_named_by_the_anchor() -> None:
    ours, theirs = a_chain(6, chain="ours"), a_chain(4, chain="theirs", ended=True)
    anchors = anchored(ours, theirs)
    assert broken_in([*ours, *theirs], NONE, anchors) == []
    assert broken_in(ours[:4]) == []  # without an anchor nobody can tell
    assert first([*ours[:4], *theirs], NONE, anchors) == ("ours", 4, Fault.CUT)
    assert first([*ours], NONE, anchors) == ("theirs", 0, Fault.GONE)


def test_a_chain_that_was_written_anew_whole_is_not_the_anchored_one() -> None:
    forger = Chain("sla", chain="ours")
    anew = [forger.next(entry(n), NOON) for n in range(6)]
    found = first(anew, NONE, anchored(a_chain(6, chain="ours")))
    assert found == ("ours", 5, Fault.ANCHORED_OTHERWISE)


def test_what_retention_deleted_is_no_fault_and_what_stands_later_is() -> None:
    links = a_chain(8, chain="c")
    found = verification_of(links[3:], begins=3)
    assert (found.broken, found.begun_before) == ([], 1)
    assert broken_in([*links[3:5], *links[6:]], begins=3)[0].number == 5
    # Without retention the same is a fault.
    assert first(links[3:]) == ("c", 0, Fault.MISSING)


def test_a_later_verification_goes_on_where_the_anchor_ended() -> None:
    links = a_chain(8, chain="c")
    anchors = anchored(links[:5])
    later = Verification(NONE, anchors, tips=anchors.tips)
    for offset, link in enumerate(links[5:], start=5):
        later.take(link, f"offset {offset}", offset=offset)
    assert later.broken == []
    assert later.tips()["c"].links == 8
    skipped = Verification(NONE, anchors, tips=anchors.tips)
    skipped.take(links[6], "offset 5", offset=5)
    assert [(each.number, each.fault) for each in skipped.broken] == [(5, Fault.MISSING)]


def lines_of(count: int, key: Ed25519PrivateKey | None) -> tuple[list[bytes], Anchors]:
    made, links = Anchors(), a_chain(count * 2, chain="c")
    return [
        made.make(verification_of(links[: n * 2]).tips(), n * 2, NOON, key)
        for n in range(1, count + 1)
    ], made


def read(lines: list[bytes], key: Ed25519PrivateKey | None) -> Anchors:
    anchors = Anchors()
    for at, line in enumerate(lines):
        anchors.take(line, f"line {at}", key.public_key() if key else None)
    return anchors


def test_anchors_are_read_as_they_were_made_and_each_change_is_named() -> None:
    key = Ed25519PrivateKey.generate()
    lines, made = lines_of(3, key)
    again = read(lines, key)
    assert (again.tips, again.end, again.told()) == (made.tips, made.end, made.told())
    for wrong, number, why in (
        ([lines[0], lines[1].replace(b'"end":4', b'"end":5'), lines[2]], 1, "signature is wrong"),
        ([lines[0], lines[2]], 1, "stands where 1 must"),
        (lines_of(1, Ed25519PrivateKey.generate())[0], 0, "signature is wrong"),
        (lines_of(1, None)[0], 0, "signature is wrong"),
        ([b"{}"], 0, "no anchor"),
        ([lines[0].replace(b"book", b"b\xb2ok")], 0, "no anchor"),
    ):
        with pytest.raises(AnchorsWrong, match=why) as refused:
            read(wrong, key)
        assert refused.value.number == number
    # Unsigned ones hang on each other all the same.
    lines, _ = lines_of(3, None)
    with pytest.raises(AnchorsWrong, match="made after another") as refused:
        read([lines[0].replace(b'"end":2', b'"end":3'), *lines[1:]], None)
    assert refused.value.number == 0


def test_an_anchor_that_was_taken_off_the_end_of_its_file_is_missed() -> None:
    lines, made = lines_of(2, None)
    told = AuditEntry(AuditKind.ANCHORED, object=made.told())
    link = Chain("command").next(told, NOON)
    assert [each.fault for each in broken_in([link], NONE, made)] == [Fault.GONE]  # chain c
    short = read(lines[:1], None)
    assert Fault.ANCHOR in [each.fault for each in broken_in([link], NONE, short)]
    foreign = Chain("command").next(AuditEntry(AuditKind.ANCHORED, object="nonsense"), NOON)
    assert read_link(foreign).object == "nonsense"
    assert Fault.ANCHOR not in [each.fault for each in broken_in([foreign], NONE, short)]
