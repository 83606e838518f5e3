"""How a body of an older version becomes one of the next. They run on read, one after another.

An upcaster knows only the two versions beside it. To add one: move the class to its next
version, keep the old version's golden sample, and name the step here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Body = dict[str, Any]


def _dossier_received_v1(body: Body) -> Body:
    # Before a result could be fetched anywhere, the receiving unit returned it too.
    unit = body.pop("unit")
    return {**body, "receiving_unit": unit, "returning_unit": unit}


def _message_planned_v1(body: Body) -> Body:
    # What heads and officers are told named them as citizens, too.
    return {**body, "recipient": body.pop("citizen")}


UPCASTERS: dict[str, tuple[str, Callable[[Body], Body]]] = {
    "vn.motcua.DossierReceived.v1": ("vn.motcua.DossierReceived.v2", _dossier_received_v1),
    "vn.motcua.MessagePlanned.v1": ("vn.motcua.MessagePlanned.v2", _message_planned_v1),
}
"""By old type: the type that follows it, and how its body is brought there."""


def upcast(type_name: str, body: Body) -> tuple[str, Body]:
    """The body in its type's current version, with that version's type name."""
    while type_name in UPCASTERS:
        type_name, step = UPCASTERS[type_name]
        body = step(dict(body))
    return type_name, body


def newest_type(type_name: str) -> str:
    """The type that a body of this type is read as."""
    while type_name in UPCASTERS:
        type_name = UPCASTERS[type_name][0]
    return type_name
