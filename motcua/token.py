"""``motcua token``: a token of the local identity provider, to try the services by hand."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from contracts.catalogue import load_catalogue
from contracts.wire.claims import Role
from deploy.local.fakes.oidc.tokens import token as issued
from deploy.local.stack.cli import local_endpoints

errors = Console(stderr=True)


def token(
    role: Annotated[list[Role], typer.Option("--as", help="As whom; several times for several.")],
    unit: Annotated[str, typer.Option(help="The unit that an officer, head or desk is of.")] = "",
    officer: Annotated[
        str, typer.Option(help="The staff number, or a machine's name; else one that fits.")
    ] = "",
    request: Annotated[
        list[str] | None, typer.Option(help="What a machine may ask; several times for several.")
    ] = None,
    lifetime: Annotated[int, typer.Option(help="Seconds that it is good for.", min=1)] = 28_800,
    issuer: Annotated[
        str,
        typer.Option(
            envvar="MOTCUA_OIDC_ISSUER", help="The provider; else that of this checkout's stack."
        ),
    ] = "",
    stack: Annotated[str, typer.Option(help="Which stack of this checkout.")] = "dev",
) -> None:
    """Print a bearer token of the local stack's identity provider.

    It goes into a header: `Authorization: Bearer TOKEN`.

    Example: `motcua token --as head --unit H29.15`
    """
    if not set(role).isdisjoint({Role.OFFICER, Role.HEAD, Role.DESK}) and not unit:
        raise typer.BadParameter("name the unit that they are of", param_hint="--unit")
    where = issuer or local_endpoints(stack).oidc
    who = officer or _fitting(role, unit)
    audience = os.environ.get("MOTCUA_OIDC_AUDIENCE") or "motcua"
    try:
        made = issued(
            where,
            role,
            who,
            unit=unit,
            requests=request or (),
            audience=audience,
            lifetime=lifetime,
        )
    except OSError as error:
        errors.print(Text(f"{where} gives no token: {error}", style="red"))
        errors.print(Text("Start the local stack with `motcua stack up`.", style="bold"))
        raise typer.Exit(1) from error
    sys.stdout.write(made + "\n")


def _fitting(roles: list[Role], unit: str) -> str:
    """Return whoever has the role by the catalogue; any name where it knows none."""
    known = load_catalogue().units.get(unit)
    if known is None:
        return f"local-{roles[0]}"
    return known.head if Role.HEAD in roles else known.officers[0]
