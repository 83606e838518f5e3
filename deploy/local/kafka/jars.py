"""The jars of Kafka: pinned by name and sha256 in `kafka.jars.sha256`, fetched once per user.

`python -m deploy.local.kafka.jars lock` resolves the versions below and rewrites the lock file.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.host.errors import InstallFailed, WrongChecksum
from deploy.local.host.file_lock import exclusive
from deploy.local.host.preflight import cache_folder, check_disk

if TYPE_CHECKING:
    from jgo.maven import MavenContext

KAFKA_VERSION = "4.4.0"
ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # What Kafka logs through; its own pom leaves the choice to the distribution.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",
)
LOCK_FILE = Path(__file__).with_name("kafka.jars.sha256")
MIRROR_VARIABLE = "MOTCUA_MAVEN_MIRROR"
DOWNLOADS_AT_ONCE = 4
NEEDED_MB = 300

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Jar:
    """One pinned jar: its Maven coordinate `group:artifact:version` and its sha256."""

    coordinate: str
    sha256: str

    @property
    def name(self) -> str:
        """The jar's file name."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """Return the pinned jars in class path order. Raise `InstallFailed` for an unreadable line."""
    jars = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        digest, _, coordinate = line.partition("  ")
        if len(digest) != 64 or coordinate.count(":") != 2:
            raise InstallFailed(
                f"{path.name} line {number} is not `sha256  group:artifact:version`.",
                "Restore the file from git, or rewrite it: python -m deploy.local.kafka.jars lock.",
            )
        jars.append(Jar(coordinate, digest))
    return jars


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install(progress: Progress, jars: Sequence[Jar] | None = None) -> list[Path]:
    """Return the checked jars in class path order; fetch missing ones first.

    It needs the network only for jars that are not in the cache with the right checksum. Raise
    `InstallFailed` when one cannot be fetched, `WrongChecksum` when it is another file.
    """
    pinned = read_lock() if jars is None else jars
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / jar.name for jar in pinned]
    if not _missing(folder, pinned):
        return paths
    check_disk(folder, NEEDED_MB)
    with exclusive(cache_folder() / "kafka.lock", on_wait=progress):
        if missing := _missing(folder, pinned):
            _fetch_all(missing, folder, progress)
    return paths


def _missing(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    return [
        jar
        for jar in jars
        if not (folder / jar.name).exists() or sha256_of(folder / jar.name) != jar.sha256
    ]


def _fetch_all(jars: Sequence[Jar], folder: Path, progress: Progress) -> None:
    # A fresh folder per installation: an interrupted download is never mistaken for a file.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="download-") as scratch:
        context = maven(Path(scratch))
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            futures = [pool.submit(_fetch, context, jar, folder) for jar in jars]
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    if done % 10 == 0 or done == len(jars):
                        progress(f"kafka: {done} of {len(jars)} jars fetched and checked")
            except InstallFailed:
                pool.shutdown(cancel_futures=True)
                raise


def _fetch(context: MavenContext, jar: Jar, folder: Path) -> None:
    try:
        path: Path = context.create_dependency(jar.coordinate).artifact.resolve()
    except (RuntimeError, OSError) as error:
        raise InstallFailed(
            f"{jar.name} could not be fetched: {error}",
            "Check the network and proxy (HTTPS_PROXY, REQUESTS_CA_BUNDLE), or name a Maven "
            f"mirror in {MIRROR_VARIABLE}; then try again, what is there is kept.",
        ) from error
    actual = sha256_of(path)
    if actual != jar.sha256:
        raise WrongChecksum(
            f"{jar.name} has sha256 {actual}, but {LOCK_FILE.name} pins {jar.sha256}.",
            "Do not use it: the download was damaged or the source altered. Try again, or check "
            f"the mirror in {MIRROR_VARIABLE}.",
        )
    path.replace(folder / jar.name)


def maven(repository: Path) -> MavenContext:
    """Return jgo's resolver, which downloads into `repository`, from a configured mirror if any."""
    # Only fetching jars needs jgo; the command line works without it, in a service's image.
    from jgo.maven import MavenContext

    mirror = os.environ.get(MIRROR_VARIABLE)
    remotes = {"mirror": mirror.rstrip("/")} if mirror else None
    return MavenContext(repo_cache=repository, remote_repos=remotes, timeout=60)


def write_lock(progress: Progress) -> int:
    """Resolve `ROOTS` and pin every jar they need to run; return how many."""
    with tempfile.TemporaryDirectory(prefix="jars-") as scratch:
        context = maven(Path(scratch))
        digests: dict[str, tuple[str, str]] = {}
        for root in ROOTS:
            progress(f"resolving {root}")
            # Each root by itself: resolved together, the dependency management of one would move
            # the versions of the other's jars. Where both want a jar, Kafka's version stays.
            inputs, transitive = context.resolver.resolve([context.create_dependency(root)])
            for dependency in [*inputs, *transitive]:
                project = f"{dependency.groupId}:{dependency.artifactId}"
                if project not in digests:
                    digest = sha256_of(dependency.artifact.resolve())
                    digests[project] = (dependency.version, digest)
                    progress(f"{len(digests)} pinned: {project}:{dependency.version}")
    head = (
        "# Written by `python -m deploy.local.kafka.jars lock`: sha256, group:artifact:version.\n"
    )
    lines = [
        f"{digest}  {project}:{version}\n" for project, (version, digest) in sorted(digests.items())
    ]
    LOCK_FILE.write_text(head + "".join(lines))
    return len(lines)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(arguments: Sequence[str]) -> int:
    """Run the command: `lock` rewrites the lock file, `install` fetches what it pins."""
    if list(arguments) == ["lock"]:
        _say(f"{write_lock(_say)} jars in {LOCK_FILE}")
    elif list(arguments) == ["install"]:
        _say(f"{len(install(_say))} jars in {cache_folder()}")
    else:
        sys.stderr.write("usage: python -m deploy.local.kafka.jars lock|install\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
