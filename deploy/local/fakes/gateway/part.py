"""The gateway for SMS and Zalo as a part of the local stack."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

from deploy.local.host.part import Ports, Progress
from deploy.local.host.process import python_environment
from deploy.local.host.settings import Settings

TOKEN = "local-gateway"
SECRET = "whsec_bG9jYWwgZ2F0ZXdheTogbm8gc2VjcmV0IGF0IGFsbA=="
"""How the local services and the local gateway recognise each other: no secret at all."""


class GatewayPart:
    """A `deploy.local.host.part.Part`."""

    name = "gateway"
    listeners: tuple[str, ...] = ("gateway", "gateway_page")

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.ledger = self.data / "ledger.ndjson"
        self._settings = settings

    def install(self, _progress: Progress) -> None:
        """Do nothing: it is a module of this package."""

    def prepare(self, _ports: Ports, _progress: Progress, _lock: int) -> None:
        """Make the data folder; the server itself mends the ledger."""
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self, ports: Ports) -> list[str]:
        """Return the server's command line."""
        settings = self._settings
        command = [sys.executable, "-m", "deploy.local.fakes.gateway.server"]
        command += ["--ledger", str(self.ledger)]
        command += ["--port", str(ports["gateway"]), "--page-port", str(ports["gateway_page"])]
        command += ["--fail-rate", str(settings.gateway_fail_rate)]
        return [*command, "--ignore-keys"] if settings.gateway_ignore_keys else command

    def environment(self) -> dict[str, str]:
        """Return where Python finds this package."""
        return {"PYTHONPATH": python_environment()["PYTHONPATH"]}

    def is_ready(self, ports: Ports) -> bool:
        """Return whether its page answers; it does so even when the gateway was told to be away."""
        page = f"http://127.0.0.1:{ports['gateway_page']}/control"
        try:
            with urllib.request.urlopen(page, timeout=1.0) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False  # nothing listens yet: exactly what is asked here
