"""The realm for Keycloak says what services read of a token, and nothing that names a person.

`tests/security/keycloak.py` proves it against a real Keycloak.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.wire.claims import Role, claims
from services.runtime.settings import Settings
from services.runtime.signin.verifier import caller_of
from services.shared.authority.table import REQUESTS
from tests.support.paths import ROOT

REALM: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "keycloak" / "realm.json").read_text(encoding="utf-8")
)
(SCOPE,) = REALM["clientScopes"]
CLIENTS = {client["clientId"]: client for client in REALM["clients"]}
AUDIENCE = Settings.model_fields["oidc_audience"].default
PROFILE = json.loads(
    REALM["components"]["org.keycloak.userprofile.UserProfileProvider"][0]["config"][
        "kc.user.profile.config"
    ][0]
)


def told(client: str, roles: list[str], **attributes: str) -> dict[str, Any]:
    """The claims that the realm's mappers make of somebody: as Keycloak documents each kind."""
    made: dict[str, Any] = {"azp": client}
    for mapper in (*SCOPE["protocolMappers"], *CLIENTS[client].get("protocolMappers", ())):
        config = mapper["config"]
        assert config["access.token.claim"] == "true", mapper["name"]
        match mapper["protocolMapper"]:
            case "oidc-sub-mapper":
                made["sub"] = "0"
            case "oidc-audience-mapper":
                made["aud"] = config["included.client.audience"]
            case "oidc-usermodel-client-role-mapper":
                assert config["multivalued"] == "true"
                assert config["usermodel.clientRoleMapping.clientId"] == AUDIENCE
                made[config["claim.name"]] = roles
            case "oidc-usermodel-attribute-mapper":
                if config["user.attribute"] in attributes:
                    made[config["claim.name"]] = attributes[config["user.attribute"]]
            case "oidc-hardcoded-claim-mapper":
                assert config["jsonType.label"] == "JSON"
                made[config["claim.name"]] = json.loads(config["claim.value"])
            case other:
                raise AssertionError(f"what does {other} say?")
    return made


def test_a_person_s_claims_are_those_that_a_service_reads() -> None:
    caller = caller_of(told("officers", ["head"], staff_number="cb-29-0247", unit="H29.101"))
    assert caller.claims == claims([Role.HEAD], "H29.101")
    assert caller.actor.authid == "cb-29-0247"


def test_a_machine_s_claims_name_what_it_may_ask() -> None:
    caller = caller_of(told("portal", ["machine"]))
    assert caller.actor.authid == "portal"
    assert caller.claims.roles == (Role.MACHINE,)
    assert caller.claims.requests
    for name in caller.claims.requests:
        assert Role.MACHINE in REQUESTS[name].cells, name


def test_its_roles_and_its_audience_are_motcua_s() -> None:
    assert set(REALM["roles"]["client"]) == {AUDIENCE}
    assert {role["name"] for role in REALM["roles"]["client"][AUDIENCE]} == set(Role)
    assert CLIENTS[AUDIENCE]["bearerOnly"], "nobody signs in as the audience"
    assert told("officers", [])["aud"] == AUDIENCE


def test_nobody_gets_a_role_through_a_client_that_is_not_meant_for_it() -> None:
    through = {
        each["client"]: set(each["roles"]) for each in REALM["clientScopeMappings"][AUDIENCE]
    }
    assert through == {"officers": set(Role) - {Role.MACHINE}, "portal": {Role.MACHINE}}
    assert not any(client["fullScopeAllowed"] for client in CLIENTS.values())


@pytest.mark.parametrize("name", ["staff_number", "unit"])
def test_people_cannot_change_what_vouches_for_them(name: str) -> None:
    (found,) = (each for each in PROFILE["attributes"] if each["name"] == name)
    assert found["permissions"] == {"view": ["admin"], "edit": ["admin"]}


def test_no_secret_and_no_person_is_in_the_file() -> None:
    assert not any("secret" in client for client in CLIENTS.values()), "Keycloak makes them"
    assert [user["username"] for user in REALM["users"]] == ["service-account-portal"]
    assert not any(client["directAccessGrantsEnabled"] for client in CLIENTS.values())
    assert CLIENTS["officers"]["attributes"]["pkce.code.challenge.method"] == "S256"
    assert REALM["accessTokenLifespan"] <= 300, "a role that is withdrawn ends with the token"
