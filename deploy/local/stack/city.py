"""The four services, and the citizens' page, as processes of this machine, on a local stack: for
demo, tests and drills.

    with City(endpoints, folder, clock="stream") as city:
        city.start_all()
        ...

Every process belongs to the process that made the city and ends with it, however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from contracts.wire.claims import Role
from contracts.wire.topics import PAGE, SERVICES
from deploy.local.fakes.gateway.part import SECRET, TOKEN
from deploy.local.fakes.oidc.tokens import token
from deploy.local.host.ports import is_free
from deploy.local.stack.endpoints import Endpoints

Progress = Callable[[str], None]
PROCESSES = (*SERVICES, PAGE)
"""What a city consists of: the services, and the page that shows citizens notify's states."""
_MODULES = {PAGE: "services.notify.page"}
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ServiceDied(Exception):
    """A service ended by itself. Shows the last lines that it logged."""


class ServiceProcess(Protocol):
    """A process, as `subprocess.Popen` shows one."""

    pid: int
    returncode: Any

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


Launch = Callable[[str, Mapping[str, str], Path], ServiceProcess]
"""Starts an instance of a service with an environment, logging into a file."""


def module_of(process: str) -> str:
    """Return the module that starts a process of a city."""
    return _MODULES.get(process, f"services.{process}")


def execute(service: str, environment: Mapping[str, str], log: Path) -> ServiceProcess:
    """Start an instance as production does."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module_of(service)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            preexec_fn=_die_with_parent,
        )


@dataclass
class Instance:
    """One process of one service, or of the page."""

    service: str
    number: int
    process: ServiceProcess
    port: int
    log: Path
    reader: Callable[[], str]
    """Returns a token that opens all that can be read."""

    @property
    def name(self) -> str:
        """The name of the instance in logs."""
        return f"{self.service}-{self.number}"

    @property
    def url(self) -> str:
        """The address at which it serves HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, timeout: float = 10.0) -> Any:
        """Return the JSON at a path that is open to all.

        Raise urllib.error.URLError if the request fails.
        """
        with urllib.request.urlopen(self.url + path, timeout=timeout) as response:
            return json.load(response)

    def read(self, path: str, timeout: float = 10.0) -> Any:
        """Return the JSON at a path, as an auditor. Raise like `get`."""
        headers = {"Authorization": f"Bearer {self.reader()}"}
        asked = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(asked, timeout=timeout) as response:
            return json.load(response)

    def memory(self) -> int:
        """Return the resident memory in bytes; 0 if it has ended."""
        try:
            pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


class City:
    """Starts, kills and ends instances of the services."""

    def __init__(
        self, endpoints: Endpoints, folder: Path, *, launch: Launch = execute, **settings: object
    ) -> None:
        """`settings` are those of `services.runtime.settings`, for every service."""
        self.endpoints = endpoints
        self.folder = folder
        self.settings = settings
        self._launch = launch
        self.instances: list[Instance] = []
        self.ports: Mapping[str, int] = {}
        """The preferred port of each process, used if it is free."""
        self._made = 0
        self._known: dict[str, int] = {}
        """The ports that gateways know notify by, and citizens the page."""
        self._token: str | None = None

    def __enter__(self) -> City:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def environment(self, user: str = "operator", /, **more: object) -> dict[str, str]:
        """Return the environment of every service, with more settings besides the city's own.

        `user`: whose, where the stack asks for a login.
        """
        host, _, port = self.endpoints.smtp.rpartition(":")
        told = {
            "trial": 1,
            "kafka": self.endpoints.kafka,
            "mongo": self.endpoints.mongo,
            "smtp_host": host,
            "smtp_port": port,
            "smtp_tls": "none",
            "smtp2_tls": "none",
            "smtp_secret": SECRET,
            **_gateway(self.endpoints.gateway),
            "oidc_issuer": self.endpoints.oidc,
            **self.settings,
            **more,
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MOTCUA_")}
        settings = {f"MOTCUA_{k.upper()}": str(v) for k, v in told.items() if v is not None}
        return kept | self.endpoints.environment(user) | settings

    def start(self, service: str, *, launch: Launch | None = None, **more: object) -> Instance:
        """Start one more instance of a service, by another `launch` than the city's if one is
        given; return before it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._made += 1
        port = self._free_port(service)
        if service in ("notify", PAGE):
            if not any(_runs(i) and i.port == self._known_port(service) for i in self.instances):
                port = self._known_port(service)
            more = {
                "receipts_url": f"http://127.0.0.1:{self._known_port('notify')}",
                "public_url": f"http://127.0.0.1:{self._known_port(PAGE)}",
                **more,
            }
        if service == "notify":
            _bounces_go_to(f"{more['receipts_url']}/receipts/email", self.endpoints.smtp_page)
        log = self.folder / f"{service}-{self._made}.log"
        process = (launch or self._launch)(
            service, self.environment(service, port=port, **more), log
        )
        instance = Instance(service, self._made, process, port, log, self._auditor)
        self.instances.append(instance)
        return instance

    def _auditor(self) -> str:
        if self._token is None:
            self._token = token(self.endpoints.oidc, [Role.AUDITOR], "local-auditor")
        return self._token

    def _known_port(self, service: str) -> int:
        """Return a port that stays the same, also when the instance there is replaced."""
        if service not in self._known:
            self._known[service] = self._free_port(service)
        return self._known[service]

    def _free_port(self, service: str) -> int:
        wanted = self.ports.get(service)
        if wanted is not None and is_free(wanted):
            return wanted
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    def start_all(
        self,
        progress: Progress | None = None,
        timeout: float = 60.0,
        processes: Sequence[str] = PROCESSES,
    ) -> None:
        """Start one instance of each, and wait until all are ready."""
        for process in processes:
            self.start(process)
        self.wait_ready(progress, timeout)

    def of(self, service: str) -> Instance:
        """Return the first running instance of a service."""
        return next(i for i in self.instances if i.service == service and _runs(i))

    def wait_ready(self, progress: Progress | None = None, timeout: float = 60.0) -> None:
        """Wait until every instance has its partitions. Raise ServiceDied or TimeoutError."""
        deadline = time.monotonic() + timeout
        waiting = [i for i in self.instances if _runs(i)]
        while waiting:
            for instance in list(waiting):
                self.check(instance)
                if _ready(instance):
                    waiting.remove(instance)
                    if progress is not None:
                        progress(f"{instance.service} is ready")
            if waiting and time.monotonic() > deadline:
                names = ", ".join(i.name for i in waiting)
                raise TimeoutError(f"not ready after {timeout:.0f} s: {names}; see {self.folder}")
            time.sleep(0.05)

    def check(self, instance: Instance) -> None:
        """Raise ServiceDied if the instance ended by itself."""
        if (code := instance.process.poll()) is not None:
            tail = "\n".join(instance.log.read_text(errors="replace").splitlines()[-20:])
            raise ServiceDied(f"{instance.name} ended with {code}; {instance.log}:\n{tail}")

    def kill(self, instance: Instance) -> None:
        """Kill an instance without warning, as the kernel would."""
        instance.process.kill()
        instance.process.wait()
        self.instances.remove(instance)

    def leave(self, instance: Instance, timeout: float = 45.0) -> int:
        """Ask an instance to end in order; return its exit code."""
        instance.process.terminate()
        try:
            return instance.process.wait(timeout)
        finally:
            instance.process.kill()
            self.instances.remove(instance)

    def stop(self) -> None:
        """End every instance in order; kill those that still run after 45 seconds."""
        running = [i for i in self.instances if _runs(i)]
        for instance in running:
            instance.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 45
        for instance in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                instance.process.wait(max(0.1, deadline - time.monotonic()))
            instance.process.kill()
            instance.process.wait()
        self.instances.clear()


def _gateway(url: str) -> dict[str, str]:
    """Return notify's settings for the local gateway."""
    return {
        f"{channel}_{name}": value
        for channel in ("sms", "zalo")
        for name, value in (("url", url), ("token", TOKEN), ("secret", SECRET))
    }


def _bounces_go_to(url: str, page: str) -> None:
    """Tell the local mail server, if it is there, where its bounces should go."""
    body = json.dumps({"to": url}).encode()
    headers = {"Content-Type": "application/json"}
    with contextlib.suppress(OSError):
        request = urllib.request.Request(f"{page}/bounces", body, headers)
        urllib.request.urlopen(request, timeout=2.0).close()


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, user and system; 0.0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _runs(instance: Instance) -> bool:
    return instance.process.poll() is None


def _ready(instance: Instance) -> bool:
    try:
        instance.get("/health/ready", timeout=2.0)
    except (urllib.error.URLError, OSError):
        return False
    return True


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
