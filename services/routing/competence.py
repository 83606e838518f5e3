"""The competent authority (thẩm quyền giải quyết): from procedure and place, nothing else.

It does not depend on where a dossier was handed in: so it can be handed in anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from contracts.catalogue import Catalogue, CompetenceRule, Procedure, Unit


@dataclass(frozen=True)
class Competence:
    """The competent unit, and the rule that names it."""

    unit: Unit
    rule: str


def competent_unit(
    catalogue: Catalogue, procedure: str, place: str, at: datetime
) -> Competence | str:
    """Return the unit that is competent at that time; or, in words, why no rule names one."""
    entry = catalogue.procedures.get(procedure)
    if entry is None:
        return f"there is no procedure {procedure} in the catalogue"
    for rule in catalogue.rules:
        if not _fits(rule, entry, place):
            continue
        if rule.unit is not None:
            return Competence(catalogue.heir(rule.unit, at), rule.id)
        assert rule.kind is not None
        unit = catalogue.unit_for(rule.kind, place, at)
        if unit is not None:
            return Competence(unit, rule.id)
    return f"no rule names a unit for procedure {procedure} in place {place}"


def _fits(rule: CompetenceRule, procedure: Procedure, place: str) -> bool:
    if rule.places and place not in rule.places:
        return False
    if rule.procedures:
        return procedure.code in rule.procedures
    return procedure.field in rule.fields


def lead_for(unit: Unit, dossier: str, step: str) -> str:
    """Return the officer of the unit who leads a step: spread evenly, and equal in every replay."""
    digest = blake2b(f"{dossier}\x1f{step}".encode(), digest_size=4).digest()
    return unit.officers[int.from_bytes(digest) % len(unit.officers)]
