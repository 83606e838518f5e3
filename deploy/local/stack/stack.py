"""The local stack: Kafka, mongod and stand-ins for what a city buys, of one checkout and one name.

    stack = Stack(root)
    endpoints = stack.up()
    ...
    stack.down()

Data, logs and ports are kept in `root/.motcua/stack/<name>/`. The parts outlive the process that
started them, unless `die_with_parent` is set. Every method may be called from several processes at
once: a file lock lets one at a time change the stack.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from deploy.local.fakes.gateway.part import GatewayPart
from deploy.local.fakes.oidc.part import OidcPart
from deploy.local.fakes.smtp.part import SmtpPart
from deploy.local.host import ports as port_book
from deploy.local.host import watchdog
from deploy.local.host.errors import PortBusy, StackError
from deploy.local.host.file_lock import exclusive
from deploy.local.host.log_file import disk_usage
from deploy.local.host.part import Part, Progress
from deploy.local.host.preflight import check_disk, check_platform
from deploy.local.host.process import find, kill, marker, stop
from deploy.local.host.settings import from_environment
from deploy.local.kafka.broker import Kafka
from deploy.local.mongod.mongod import Mongod
from deploy.local.secured.secured import Secured
from deploy.local.stack.endpoints import Endpoints, PartStatus, State, endpoints_from
from deploy.local.stack.starting import await_ready, launch, log_path, processes

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
WATCHDOG = "watchdog"
PORT_ATTEMPTS = 3
PARTS = ("mongod", "smtp", "gateway", "oidc", "kafka")
"""In starting order: Kafka takes longest, and the others start beside it."""


class Stack:
    """One local stack. Making the object starts nothing and touches no file.

    `overrides` are fields of `deploy.local.host.settings.Settings` and win over the environment.
    With `die_with_parent` the parts that `up` starts are killed when this process ends.
    """

    def __init__(
        self,
        root: Path,
        name: str = "dev",
        *,
        parts: Collection[str] = PARTS,
        die_with_parent: bool = False,
        **overrides: object,
    ) -> None:
        """`parts`: those that it has; without Kafka it is up in a second."""
        if not NAME.fullmatch(name):
            raise StackError(
                f"A stack cannot be called {name!r}.",
                "Use up to 40 small letters, digits, dashes and underscores.",
            )
        self.name = name
        self.settings = from_environment(overrides)
        self._home = root.resolve() / ".motcua"
        self.folder = self._home / "stack" / name
        self._lock_path = self._home / "stack" / f"{name}.lock"
        self._ports_path = self.folder / "ports.json"
        self._die_with_parent = die_with_parent
        self._secured = Secured(self.folder / "secured")
        # What it was made, it stays: a broker's storage and a database know their users.
        secured = self._secured if self.settings.secured or self._secured.exists else None
        self._smtp = SmtpPart(self.folder / "smtp", self.settings)
        self._gateway = GatewayPart(self.folder / "gateway", self.settings)
        made: list[Part] = [
            Mongod(self.folder / "mongod", self.settings, secured),
            self._smtp,
            self._gateway,
            OidcPart(self.folder / "oidc"),
            Kafka(self.folder / "kafka", self.settings, secured),
        ]
        self._parts = {part.name: part for part in made if part.name in parts}

    def up(self, on_progress: Progress | None = None) -> Endpoints:
        """Start what does not run, wait until all of it serves, and return the addresses.

        Do nothing but look when everything runs. Raise a `StackError` that says what to do; the
        parts that did start stay up.
        """
        tell = on_progress or _silent
        check_platform()
        with self._locked(tell) as lock:
            if self.settings.secured:
                self._secure(tell)
            for part in self._parts.values():
                found = processes(part)
                if len(found) > 1 or (found and not self._ports_path.exists()):
                    stop(found, self.settings.stop_timeout_s)  # its folder was deleted under it
            missing = [part for part in self._parts.values() if not processes(part)]
            if missing:
                check_disk(self.folder, self.settings.min_free_mb)
                for part in missing:
                    part.install(tell)
                if self._die_with_parent and len(missing) == len(self._parts):
                    kill(find(marker(WATCHDOG, self.folder)))
                    watchdog.guard(self.folder, self._lock_path, PARTS, lock)
            self._start_on_free_ports(missing, tell, lock)
            return self.endpoints()

    def _secure(self, tell: Progress) -> None:
        if not self._secured.exists and self._ports_path.exists():
            raise StackError(
                f"The stack {self.name!r} was made without logins.",
                "Give another --name, or delete its data first: `motcua stack reset`.",
            )
        tell("making certificates and users")
        like = self.settings.secured_like
        self._secured.prepare(Path(like) if like else None)

    def down(self, on_progress: Progress | None = None) -> None:
        """End all parts; data and ports stay. Nothing of the stack runs when it returns."""
        tell = on_progress or _silent
        if self._lock_path.exists():
            with self._locked(tell):
                self._down(tell)

    def _down(self, tell: Progress) -> None:
        kill(find(marker(WATCHDOG, self.folder)))
        running = {name: processes(part) for name, part in self._parts.items()}
        if names := [name for name, found in running.items() if found]:
            tell("ending " + ", ".join(names))
        stop(chain.from_iterable(running.values()), self.settings.stop_timeout_s)

    def reset(self, on_progress: Progress | None = None) -> None:
        """`down`, then delete all data, logs and remembered ports of this stack."""
        tell = on_progress or _silent
        with self._locked(tell):
            self._down(tell)
            tell("deleting its data")
            shutil.rmtree(self.folder)

    def kill(self, part: str) -> None:
        """Kill a part with SIGKILL, as a crash would. Do nothing if it does not run."""
        kill(processes(self._part(part)))

    def start(self, part: str, on_progress: Progress | None = None) -> Endpoints:
        """Start one part again, on the same port and data; return when it serves.

        Raise `PortBusy` if its port was taken meanwhile: clients hold that address, so it does not
        move. Raise `StackError` if the stack was never up.
        """
        tell, wanted = on_progress or _silent, self._part(part)
        with self._locked(tell) as lock:
            ports = self.ports()
            if not processes(wanted):
                for listener in wanted.listeners:
                    if not port_book.is_free(ports[listener]):
                        raise port_book.busy(listener, ports[listener], fixed=False)
                wanted.install(tell)
                launch(wanted, ports, tell, lock)
            self._await(wanted, ports, tell)
            return self.endpoints()

    def endpoints(self) -> Endpoints:
        """Return the addresses, also of a stopped stack. Raise `StackError` before any `up`."""
        secured = self._secured.folder if self._secured.exists else None
        found = endpoints_from(self.ports(), self._smtp.ledger, self._gateway.ledger, secured)
        if secured is not None:
            self._secured.write_environments(found.kafka, found.mongo)
        return found

    def ports(self) -> dict[str, int]:
        """Return the ports by listener name. Raise `StackError` before any `up`."""
        ports = port_book.load(self._ports_path)
        if not ports:
            raise StackError(
                f"The stack {self.name!r} was never up.", "Run `motcua stack up` first."
            )
        return ports

    def status(self) -> list[PartStatus]:
        """Return how each part does at this moment."""
        ports = port_book.load(self._ports_path)
        return [self._status(part, ports) for part in self._parts.values()]

    def _status(self, part: Part, ports: dict[str, int]) -> PartStatus:
        process = next(iter(processes(part)), None)
        ready = process is not None and bool(ports) and part.is_ready(ports)
        state = State.RUNNING if ready else State.NOT_ANSWERING if process else State.STOPPED
        return PartStatus(
            part=part.name,
            state=state,
            pid=process.pid if process else None,
            port=ports.get(part.listeners[0]),
            rss_bytes=process.rss_bytes() if process else None,
            uptime_s=process.uptime_s() if process else None,
            data_bytes=disk_usage(part.data),
            log=log_path(part),
        )

    def log_path(self, part: str) -> Path:
        """Return the file that a part's output goes to."""
        return log_path(self._part(part))

    def _start_on_free_ports(self, missing: list[Part], tell: Progress, lock: int) -> None:
        """Start the missing parts; if a port is taken at the last moment, use another one."""
        running = [
            listener
            for part in self._parts.values()
            if part not in missing
            for listener in part.listeners
        ]
        fixed = self.settings.fixed_ports
        for attempt in range(1, PORT_ATTEMPTS + 1):
            remembered = port_book.load(self._ports_path)
            ports = port_book.choose(str(self.folder), remembered, fixed, running)
            port_book.save(self._ports_path, ports)
            try:
                for part in missing:
                    if not processes(part):
                        launch(part, ports, tell, lock)
                for part in self._parts.values():
                    self._await(part, ports, tell)
            except PortBusy:
                if attempt == PORT_ATTEMPTS:
                    raise
                tell("a port was taken by another process; choosing another")
                stop([each for part in missing for each in processes(part)], 5.0)
            else:
                return

    def _await(self, part: Part, ports: dict[str, int], tell: Progress) -> None:
        timeout_s = self.settings.start_timeout_s
        await_ready(part, ports, tell, timeout_s, self.settings.fixed_ports)

    def _part(self, name: str) -> Part:
        if name not in self._parts:
            raise StackError(
                f"The stack has no part {name!r}.", f"Parts are: {', '.join(self._parts)}."
            )
        return self._parts[name]

    @contextmanager
    def _locked(self, tell: Progress) -> Iterator[int]:
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore = self._home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        with exclusive(self._lock_path, on_wait=tell) as lock:
            self.folder.mkdir(parents=True, exist_ok=True)  # a reset may have come first
            yield lock


def _silent(_: str) -> None:
    """Ignore progress."""
