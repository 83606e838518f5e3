"""Who may ask what: the one table of role, request and relation to the dossier.

HTTP routes, decisions and `docs/authority.md` read it. A route that has no row is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from contracts.wire.claims import Claims, Role
from contracts.wire.topics import PAGE, SERVICES


class Relation(StrEnum):
    """What whoever asks has to do with the dossier. The value is said in a refusal."""

    ANY = "of any unit"
    """Whatever the dossier."""
    RECEIVING = "of the unit that takes the dossier in"
    RETURNING = "of the unit that returns its result"
    HANDLING = "of the unit that handles it (before one is found, the one that took it in)"
    NAMED = "of the unit that the request names"
    CONSULTED = "of the authority that is consulted"
    LEAD = "who leads the open step"
    CITIZENS = "about a citizen"
    """Contact data of any citizen, and of no member of the staff."""
    OWN = "about oneself"
    DELEGATED = "to whom the head of the unit that handles it delegated this"
    STANDING_IN = "who stands in for the absent lead of the open step"


Cells = Mapping[Role, frozenset[Relation]]


@dataclass(frozen=True, eq=False)  # a row is itself alone
class Row:
    """One thing that is asked, and by whom it may be."""

    name: str
    """The request's name on the log, or what is read."""
    service: str
    """The process that serves its routes: a service, or the page."""
    routes: tuple[str, ...]
    """Where it is asked over HTTP: method and path."""
    cells: Cells
    open: str = ""
    """Why nobody has to be signed in; empty if somebody has to be."""
    open_in_trial: bool = False
    """Whether in a trial nobody has to be signed in."""

    @lru_cache(maxsize=8192)  # noqa: B019  (there is one table, and a city's officers are few)
    def of(self, claims: Claims) -> frozenset[Relation]:
        """Return the relations by any of which somebody with these claims may ask it."""
        return frozenset(
            relation
            for role in claims.roles
            if role in self.cells and self._holds(role, claims)
            for relation in self.cells[role]
        )

    def admits(self, claims: Claims) -> bool:
        """Return whether somebody with these claims may ask it of one dossier or another."""
        return bool(self.open or self.of(claims))

    def _holds(self, role: Role, claims: Claims) -> bool:
        if role is Role.MACHINE:
            return self.name in claims.requests
        return bool(claims.unit) or role not in OF_A_UNIT

    @property
    def needs(self) -> str:
        """Return in words what role and relation it takes. It never says whose."""
        return "; ".join(
            f"machine whose token names {self.name}"
            if role is Role.MACHINE
            else f"{role} {relation}"
            if role in OF_A_UNIT
            else str(role)
            for role, relations in self.cells.items()
            for relation in Relation
            if relation in relations
        )


OF_A_UNIT = frozenset({Role.OFFICER, Role.HEAD, Role.DESK})
"""The roles that are held for a unit."""

_ANY = frozenset({Relation.ANY})
_OWN = frozenset({Relation.NAMED})
_HANDLING = frozenset({Relation.HANDLING})
_RECEIVING = frozenset({Relation.RECEIVING})
_MACHINE: Cells = {Role.MACHINE: _ANY}
_READERS: Cells = {
    Role.OFFICER: _ANY,
    Role.HEAD: _ANY,
    Role.DESK: _ANY,
    Role.AUDITOR: _ANY,
    Role.OPERATOR: _ANY,
    Role.MACHINE: _ANY,
}
_AT_RECEPTION: Cells = dict.fromkeys((Role.DESK, Role.OFFICER, Role.HEAD), _RECEIVING)
_HANDLERS: Cells = dict.fromkeys((Role.OFFICER, Role.HEAD), _HANDLING)
_HANDLERS_AND_DESK: Cells = {**_HANDLERS, Role.DESK: _RECEIVING | _HANDLING}
_HEAD: Cells = {Role.HEAD: _HANDLING}
_HEAD_OR_DELEGATE: Cells = {**_HEAD, Role.OFFICER: frozenset({Relation.DELEGATED})}
_LEAD_OR_HEAD: Cells = {
    Role.OFFICER: frozenset({Relation.LEAD, Relation.STANDING_IN}),
    Role.HEAD: frozenset({Relation.LEAD, Relation.HANDLING}),
}
_LEAD_HEAD_OR_DELEGATE: Cells = {
    **_LEAD_OR_HEAD,
    Role.OFFICER: _LEAD_OR_HEAD[Role.OFFICER] | {Relation.DELEGATED},
}
_COUNTERS: Cells = dict.fromkeys((Role.DESK, Role.OFFICER, Role.HEAD), _OWN)
_REPORTS: Cells = dict.fromkeys((Role.HEAD, Role.OFFICER, Role.AUDITOR, Role.OPERATOR), _ANY)
_OWN_DATA = frozenset({Relation.OWN})
_CONTACTS: Cells = {
    Role.OFFICER: _OWN_DATA,
    Role.HEAD: _OWN_DATA,
    Role.DESK: frozenset({Relation.CITIZENS, Relation.OWN}),
    Role.MACHINE: frozenset({Relation.CITIZENS}),
}
_INSIDE = "inside the city's network alone: it tells nothing of a dossier"
_CITIZEN = "a citizen has no account: the look-up key opens it"


def _asked(name: str, service: str, path: str, cells: Cells) -> Row:
    return Row(name, service, (f"POST {path}",), cells)


def _read(name: str, service: str, paths: str, cells: Cells) -> Row:
    return Row(name, service, tuple(f"GET {path}" for path in paths.split()), cells)


def _open(name: str, service: str, why: str, *routes: str) -> Row:
    return Row(name, service, routes, {}, why)


_D = "/dossiers/{code}"

TABLE: tuple[Row, ...] = (
    # -- intake
    # Who files for a citizen: a desk that receives, or the portal that registers.
    Row("RegistrationRequested", "intake", ("POST /dossiers",), _MACHINE),
    Row(
        "ReceptionRequested",
        "intake",
        ("POST /dossiers", f"POST {_D}/reception"),
        _AT_RECEPTION,
    ),
    _asked("RejectionRequested", "intake", f"{_D}/rejection", _AT_RECEPTION),
    _asked("SupplementDemandRequested", "intake", f"{_D}/supplement-demand", _HANDLERS_AND_DESK),
    _asked("SupplementDeliveryRequested", "intake", f"{_D}/supplement", {**_COUNTERS, **_MACHINE}),
    _asked("PaymentDemandRequested", "intake", f"{_D}/payment-demand", _HANDLERS_AND_DESK),
    _asked("PaymentReportRequested", "intake", f"{_D}/payment", {Role.DESK: _ANY, **_MACHINE}),
    _asked("WithdrawalRequested", "intake", f"{_D}/withdrawal", {Role.DESK: _ANY, **_MACHINE}),
    Row(
        "ContactChangeRequested",
        "intake",
        ("POST /contacts/citizens/changes", "POST /contacts/me/changes"),
        _CONTACTS,
    ),
    Row(
        "ContactProofRequested",
        "intake",
        ("POST /contacts/citizens/proofs", "POST /contacts/me/proofs"),
        _CONTACTS,
    ),
    # What the city's directory has of its staff.
    Row(
        "contact data of staff",
        "intake",
        ("PUT /contacts/staff/{number}",),
        {Role.OPERATOR: _ANY, **_MACHINE},
    ),
    _read(
        "receipt",
        "intake",
        f"{_D}/receipt",
        {Role.DESK: _RECEIVING | {Relation.RETURNING}, Role.OFFICER: _RECEIVING},
    ),
    _read(
        "list of dossiers",
        "intake",
        "/dossiers",
        {**_COUNTERS, Role.AUDITOR: _ANY, Role.OPERATOR: _ANY},
    ),
    _read("catalogue", "intake", "/procedures /procedures/{procedure}", _READERS),
    # -- routing
    _asked("StepCompletionRequested", "routing", f"{_D}/step-completion", _LEAD_HEAD_OR_DELEGATE),
    _asked("StepReassignmentRequested", "routing", f"{_D}/step-reassignment", _HEAD),
    _asked("HandOverRequested", "routing", f"{_D}/hand-over", _HANDLERS_AND_DESK),
    _asked("ConsultationOpeningRequested", "routing", f"{_D}/consultation", _HANDLERS),
    _asked(
        "ConsultationAnswerRequested",
        "routing",
        f"{_D}/consultation-answer",
        dict.fromkeys((Role.OFFICER, Role.HEAD), frozenset({Relation.CONSULTED})),
    ),
    _asked("StopRequested", "routing", f"{_D}/stop", _HANDLERS),
    _asked("ResumptionRequested", "routing", f"{_D}/resumption", _HANDLERS),
    _asked("ResultReturnRequested", "routing", f"{_D}/result-return", _COUNTERS),
    _asked("LateEntryRequested", "routing", f"{_D}/late-entries", _HEAD_OR_DELEGATE),
    _read("competence", "routing", "/competence", _READERS),
    Row(
        "delegation",
        "routing",
        ("POST /authority/delegations", "POST /authority/delegations/{delegation}/revocation"),
        {Role.HEAD: _OWN},
    ),
    Row(
        "absence",
        "routing",
        ("POST /authority/absences", "POST /authority/delegations/{delegation}/revocation"),
        dict.fromkeys((Role.OFFICER, Role.HEAD), _OWN),
    ),
    _read("authority of a unit", "routing", "/authority", _READERS),
    # -- sla
    _asked("ApologyRequested", "sla", f"{_D}/apology", _HEAD_OR_DELEGATE),
    _asked("DelayForeseenRequested", "sla", f"{_D}/foreseen-delay", _LEAD_OR_HEAD),
    _asked("ExemptionRequested", "sla", f"{_D}/exemption", _HEAD),
    _read("clock of a dossier", "sla", f"{_D}/clock", _READERS),
    _read(
        "figures",
        "sla",
        "/figures /backlog /snapshots /snapshots/{period} /snapshots/{period}/changes",
        {**_REPORTS, **_MACHINE},
    ),
    _read(
        "dossiers behind a figure",
        "sla",
        "/figures/dossiers /backlog/dossiers /snapshots/{period}/dossiers "
        "/snapshots/{period}/changes/dossiers",
        _REPORTS,
    ),
    # -- notify
    _read("figures of messages", "notify", "/figures", {**_REPORTS, **_MACHINE}),
    _open(
        "delivery receipt",
        "notify",
        "it bears its provider's own signature",
        "POST /receipts/{sender}",
    ),
    # -- the page
    _open("PreferencesRequested", PAGE, _CITIZEN, "POST /status/{code}/preferences"),
    _open("RatingRequested", PAGE, _CITIZEN, "POST /status/{code}/rating"),
    _open(
        "status page",
        PAGE,
        _CITIZEN,
        "POST /",
        "GET /status/{code}/events",
        *(
            f"{method} {path}"
            for method in ("GET", "HEAD")
            for path in (
                "/",
                "/status/{code}",
                "/status/{code}.json",
                "/receipt/{code}",
                "/letter/{code}",
                "/page/{name}",
            )
        ),
    ),
    # -- each service
    *(
        row
        for service in SERVICES
        for row in (
            _read("dossier", service, _D, _READERS),
            _read("answer to a request", service, f"{_D}/requests/{{request}}", _READERS),
            _read("balance", service, "/balance", {Role.AUDITOR: _ANY, Role.OPERATOR: _ANY}),
            Row(
                "API pages",
                service,
                ("GET /openapi.json", "GET /docs", "GET /docs/{name}"),
                {Role.OPERATOR: _ANY},
                open_in_trial=True,
            ),
        )
    ),
    # -- each process
    *(
        _open(
            "operation",
            process,
            _INSIDE,
            "GET /metrics",
            "GET /health/live",
            "GET /health/ready",
        )
        for process in (*SERVICES, PAGE)
    ),
)

REQUESTS: Mapping[str, Row] = {row.name: row for row in TABLE if row.name.endswith("Requested")}
"""The rows of what is asked on the log, by the request's name."""


def doors_of(service: str) -> Mapping[tuple[str, str], tuple[Row, ...]]:
    """Return the rows of each route of a service, by method and path."""
    found: dict[tuple[str, str], tuple[Row, ...]] = {}
    for row in TABLE:
        if row.service == service:
            for route in row.routes:
                method, _, path = route.partition(" ")
                found[method, path] = (*found.get((method, path), ()), row)
    return found
