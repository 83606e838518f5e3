"""The identity provider as a part of the local stack."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

from deploy.local.host.part import Ports, Progress
from deploy.local.host.process import python_environment


class OidcPart:
    """A `deploy.local.host.part.Part`."""

    name = "oidc"
    listeners: tuple[str, ...] = ("oidc",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def install(self, _progress: Progress) -> None:
        """Do nothing: it is a module of this package."""

    def prepare(self, _ports: Ports, _progress: Progress, _lock: int) -> None:
        """Make the folder that its keys are kept in."""
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self, ports: Ports) -> list[str]:
        """Return the server's command line."""
        command = [sys.executable, "-m", "deploy.local.fakes.oidc.server"]
        return [*command, "--keys", str(self.data / "keys.json"), "--port", str(ports["oidc"])]

    def environment(self) -> dict[str, str]:
        """Return where Python finds this package."""
        return {"PYTHONPATH": python_environment()["PYTHONPATH"]}

    def is_ready(self, ports: Ports) -> bool:
        """Return whether it publishes its keys."""
        try:
            where = f"http://127.0.0.1:{ports['oidc']}/jwks"
            with urllib.request.urlopen(where, timeout=1.0) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False  # nothing listens yet: exactly what is asked here
