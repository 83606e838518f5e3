"""Kafka's ahead-of-time cache: classes parsed and linked once, so that every start is quick.

The JVM records what a broker loads while it starts, once per machine and Java runtime, and maps
the result at later starts. A start then takes half the time and half the processor.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.host import ports, watchdog
from deploy.local.host.errors import PartNotReady, log_tail
from deploy.local.host.file_lock import exclusive
from deploy.local.host.part import Progress
from deploy.local.host.preflight import cache_folder
from deploy.local.host.process import find, kill, marker, start, wait_for_exit
from deploy.local.kafka import probe as kafka_probe
from deploy.local.kafka import storage as kafka_storage
from deploy.local.kafka.java import Java, fingerprint

TIMEOUT_S = 180.0
HEAP_MB = 512
KEPT = 3
"""How many caches are kept, for as many Java runtimes; each takes about 70 MiB."""


def cache_for(runtime: Path, classpath: Sequence[Path], progress: Progress) -> Path:
    """The cache for this runtime and these jars, trained now if it is not there.

    Raises `PartNotReady` if the training run does not get through.
    """
    folder = cache_folder()
    wanted = folder / f"kafka-{fingerprint(runtime, classpath)}.aot"
    if not wanted.exists():
        with exclusive(folder / "kafka.lock", on_wait=progress) as lock:
            if not wanted.exists():
                progress("kafka: preparing quick starts (once per machine, about 10 seconds)")
                _clean_up(folder)
                _train(Java(runtime, classpath, HEAP_MB), wanted, lock)
    os.utime(wanted)  # its last use, by which _clean_up goes
    return wanted


def _clean_up(folder: Path) -> None:
    """Remove what a killed training left, and caches for runtimes of long ago."""
    kill(find(marker("training", folder)))
    for left in folder.glob("training-*"):
        shutil.rmtree(left)
    for old in sorted(folder.glob("kafka-*.aot"), key=lambda cache: cache.stat().st_mtime)[:-KEPT]:
        old.unlink()


def _train(java: Java, wanted: Path, lock: int) -> None:
    """Start a broker on an empty folder, let it record, end it, keep the record as `wanted`."""
    folder = wanted.parent
    watchdog.guard(folder, folder / "kafka.lock", ["training"], lock)
    with tempfile.TemporaryDirectory(dir=folder, prefix="training-") as scratch:
        work = Path(scratch)
        where = ports.choose(scratch, {}, {})
        properties = kafka_storage.prepare(java, work, where, lock)
        fresh, log = work / "fresh.aot", work / "training.log"
        command = java.command(
            ["kafka.Kafka", str(properties)], work, [f"-XX:AOTCacheOutput={fresh}"]
        )
        broker = start(
            marker("training", folder), command, log, folder=work, env=os.environ, lock=lock
        )
        deadline = time.monotonic() + TIMEOUT_S
        try:
            while broker.is_alive() and not kafka_probe.serves(where["kafka"]):
                if time.monotonic() > deadline:
                    break
                wait_for_exit([broker], 0.1)
            broker.send(signal.SIGTERM)  # it writes the cache while it ends
            wait_for_exit([broker], deadline - time.monotonic())
        finally:
            kill([broker])
        if not fresh.exists():
            raise PartNotReady(
                f"Kafka could not be prepared for quick starts:\n{log_tail(log)}",
                "Go without: set MOTCUA_STACK_KAFKA_AOT=0.",
            )
        fresh.replace(wanted)
    kill(find(marker("watchdog", folder)))
