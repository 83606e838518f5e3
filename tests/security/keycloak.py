"""The sign-in against a real Keycloak, with the realm of `deploy/keycloak`.

Not part of `make test`: Keycloak is 170 MB. Unpack its distribution (the zip of
`org.keycloak:keycloak-quarkus-dist`), and with Java 17 or newer on the PATH:

    MOTCUA_KEYCLOAK=/path/to/keycloak-26.7.3 .venv/bin/pytest -n 0 tests/security/keycloak.py
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.wire.claims import Role, claims
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from services.runtime.settings import Settings
from services.runtime.signin.verifier import BadToken, Caller, ForgedToken, Verifier
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.office import CENTRE, OFFICER, filing
from tests.support.paths import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.slow]

REALM: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "keycloak" / "realm.json").read_text(encoding="utf-8")
)
PASSWORD = "only-for-this-test"


@dataclass
class Keycloak:
    """A Keycloak that runs, and its administrator."""

    url: str
    http: httpx.Client

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM['realm']}"

    def token(self, realm: str = "city", **form: str) -> dict[str, Any]:
        """What the token endpoint answers to a form."""
        answer = self.http.post(
            f"{self.url}/realms/{realm}/protocol/openid-connect/token", data=form
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A call of the administrator's, about the city's realm."""
        held = self.token(
            "master",
            grant_type="password",
            client_id="admin-cli",
            username="admin",
            password=PASSWORD,
        )
        answer = self.http.request(
            method,
            f"{self.url}/admin/realms/city{path}",
            json=body,
            headers={"Authorization": f"Bearer {held['access_token']}"},
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def client(self, name: str) -> dict[str, Any]:
        """A client of the realm."""
        (found,) = self.admin("GET", f"/clients?clientId={name}").json()
        return dict(found)

    def of_machine(self, name: str) -> str:
        """A machine's access token."""
        secret = self.admin("GET", f"/clients/{self.client(name)['id']}/client-secret").json()
        return str(
            self.token(
                grant_type="client_credentials", client_id=name, client_secret=secret["value"]
            )["access_token"]
        )

    def of_person(self, name: str, application: str = "typed") -> dict[str, Any]:
        """What a person gets who signs in with a password."""
        return self.token(
            grant_type="password",
            client_id=application,
            username=name,
            password=PASSWORD,
            scope="openid",
        )

    def has_person(self, name: str, role: str | None, **attributes: str) -> None:
        """Make a person with a role of motcua's."""
        person = {
            "username": name,
            "email": f"{name}@example.test",
            "firstName": "Thử",
            "lastName": "Nghiệm",
            "enabled": True,
            "attributes": {key: [value] for key, value in attributes.items()},
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        }
        made = self.admin("POST", "/users", person).headers["location"].rpartition("/")[2]
        if role is not None:
            of = self.client("motcua")["id"]
            held = self.admin("GET", f"/clients/{of}/roles/{role}").json()
            self.admin("POST", f"/users/{made}/role-mappings/clients/{of}", [held])

    def has_application(self, name: str, scopes: list[str]) -> None:
        """Make an application that takes a password itself, as no real one should."""
        like = {**self.client("officers"), "directAccessGrantsEnabled": True}
        made = {k: v for k, v in like.items() if k not in ("id", "clientId", "protocolMappers")}
        scope = {"clientId": name, "defaultClientScopes": scopes, "fullScopeAllowed": True}
        self.admin("POST", "/clients", {**made, **scope})


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """A Keycloak of this run's own, with the realm imported at its start as production does."""
    told = os.environ.get("MOTCUA_KEYCLOAK")
    assert told, "set MOTCUA_KEYCLOAK to the folder of Keycloak's unpacked distribution"
    home = tmp_path_factory.mktemp("keycloak") / "home"
    shutil.copytree(Path(told), home)
    (home / "data" / "import").mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "keycloak" / "realm.json", home / "data" / "import")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(str(home / "bin" / "kc.sh"), "start-dev", "--import-realm", "--db=dev-mem"),
        *("--http-host=127.0.0.1", f"--http-port={port}", "--cache=local"),
    ]
    admin = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD}
    log = home / "keycloak.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **admin}, stdout=out, stderr=out, start_new_session=True
        )
    with httpx.Client(timeout=30.0) as http:
        found = Keycloak(f"http://127.0.0.1:{port}", http)

        def serves() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")[-4000:]
            try:
                at = f"{found.issuer}/.well-known/openid-configuration"
                return http.get(at).status_code == 200
            except httpx.TransportError:
                return False

        try:
            eventually(serves, timeout=300.0, what="Keycloak")
            found.has_application("typed", ["motcua"])
            found.has_application("another", [])
            found.has_person("officer", "desk", staff_number=OFFICER, unit=CENTRE)
            found.has_person("nobody", None)
            yield found
        finally:
            process.terminate()
            process.wait(60)


async def verified(keycloak: Keycloak, token: str, audience: str = "motcua") -> Caller:
    return await Verifier(keycloak.issuer, audience, 30)(token)


async def test_a_person_is_vouched_for_by_role_unit_and_staff_number(keycloak: Keycloak) -> None:
    caller = await verified(keycloak, keycloak.of_person("officer")["access_token"])
    assert caller.claims == claims([Role.DESK], CENTRE)
    assert caller.actor.authid == OFFICER


async def test_a_machine_is_vouched_for_by_its_client_and_what_it_may_ask(
    keycloak: Keycloak,
) -> None:
    caller = await verified(keycloak, keycloak.of_machine("portal"))
    asked = ["RegistrationRequested", "SupplementDeliveryRequested"]
    assert caller.claims == claims([Role.MACHINE], requests=asked)
    assert caller.actor.authid == "portal"


async def test_a_token_says_no_name_and_lasts_five_minutes(keycloak: Keycloak) -> None:
    told = keycloak.of_person("officer")
    assert told["expires_in"] == 300
    body = told["access_token"].split(".")[1]
    said = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert {"name", "email", "preferred_username", "given_name"}.isdisjoint(said)
    assert said["aud"] == "motcua"


async def test_what_is_made_out_to_others_or_by_others_vouches_for_nobody(
    keycloak: Keycloak,
) -> None:
    good = keycloak.of_person("officer")
    with pytest.raises(BadToken, match="the claim aud"):
        await verified(keycloak, good["access_token"], audience="another")
    with pytest.raises(BadToken, match="the claim"):
        await verified(keycloak, keycloak.of_person("officer", "another")["access_token"])
    with pytest.raises(BadToken):
        await verified(keycloak, good["id_token"])
    with pytest.raises(BadToken):
        await verified(keycloak, good["refresh_token"])
    with pytest.raises(BadToken, match="motcua_officer"):
        await verified(keycloak, keycloak.of_person("nobody")["access_token"])
    of_master = keycloak.token(
        "master", grant_type="password", client_id="admin-cli", username="admin", password=PASSWORD
    )
    with pytest.raises(ForgedToken):
        await verified(keycloak, of_master["access_token"])
    head, body, signature = good["access_token"].split(".")
    flipped = signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
    with pytest.raises(ForgedToken):
        await verified(keycloak, f"{head}.{body}.{flipped}")


def test_people_cannot_change_what_they_are(keycloak: Keycloak) -> None:
    """Else whoever signs in could act for any unit."""
    profile = keycloak.admin("GET", "/users/profile").json()["attributes"]
    told = {attribute["name"]: attribute["permissions"] for attribute in profile}
    for name in ("staff_number", "unit"):
        assert told[name] == {"view": ["admin"], "edit": ["admin"]}


def test_services_admit_and_refuse_by_it(
    keycloak: Keycloak,
    endpoints: Endpoints,
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    officer = keycloak.of_person("officer")["access_token"]
    stranger = keycloak.of_person("officer", "another")["access_token"]
    portal = keycloak.of_machine("portal")
    city = City(
        endpoints,
        tmp_path_factory.mktemp("signed-in"),
        launch=fork,
        trial=0,
        partitions=settings.partitions,
        session_timeout_ms=settings.session_timeout_ms,
        oidc_issuer=keycloak.issuer,
        lookup_secrets=f"1:{'a' * 64}",
        reference_secrets=f"1:{'b' * 64}",
        master_key="q" * 43 + "=",
        smtp_tls="starttls",
    )
    with city:
        intake = city.start("intake")
        city.wait_ready()

        def status(token: str | None, body: Any) -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = httpx.post(f"{intake.url}/dossiers", json=body, headers=headers, timeout=30)
            return answer.status_code

        at_the_desk = {"filing": filing()}
        online = {"filing": filing(channel="online")}
        assert status(officer, at_the_desk) == 201
        assert status(portal, online) == 201
        assert status(None, at_the_desk) == 401
        assert status(stranger, at_the_desk) == 401
        assert status(officer, {"filing": filing(receiving_unit="H29.2")}) == 403
