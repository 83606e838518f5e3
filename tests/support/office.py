"""The city over HTTP, as an officer's desk calls it."""

from __future__ import annotations

from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from contracts.catalogue import load_catalogue
from deploy.local.stack.city import City
from tests.support.documented import documented
from tests.support.eventually import eventually
from tests.support.signed_in import AUDITOR, PORTAL, SignedIn

WARD_PLACE = "26740"
WARD_UNIT = "H29.101"
"""Competent for civil status in that place."""
OTHER_WARD = "H29.102"
CENTRE = "H29.1"
MARITAL_STATUS = "1.004873"
"""A certificate of marital status: two steps, three working days."""
OFFICER = "cb-29-0004"
"""At the centre, which receives."""
WARD_HEAD, WARD_OFFICER = "cb-29-0247", "cb-29-0248"
OTHER_OFFICER = "cb-29-0259"
"""At the other ward."""
PROBLEM = "application/problem+json"


def filing(**changes: Any) -> dict[str, Any]:
    """Handed in at the city's centre, for a ward's authority."""
    return {
        "procedure": MARITAL_STATUS,
        "channel": "counter",
        "receiving_unit": CENTRE,
        "returning_unit": CENTRE,
        "place": WARD_PLACE,
        "citizen": "citizen-1",
        "documents": ["a form"],
        "fee": 15_000,
        **changes,
    }


def desk_of(unit: str) -> str:
    """Somebody at the desk of a unit."""
    return load_catalogue().units[unit].officers[0]


class Office:
    """Asks the four services. Each answer must be one that the service's document allows."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._http = httpx.Client(timeout=30.0)
        self.signed_in = SignedIn(city.endpoints.oidc)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def url(self, service: str, path: str) -> str:
        """Where a service has something."""
        return self._city.of(service).url + path

    def get(
        self, service: str, path: str, *, who: str | None = None, **params: Any
    ) -> httpx.Response:
        """What a service answers an auditor; a receipt is for the desk."""
        who = who or (OFFICER if path.endswith("/receipt") else AUDITOR)
        headers = self.signed_in.header(who)
        answer = self._http.get(self.url(service, path), params=params or None, headers=headers)
        documented(service).check(answer)
        return answer

    def post(
        self,
        service: str,
        path: str,
        body: Any = None,
        *,
        who: str | None = None,
        headers: Any = None,
        **more: Any,
    ) -> httpx.Response:
        """What a service makes of a request to change something. `by` in what a test says is who
        asks, and is not sent."""
        if isinstance(body, dict) and "by" in body:
            who = who or body["by"]
            body = {name: value for name, value in body.items() if name != "by"}
        who = who or OFFICER
        signed = {**self.signed_in.header(who), **(headers or {})}
        answer = self._http.post(self.url(service, path), json=body, headers=signed, **more)
        documented(service).check(answer)
        return answer

    def hand_in(self, key: str | None = None, by: str | None = OFFICER, **changes: Any) -> str:
        """The code of a dossier that was handed in, at the desk that receives it."""
        if by == OFFICER and "receiving_unit" in changes:
            by = desk_of(changes["receiving_unit"])
        headers = {"Idempotency-Key": key} if key else {}
        body = {"filing": filing(**changes)}
        answer = self.post("intake", "/dossiers", body, headers=headers, who=by or PORTAL)
        assert answer.status_code == 201, answer.text
        code: str = answer.json()["code"]
        return code

    def does(self, service: str, code: str, what: str, body: Any = None, **params: Any) -> Any:
        """The fact's name and the service's view after a change that must succeed."""
        answer = self.post(service, f"/dossiers/{code}/{what}", body, params=params)
        assert answer.status_code == 200, answer.text
        return _name(answer.json()["fact"]["type"]), answer.json()["dossier"]

    def view(self, service: str, code: str) -> dict[str, Any]:
        """A service's view; empty as long as it knows nothing of the dossier."""
        answer = self.get(service, f"/dossiers/{code}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    def agrees(self, code: str, status: str, *services: str) -> None:
        """Waits until the services all say that the dossier is in this state."""
        for service in services or ("intake", "routing", "sla", "notify"):
            eventually(
                lambda s=service: self.view(s, code).get("status_name") == status,  # type: ignore[misc]
                what=f"{status} of {code} at {service}",
            )

    def open_step(self, code: str) -> dict[str, Any]:
        """Routing's view once a step is open."""
        return eventually(
            lambda: (shown := self.view("routing", code)) and shown["open_step"] and shown,
            what=f"a step of {code}",
        )

    def metric(self, at: str, name: str, /, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        text = self.get(at, "/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def _name(type_name: str) -> str:
    return type_name.removeprefix("vn.motcua.").rpartition(".")[0]
