"""What ``motcua audit`` shows, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.padding import Padding
from rich.text import Text

from contracts.catalogue.load import VIETNAM
from services.runtime.audit.checking import Verified
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import Link
from services.runtime.audit.verification import Broken

_SHOWN = 20
"""Chains of which the first broken link is shown."""


def verified_page(found: Verified) -> Iterator[Text | Padding]:
    """Yield what a verification found: the first broken link of each chain, in their order."""
    read = found.verification
    yield Text(
        f"{read.links:,} links of {read.chains:,} chains, {read.without_end:,} of them without an "
        "end: their processes run, or were killed"
    )
    if read.again:
        yield Text(f"{read.again:,} links stand there twice, as a repeated write brings them")
    if read.begun_before:
        yield Text(
            f"the topic begins at offset {found.begins:,}: {read.begun_before:,} chains begin "
            "before it; verify what was exported (--from-file)"
        )
    if found.anchors is None:
        yield Text("no anchors were named: a tail that was cut, or a chain gone whole, is not seen")
    elif found.anchors.unsigned:
        yield Text(f"{found.anchors.unsigned:,} of {len(found.anchors):,} anchors are not signed")
    if not found.broken:
        yield Text("all is as it was written", style="green")
        return
    yield from _broken_page(found.broken)


def _broken_page(broken: Iterable[Broken]) -> Iterator[Text | Padding]:
    of_chains: dict[str, list[Broken]] = {}
    for each in broken:
        of_chains.setdefault(each.chain, []).append(each)
    for chain, faults in list(of_chains.items())[:_SHOWN]:
        first = faults[0]
        number = "?" if first.number is None else f"{first.number}"
        what = "anchor" if chain == "anchors" else f"chain {chain}, link"
        yield Text(f"{what} {number}: {first.fault}", style="red")
        more = f"; {len(faults) - 1:,} more faults in it" if len(faults) > 1 else ""
        yield Padding(Text(f"{first.detail} ({first.place}){more}"), (0, 0, 0, 4))
    if len(of_chains) > _SHOWN:
        yield Text(f"and {len(of_chains) - _SHOWN:,} more chains", style="red")


def link_page(link: Link) -> Iterator[Text | Padding]:
    """Yield what a link tells of a dossier: who, from where, and what of it."""
    at = datetime.fromisoformat(link.time).astimezone(VIETNAM)
    roles = ", ".join(link.roles)
    who = " ".join(part for part in (link.who or "nobody signed in", roles, link.unit) if part)
    yield Text.assemble(f"{at:%d/%m/%Y %H:%M:%S}  ", (_did(link), "bold"), f"  {who}")
    told = [
        link.request,
        f"from {link.address}" if link.address else "",
        f"answered {link.status}" if link.status else "",
        link.reason,
        f"{link.times:,} times" if link.times > 1 else "",
    ]
    yield Padding(Text("; ".join(part for part in told if part)), (0, 0, 0, 4))


def _did(link: Link) -> str:
    if link.kind is AuditKind.ANSWERED:
        return "changed" if link.status < 300 else "refused"
    return _WORDS.get(link.kind, str(link.kind))


_WORDS = {AuditKind.READ: "read", AuditKind.ASKED: "asked"}
