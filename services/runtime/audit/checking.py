"""Verifies the audit where it stands, and anchors it: the work behind the commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.values import to_utc_millis
from services.runtime.audit.anchors import Anchors, AnchorsWrong, append_anchor, read_anchors
from services.runtime.audit.audit_log import AuditLog, Written, audit_log, read_file
from services.runtime.audit.chain_keys import AuditSecrets
from services.runtime.audit.commands import commands_audit, who_commands
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry
from services.runtime.audit.verification import Broken, Fault, Verification
from services.runtime.settings import Settings

Told = Callable[[int, int], None]
"""Is told how many of how many links were read."""
_EACH = 5_000


@dataclass(frozen=True)
class Verified:
    """What a verification found."""

    verification: Verification
    broken: Sequence[Broken]
    anchors: Anchors | None
    begins: int = 0
    """The offset before which the topic's retention has deleted everything."""


def verify_files(
    files: Sequence[Path], secrets: AuditSecrets, anchors: Anchors | None, told: Told
) -> Verified:
    """Verify exported files, one after the other. Raise OSError if one cannot be read."""
    verification = Verification(secrets, anchors)
    total = sum(path.stat().st_size for path in files)
    done = 0
    for path in files:
        for number, written in enumerate(read_file(path)):
            _take(verification, written)
            done += len(written.bytes) + 1
            if number % _EACH == 0:
                told(done, total)
    return Verified(verification, verification.end(), anchors)


async def verify_topic(
    settings: Settings, secrets: AuditSecrets, anchors: Anchors | None, told: Told
) -> Verified:
    """Verify the topic, whole. Raise TopicsWrong, or what aiokafka raises if the log is away."""
    async with audit_log(settings.kafka) as log:
        verification = Verification(secrets, anchors, begins=log.begins)
        await _read(verification, log, log.begins, told)
        return Verified(verification, verification.end(), anchors, log.begins)


async def anchor(
    settings: Settings,
    secrets: AuditSecrets,
    path: Path,
    key: Ed25519PrivateKey | None,
    told: Told,
) -> Verified:
    """Verify what the newest anchor does not have yet; if all is well, write the next one.

    Whatever is found, the audit tells of it. Raise OSError if the file cannot be written, and as
    the others do.
    """
    try:
        anchors = read_anchors(path, key.public_key() if key else None)
    except FileNotFoundError:
        anchors = Anchors()
    except AnchorsWrong as error:
        found = anchors_broken(error)
        await tell_broken(settings, secrets, [found])
        return Verified(Verification(secrets), [found], None)
    async with audit_log(settings.kafka) as log:
        verification = Verification(secrets, anchors, begins=log.begins, tips=anchors.tips)
        await _read(verification, log, anchors.end, told)
    result = Verified(verification, verification.broken, anchors, log.begins)
    if log.ends < anchors.end:
        short = f"the topic ends at offset {log.ends}, and was anchored up to {anchors.end}"
        result.verification.broken.append(
            Broken("?", None, Fault.CUT, short, f"anchor {len(anchors) - 1}")
        )
    if result.broken:
        await tell_broken(settings, secrets, result.broken)
        return result
    append_anchor(path, anchors.make(verification.tips(), log.ends, _now(), key))
    async with commands_audit(settings, secrets) as audit:
        await audit.write(
            AuditEntry(
                AuditKind.ANCHORED,
                actor=who_commands(),
                request="motcua audit anchor",
                object=anchors.told(),
            )
        )
    return result


def anchors_broken(error: AnchorsWrong) -> Broken:
    """Return a fault of a file of anchors in the form of the others."""
    return Broken("anchors", error.number, Fault.ANCHOR, error.detail, error.place)


async def tell_broken(settings: Settings, secrets: AuditSecrets, broken: Sequence[Broken]) -> None:
    """Have the audit itself tell what is broken, so that those who watch are told.

    Raise what aiokafka raises if the log is away, and NotAudited.
    """
    first = broken[0]
    entry = AuditEntry(
        AuditKind.BROKEN,
        actor=who_commands(),
        request="motcua audit",
        object=f"{first.chain}:{'?' if first.number is None else first.number}",
        reason=first.fault,
        times=len(broken),
    )
    async with commands_audit(settings, secrets) as audit:
        await audit.write(entry)


async def _read(verification: Verification, log: AuditLog, begin: int, told: Told) -> None:
    first = max(begin, log.begins)
    async for batch in log.read(begin):
        for written in batch:
            _take(verification, written)
        if batch:
            told(batch[-1].offset + 1 - first, log.ends - first)


def _take(verification: Verification, written: Written) -> None:
    verification.take(written.bytes, written.place, offset=written.offset, key=written.chain)


def _now() -> datetime:
    return to_utc_millis(datetime.now(UTC))
