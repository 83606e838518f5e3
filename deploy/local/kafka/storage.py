"""The storage of the local Kafka node: formatted as a whole or not at all."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from pathlib import Path

from deploy.local.host.errors import DataUnusable, PartDied
from deploy.local.host.part import Ports
from deploy.local.kafka.config import write_broker, write_logging
from deploy.local.kafka.java import Java
from deploy.local.secured.secured import BROKER, MECHANISM, Secured

FORMAT_TIMEOUT_S = 60


def prepare(
    java: Java, folder: Path, ports: Ports, lock: int, secured: Secured | None = None
) -> Path:
    """Make `folder` ready for a start of the broker on `ports`; return its server.properties.

    `lock` is the descriptor of the lock that is held on `folder`. Existing records stay; what a
    killed start left half-made is made again. Raise `DataUnusable` if there are records but no
    start is possible on them, `PartDied` if formatting fails.
    """
    scratch, data = folder / "tmp", folder / "data"
    properties = folder / "server.properties"
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    write_logging(folder / "log4j2.properties")
    if not is_formatted(data):
        discard_unformatted(data)
        # Formatted beside its place and moved there when whole: a kill in between leaves nothing
        # that could be mistaken for storage.
        staging = folder / "formatting"
        discard_unformatted(staging)
        write_broker(properties, staging, ports, secured)
        _format(java, folder, properties, lock, secured)
        if not is_formatted(staging):
            raise PartDied(
                f"Kafka's StorageTool left no storage in {staging}.",
                "Try `motcua stack reset`, which deletes this stack's data.",
            )
        staging.rename(data)
    write_broker(properties, data, ports, secured)
    return properties


def _format(java: Java, folder: Path, properties: Path, lock: int, secured: Secured | None) -> None:
    arguments = ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(properties)]
    for user in (*secured.users, BROKER) if secured else ():
        login = f"{MECHANISM}=[name={user},password={secured.password(user)}]" if secured else ""
        arguments += ["--add-scram", login]
    try:
        done = subprocess.run(
            java.command(arguments, folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
            check=False,
            pass_fds=(lock,),  # it may outlive this process, and the lock should too
        )
    except subprocess.TimeoutExpired as error:
        raise PartDied(
            f"Kafka's storage was not formatted within {FORMAT_TIMEOUT_S} seconds.",
            "The machine is very busy; try again.",
        ) from error
    if done.returncode:
        raise PartDied(
            f"Kafka's storage could not be formatted:\n{done.stdout[-2000:]}{done.stderr}",
            "If the cause is not plain from this, try `motcua stack reset` (it deletes data).",
        )


def _cluster_id() -> str:
    """Return a new id by Kafka's rule: 16 random bytes in URL-safe base64, no dash in front."""
    while True:
        wanted = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not wanted.startswith("-"):
            return wanted


def is_formatted(data: Path) -> bool:
    """Return whether this is storage that a broker can start on."""
    properties = data / "meta.properties"
    return (
        properties.exists()
        and "cluster.id=" in properties.read_text()
        and (data / "__cluster_metadata-0").is_dir()
    )


def discard_unformatted(data: Path) -> None:
    """Remove what a killed format left. Raise `DataUnusable` if there are records in it."""
    if not data.exists():
        return
    topics = [
        entry.name
        for entry in data.iterdir()
        if entry.name != "__cluster_metadata-0" and entry.is_dir() and any(entry.glob("*.log"))
    ]
    if topics:
        raise DataUnusable(
            f"{data} holds partitions ({', '.join(sorted(topics)[:3])}) but is not formatted.",
            "Restore meta.properties from a copy, or delete all data: `motcua stack reset`.",
        )
    shutil.rmtree(data)
