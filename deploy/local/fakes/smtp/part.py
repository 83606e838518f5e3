"""The SMTP server as a part of the local stack."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from deploy.local.host.part import Ports, Progress
from deploy.local.host.process import python_environment
from deploy.local.host.settings import Settings


class SmtpPart:
    """A `deploy.local.host.part.Part`."""

    name = "smtp"
    listeners: tuple[str, ...] = ("smtp", "smtp_page")

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
        command = [
            sys.executable,
            "-m",
            "deploy.local.fakes.smtp.server",
            "--ledger",
            str(self.ledger),
        ]
        command += ["--smtp-port", str(ports["smtp"]), "--page-port", str(ports["smtp_page"])]
        command += ["--fail-rate", str(self._settings.smtp_fail_rate)]
        return [*command, "--fsync"] if self._settings.smtp_fsync else command

    def environment(self) -> dict[str, str]:
        """Return where Python finds this package."""
        return {"PYTHONPATH": python_environment()["PYTHONPATH"]}

    def is_ready(self, ports: Ports) -> bool:
        """Return whether it greets; its page listens before that."""
        try:
            with socket.create_connection(("127.0.0.1", ports["smtp"]), 1.0) as connection:
                connection.settimeout(1.0)
                greeting = connection.recv(512)
                connection.sendall(b"QUIT\r\n")
                return greeting.startswith(b"220 ")
        except OSError:
            return False  # nothing listens yet: exactly what is asked here
