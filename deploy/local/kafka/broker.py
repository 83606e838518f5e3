"""Kafka as a part of the local stack: one KRaft node, broker and controller in one process."""

from __future__ import annotations

from pathlib import Path

from deploy.local.host.part import Ports, Progress
from deploy.local.host.settings import Settings
from deploy.local.kafka import jars, java
from deploy.local.kafka import probe as kafka_probe
from deploy.local.kafka import storage as kafka_storage
from deploy.local.secured.secured import Secured


class Kafka:
    """A `deploy.local.host.part.Part`."""

    name = "kafka"
    listeners: tuple[str, ...] = ("kafka", "controller")

    def __init__(self, folder: Path, settings: Settings, secured: Secured | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._settings = settings
        self._secured = secured

    def install(self, progress: Progress) -> None:
        """Install and check the jars."""
        runtime, classpath = java.executable(), jars.install(progress)
        settings = self._settings
        self._java = java.Java(runtime, classpath, settings.kafka_heap_mb, settings.kafka_tuned)

    def prepare(self, ports: Ports, progress: Progress, lock: int) -> None:
        """Write the configuration; format the storage if it is not, or only half formatted."""
        if not kafka_storage.is_formatted(self.data):
            progress("kafka: formatting storage")
        kafka_storage.prepare(self._java, self.folder, ports, lock, self._secured)

    def command(self, _ports: Ports) -> list[str]:
        """Return the broker's command line."""
        return self._java.command(
            ["kafka.Kafka", str(self.folder / "server.properties")], self.folder
        )

    def environment(self) -> dict[str, str]:
        """Return no variables."""
        return {}

    def is_ready(self, ports: Ports) -> bool:
        """Return whether the broker is registered and takes requests; tell it of users' rights."""
        if self._secured is None:
            return kafka_probe.serves(ports["kafka"])
        from deploy.local.secured.broker_rights import serves

        return serves(self._secured, ports["kafka"], self.data / "rights-told")
