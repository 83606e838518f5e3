"""Gateways and callers of receipts for the tests: the real programs, on ports of their own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from deploy.local.fakes.gateway.accepted import AcceptedMessage, read_accepted_messages
from deploy.local.host.process import python_environment
from tests.support.eventually import eventually


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class GatewayProcess:
    """The local gateway as a process, with a ledger of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ledger = folder / "ledger.ndjson"
        self.port, self.page_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.page = f"http://127.0.0.1:{self.page_port}"
        self._arguments = arguments
        self._log = folder / "gateway.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> GatewayProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        command = [sys.executable, "-m", "deploy.local.fakes.gateway.server"]
        command += ["--ledger", str(self.ledger), "--port", str(self.port)]
        command += ["--page-port", str(self.page_port), *self._arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=python_environment(), stdout=log, stderr=log
            )
        eventually(self._answers, what=f"the gateway on {self.url}")

    def kill(self) -> None:
        """Ends it as the kernel would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def behaves(self, **changes: Any) -> None:
        """Changes how it behaves, from now on."""
        httpx.post(f"{self.page}/control", json=changes, timeout=10).raise_for_status()

    def held(self) -> int:
        """How many requests it holds at the moment."""
        found: int = httpx.get(f"{self.page}/held", timeout=10).raise_for_status().json()["held"]
        return found

    def entries(self) -> list[AcceptedMessage]:
        """What it accepted, in order."""
        return list(read_accepted_messages(self.ledger))

    def counts(self) -> Counter[str]:
        """How often it accepted each message."""
        return Counter(entry.key for entry in self.entries())

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.page}/control", timeout=2).is_success
        except httpx.TransportError:
            return False
