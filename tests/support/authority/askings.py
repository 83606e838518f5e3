"""What is asked at each route of the table, so that it would be done if whoever asks may."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.shared.authority.table import TABLE, Row
from tests.support.authority.bearers import (
    NAMED_COLLEAGUE,
    NAMED_OFFICER,
    UNITS,
    Bearer,
    Bond,
)
from tests.support.authority.ground import REASON, Stage
from tests.support.office import MARITAL_STATUS, OTHER_WARD, WARD_OFFICER, WARD_PLACE, filing

NAMED = UNITS[Bond.NAMED]
Body = Callable[[Bearer], Any]
_NUMBERS = itertools.count()
_DONE = frozenset({200, 201, 204})


@dataclass(frozen=True)
class Way:
    """How a route is asked."""

    body: Body | None = None
    stage: Stage = Stage.IN_PROCESS
    params: Mapping[str, str] = field(default_factory=dict)
    about: frozenset[Bond] = frozenset()
    """What holds of whoever asks there."""
    done: frozenset[int] = _DONE
    """The statuses of somebody who may ask."""
    also: frozenset[str] = frozenset()
    """The rows that the same call may be, by who asks."""


@dataclass(frozen=True)
class Asking:
    """A row of the table asked at one of its routes."""

    row: str
    service: str
    method: str
    path: str
    way: Way

    @property
    def changes(self) -> bool:
        """Whether it changes a dossier, which is one of its own then."""
        return self.method == "POST" and "{code}" in self.path


def _says(**body: Any) -> Body:
    return lambda _: body


def _hours(number: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=number)).isoformat()


def _grant(**more: Any) -> Body:
    return lambda _: {"unit": NAMED, "since": _hours(0), "until": _hours(99), **more}


def _citizens_address(_: Bearer) -> Any:
    number = next(_NUMBERS)  # each is sent a code once in a minute
    return {"citizen": f"walk-{number}", "email": f"walk-{number}@example.test"}


_ADDRESS = _says(email="walk@example.test")
_CODE = {"change": "00000000-0000-4000-8000-000000000000", "code": "4821 7730"}
_CITIZENS, _OWN = frozenset({Bond.CITIZENS}), frozenset({Bond.OWN})
_REFUSED = frozenset({409})
"""Who asked for no code enters none that is right."""
_MAYBE = frozenset({200, 404})
_ONLINE = filing(channel="online", returning_unit=UNITS[Bond.RETURNING])
_MEASURED = {"period": str(datetime.now(UTC).year), "measure": "received"}
_SPAN = {"since": "2024-03-01T00:00:00Z", "until": "2099-04-01T00:00:00Z"}
_BECAUSE = _says(reason=REASON)
_PAPERS = _says(documents=["Ảnh"], reason=REASON)

_D = "/dossiers/{code}"
WAYS: Mapping[str, Way] = {
    "intake POST /dossiers": Way(
        _says(filing=_ONLINE), also=frozenset({"RegistrationRequested", "ReceptionRequested"})
    ),
    f"intake POST {_D}/reception": Way(stage=Stage.REGISTERED),
    f"intake POST {_D}/rejection": Way(_BECAUSE, Stage.REGISTERED),
    f"intake POST {_D}/supplement-demand": Way(_PAPERS),
    f"intake POST {_D}/supplement": Way(_says(documents=["Ảnh"], unit=NAMED), Stage.SUPPLEMENT),
    f"intake POST {_D}/payment-demand": Way(_says(amount=1000, reason=REASON)),
    f"intake POST {_D}/payment": Way(_says(amount=1000, reference="walk"), Stage.PAYMENT),
    f"intake POST {_D}/withdrawal": Way(_BECAUSE),
    "intake POST /contacts/citizens/changes": Way(_citizens_address, about=_CITIZENS),
    "intake POST /contacts/citizens/proofs": Way(
        _says(citizen="walk", **_CODE), about=_CITIZENS, done=_REFUSED
    ),
    # A lead is asked for as an officer and as a head: the second code is refused, so soon.
    "intake POST /contacts/me/changes": Way(_ADDRESS, about=_OWN, done=frozenset({201, 409})),
    "intake POST /contacts/me/proofs": Way(_says(**_CODE), about=_OWN, done=_REFUSED),
    "intake PUT /contacts/staff/{number}": Way(_ADDRESS),
    "intake GET /dossiers": Way(params={"agency": NAMED}),
    f"routing POST {_D}/step-completion": Way(_says(step="receive-check")),
    f"routing POST {_D}/step-reassignment": Way(_says(lead=WARD_OFFICER)),
    f"routing POST {_D}/hand-over": Way(_says(to_unit=OTHER_WARD, reason=REASON)),
    f"routing POST {_D}/consultation": Way(_says(unit="H29.6", question=REASON)),
    f"routing POST {_D}/consultation-answer": Way(_says(unit=UNITS[Bond.CONSULTED], answer=REASON)),
    f"routing POST {_D}/stop": Way(_BECAUSE),
    f"routing POST {_D}/resumption": Way(_BECAUSE, Stage.STOPPED),
    f"routing POST {_D}/result-return": Way(_says(unit=NAMED, channel="counter"), Stage.PROCESSED),
    f"routing POST {_D}/late-entries": Way(
        lambda _: {"request": "StopRequested", "at": _hours(-40), "reason": REASON}
    ),
    "routing GET /competence": Way(params={"procedure": MARITAL_STATUS, "place": WARD_PLACE}),
    "routing POST /authority/delegations": Way(
        _grant(to=NAMED_COLLEAGUE, requests=["ApologyRequested"])
    ),
    "routing POST /authority/delegations/{delegation}/revocation": Way(),
    "routing POST /authority/absences": Way(_grant(to=NAMED_COLLEAGUE, lead=NAMED_OFFICER)),
    "routing GET /authority": Way(params={"unit": NAMED}),
    f"sla POST {_D}/apology": Way(lambda _: {"reason": REASON, "due": _hours(500)}),
    f"sla POST {_D}/foreseen-delay": Way(_BECAUSE),
    f"sla POST {_D}/exemption": Way(_says(ground="force-majeure", reason=REASON)),
    "sla GET /figures": Way(params=_SPAN),
    "sla GET /figures/dossiers": Way(params=_MEASURED),
    "sla GET /backlog/dossiers": Way(params={"measure": "open"}),
    # No month is frozen.
    "sla GET /snapshots/{period}": Way(done=_MAYBE),
    "sla GET /snapshots/{period}/changes": Way(done=_MAYBE),
    "sla GET /snapshots/{period}/dossiers": Way(params={"measure": "received"}, done=_MAYBE),
    "sla GET /snapshots/{period}/changes/dossiers": Way(
        params={"measure": "received"}, done=_MAYBE
    ),
    **{
        f"{service} GET {path}": way
        for service in ("intake", "routing", "sla", "notify")
        for path, way in (
            ("/balance", Way(params=_SPAN)),
            # It is intake's request.
            (f"{_D}/requests/{{request}}", Way(done=_MAYBE)),
        )
    },
}
"""What a route is asked with; one that is not here is asked with nothing."""


def is_open(row: Row) -> bool:
    """Whether nobody has to sign in for it in a city on trial."""
    return bool(row.open) or row.open_in_trial


ASKINGS = [
    Asking(row.name, row.service, method, path, WAYS.get(f"{row.service} {route}", Way()))
    for row in TABLE
    if not is_open(row)
    for route in row.routes
    for method, _, path in (route.partition(" "),)
]
