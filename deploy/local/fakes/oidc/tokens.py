"""Asks the local identity provider for tokens, as a login page or a machine would."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
from urllib.parse import urlencode

from contracts.wire.claims import Role


def token(
    issuer: str,
    roles: Iterable[Role],
    who: str,
    *,
    unit: str = "",
    requests: Iterable[str] = (),
    audience: str = "motcua",
    lifetime: int = 86_400,
) -> str:
    """Return a bearer token, good for `lifetime` seconds.

    `who` is a staff number or, for a machine, its name. Raise OSError if the provider is away.
    """
    held = list(roles)
    form = [("grant_type", "client_credentials"), ("audience", audience)]
    form += [("role", role.value) for role in held]
    form += [("request", name) for name in requests]
    form += [("client" if Role.MACHINE in held else "officer", who), ("lifetime", str(lifetime))]
    if unit:
        form.append(("unit", unit))
    asked = urllib.request.Request(f"{issuer.rstrip('/')}/token", urlencode(form).encode())
    with urllib.request.urlopen(asked, timeout=5.0) as answer:
        return str(json.load(answer)["access_token"])


def rotate(issuer: str, *, withdraw: bool = False) -> str:
    """Have the provider sign with a new key, and perhaps withdraw the older; return its id."""
    body = json.dumps({"withdraw": withdraw}).encode()
    asked = urllib.request.Request(f"{issuer}/rotate", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=5.0) as answer:
        return str(json.load(answer)["kid"])
