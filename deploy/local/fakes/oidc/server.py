"""A local OIDC provider: discovery, keys, tokens for whoever asks, and a rotation of its keys.

    python -m deploy.local.fakes.oidc.server --keys FILE --port N

`POST /token` is a form, as OAuth has it, with what the token is to say: `role` (several), `officer`
or `client`, `unit`, `request` (several), `audience`, `lifetime` in seconds. It asks for no
password: it listens on this machine only, and its tokens open only a local city. `POST /rotate`
with a JSON object signs with a new key from then on; `{"withdraw": true}` takes older ones away.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from urllib.parse import parse_qs

from deploy.local.fakes.gateway.http import Request, Response, Server, answer
from deploy.local.fakes.oidc.signing import Signing

_DAY = 86_400


class Provider:
    """Answers what an OIDC provider is asked."""

    def __init__(self, issuer: str, signing: Signing) -> None:
        self._issuer = issuer
        self._signing = signing

    async def take(self, request: Request) -> Response | None:
        """Answer one request."""
        match request.method, request.path:
            case "GET", "/.well-known/openid-configuration":
                return answer(200, self._discovery())
            case "GET", "/jwks":
                return answer(200, self._signing.published())
            case "POST", "/token":
                return self._token(request)
            case "POST", "/rotate":
                # It listens on this machine only; this keeps out web pages in its browser.
                if request.headers.get("content-type") != "application/json":
                    return answer(415, {"error": "application/json is wanted"})
                withdraw = request.json().get("withdraw") is True
                return answer(200, {"kid": self._signing.rotate(withdraw=withdraw)})
        return answer(404, {"error": "unknown-path"})

    def _discovery(self) -> dict[str, object]:
        return {
            "issuer": self._issuer,
            "jwks_uri": f"{self._issuer}/jwks",
            "token_endpoint": f"{self._issuer}/token",
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "Ed25519"],
        }

    def _token(self, request: Request) -> Response:
        form = parse_qs(request.body.decode("utf-8", "replace"))

        def one(name: str, default: str) -> str:
            return form.get(name, [default])[0]

        if one("grant_type", "") != "client_credentials":
            return answer(400, {"error": "unsupported_grant_type"})
        who = one("officer", one("client", "nobody"))
        told: dict[str, object] = {"sub": who, "azp": one("client", "motcua-local")}
        told["motcua_roles"] = form.get("role", [])
        for name in ("officer", "unit"):
            if name in form:
                told[f"motcua_{name}"] = one(name, "")
        if "request" in form:
            told["motcua_requests"] = form["request"]
        try:
            lifetime = int(one("lifetime", str(_DAY)))
        except ValueError:
            return answer(400, {"error": "invalid_request", "error_description": "lifetime"})
        token = self._signing.token(self._issuer, one("audience", "motcua"), lifetime, told)
        made = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime}
        return answer(200, made, cache_control="no-store")


async def run(keys: Path, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raise OSError if the port is taken."""
    provider = Provider(f"http://127.0.0.1:{port}", Signing(keys))
    server = Server(provider.take, port)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await server.start()
    sys.stderr.write(f"identity provider on {port}\n")
    await ended.wait()
    server.close()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--keys", type=Path, required=True, help="where its keys are kept")
    made.add_argument("--port", type=int, required=True)
    return made


if __name__ == "__main__":
    options = parser().parse_args()
    asyncio.run(run(options.keys, options.port))
