"""Which tokens vouch for somebody, and for whom."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from contracts.wire.actor import AuthType
from contracts.wire.claims import Role, claims
from services.runtime.signin.keys import FRESH_SECONDS, REFETCH_SECONDS, KeysAway
from services.runtime.signin.verifier import BadToken
from tests.support.provider_keys import ISSUER, ProviderKeys, made


@pytest.fixture
def provider() -> ProviderKeys:
    return ProviderKeys()


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def test_a_good_token_vouches_for_its_bearer(provider: ProviderKeys) -> None:
    caller = await provider.verifier()(provider.token())
    assert caller.claims == claims([Role.OFFICER], "H29.1")
    assert caller.actor.authtype is AuthType.APP_USER
    assert caller.actor.authid == "cb-29-0004"
    assert caller.actor.authclaims == '{"roles":["officer"],"unit":"H29.1"}'


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_each_pinned_algorithm_is_believed(provider: ProviderKeys, algorithm: str) -> None:
    key = made(algorithm, "two")
    provider.published.append(key.as_dict(private=False))
    assert await provider.verifier()(provider.token(key, algorithm, "two"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"nbf": 10**11}, "nbf"),
        ({"iat": 10**11}, "iat"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"iss": "https://id.example.vn/realms/other"}, "iss"),
        ({"iss": ISSUER + "/"}, "iss"),
        ({"iss": None}, "iss"),
        ({"sub": None}, "sub"),
        ({"typ": "ID"}, "access token"),
        ({"typ": "Refresh"}, "access token"),
        ({"motcua_officer": None}, "motcua_officer"),
        ({"motcua_officer": "Nguyễn Văn A"}, "motcua_officer"),
        ({"motcua_officer": 7}, "motcua_officer"),
        ({"motcua_roles": "officer"}, "motcua_roles"),
        ({"motcua_unit": "h29; drop"}, "motcua_unit"),
        ({"motcua_roles": ["machine", "officer"]}, "machine"),
    ],
)
async def test_a_claim_that_is_missing_or_wrong_vouches_for_nobody(
    provider: ProviderKeys, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadToken, match=why):
        await provider.verifier()(provider.token(**changes))


async def test_the_clocks_may_differ_by_the_skew(provider: ProviderKeys) -> None:
    verify = provider.verifier(skew=30)
    now = int(provider.now)
    assert await verify(provider.token(exp=now - 20))
    assert await verify(provider.token(nbf=now + 20))
    with pytest.raises(BadToken):
        await verify(provider.token(exp=now - 31))
    with pytest.raises(BadToken):
        await verify(provider.token(nbf=now + 40))


async def test_another_key_under_a_known_id_is_a_forgery(provider: ProviderKeys) -> None:
    with pytest.raises(BadToken, match="signature"):
        await provider.verifier()(provider.token(made("ES256", "one")))


async def test_a_changed_body_is_a_forgery(provider: ProviderKeys) -> None:
    head, _, signature = provider.token().split(".")
    forged = f"{head}.{_part(provider.claims(motcua_roles=['head']))}.{signature}"
    with pytest.raises(BadToken, match="signature"):
        await provider.verifier()(forged)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS1", "", 7])
async def test_no_other_algorithm_is_believed(provider: ProviderKeys, algorithm: Any) -> None:
    head = _part({"alg": algorithm, "kid": "one"})
    for signature in ("", "AAAA"):
        with pytest.raises(BadToken):
            await provider.verifier()(f"{head}.{_part(provider.claims())}.{signature}")


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
async def test_a_public_key_is_no_shared_secret(provider: ProviderKeys, kind: str) -> None:
    key = made(kind, "two")
    provider.published.append(key.as_dict(private=False))
    verify = provider.verifier()
    signed = f"{_part({'alg': 'HS256', 'kid': 'two'})}.{_part(provider.claims())}"
    assert isinstance(key, RSAKey | ECKey)
    for secret in (key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode()):
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        with pytest.raises(BadToken):
            await verify(f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


async def test_a_shared_secret_that_is_published_signs_nothing(provider: ProviderKeys) -> None:
    secret = made("HS256", "two")
    provider.published.append(secret.as_dict(private=True))
    with pytest.raises(BadToken, match="does not have"):
        await provider.verifier()(provider.token(secret, "HS256", "two"))


async def test_a_key_that_encrypts_signs_nothing(provider: ProviderKeys) -> None:
    key = made("RS256", "two")
    provider.published.append({**key.as_dict(private=False), "use": "enc"})
    with pytest.raises(BadToken, match="does not have"):
        await provider.verifier()(provider.token(key, "RS256", "two"))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "x" * 20_000, "mã.số.thẻ", "a.b.c.d.e"])
async def test_what_is_no_token_vouches_for_nobody(provider: ProviderKeys, text: str) -> None:
    with pytest.raises(BadToken):
        await provider.verifier()(text)
    assert provider.fetches <= 1


async def test_a_token_has_to_name_its_key(provider: ProviderKeys) -> None:
    with pytest.raises(BadToken, match="name its key"):
        await provider.verifier()(provider.token(kid=None))


async def test_the_key_of_nobody_is_asked_for_at_most_every_so_often(
    provider: ProviderKeys,
) -> None:
    verify = provider.verifier()
    for number in range(20):
        with pytest.raises(BadToken, match="does not have"):
            await verify(provider.token(kid=f"nobody-{number}"))
    assert provider.fetches == 1
    provider.monotonic += REFETCH_SECONDS
    with pytest.raises(BadToken):
        await verify(provider.token(kid="nobody"))
    assert provider.fetches == 2


async def test_a_rotated_key_is_found(provider: ProviderKeys) -> None:
    verify = provider.verifier()
    await verify(provider.token())
    provider.monotonic += REFETCH_SECONDS
    new = made("RS256", "two")
    provider.published.append(new.as_dict(private=False))
    assert await verify(provider.token(new, "RS256", "two"))
    assert await verify(provider.token())


async def test_what_a_withdrawn_key_has_signed_is_forgotten(provider: ProviderKeys) -> None:
    verify = provider.verifier()
    old = provider.token(exp=int(provider.now) + 10_000)
    await verify(old)
    new = made("RS256", "two")
    provider.published = [new.as_dict(private=False)]
    provider.monotonic += FRESH_SECONDS
    await verify(provider.token(new, "RS256", "two"))
    with pytest.raises(BadToken, match="does not have"):
        await verify(old)


async def test_known_keys_go_on_while_the_provider_is_away(provider: ProviderKeys) -> None:
    verify = provider.verifier()
    await verify(provider.token())
    provider.away = True
    provider.monotonic += 10 * FRESH_SECONDS
    assert await verify(provider.token(sub="another"))
    with pytest.raises(KeysAway):
        await verify(provider.token(kid="two"))


async def test_without_any_keys_nobody_can_tell(provider: ProviderKeys) -> None:
    provider.away = True
    verify = provider.verifier()
    with pytest.raises(KeysAway):
        await verify(provider.token())
    provider.away = False
    with pytest.raises(KeysAway):
        await verify(provider.token())  # asked a moment ago
    provider.monotonic += REFETCH_SECONDS
    assert await verify(provider.token())


@pytest.mark.parametrize(
    ("field", "value"),
    [("issuer", "https://id.example.vn/realms/other"), ("jwks_uri", "http://id.example.vn/jwks")],
)
async def test_keys_from_elsewhere_are_not_taken(
    provider: ProviderKeys, field: str, value: str
) -> None:
    setattr(provider, field, value)
    with pytest.raises(KeysAway):
        await provider.verifier()(provider.token())


async def test_a_remembered_token_ends_when_it_expires(provider: ProviderKeys) -> None:
    verify = provider.verifier(skew=30)
    token = provider.token(exp=int(provider.now) + 60)
    first = await verify(token)
    assert await verify(token) is first
    provider.now += 91
    for _ in range(2):
        with pytest.raises(BadToken):
            await verify(token)


async def test_a_machine_is_known_by_its_client(provider: ProviderKeys) -> None:
    told: dict[str, Any] = {
        "motcua_officer": None,
        "motcua_unit": None,
        "motcua_roles": ["machine", "offline_access"],
        "motcua_requests": ["PaymentReportRequested"],
        "azp": "treasury",
    }
    caller = await provider.verifier()(provider.token(**told))
    assert caller.actor.authtype is AuthType.SERVICE_ACCOUNT
    assert caller.actor.authid == "treasury"
    assert caller.claims == claims([Role.MACHINE], requests=["PaymentReportRequested"])
