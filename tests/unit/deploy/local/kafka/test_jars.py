"""The jars of Kafka: pinned, checked, fetched only when they are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy.local.host.errors import InstallFailed, WrongChecksum
from deploy.local.kafka import jars

CONTENT = b"the bytes of a jar"
GOOD = jars.Jar("vn.example:thing:1.0", hashlib.sha256(CONTENT).hexdigest())


def _unheard(_: str) -> None:
    pass


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOTCUA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / f"kafka-{jars.KAFKA_VERSION}"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository of one jar; gives back the jar's path in it."""
    path = tmp_path / "repository/vn/example/thing/1.0/thing-1.0.jar"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    handler = partial(_Quiet, directory=str(tmp_path / "repository"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv(jars.MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield path
        server.shutdown()


def test_the_lock_file_pins_kafka_and_all_it_needs() -> None:
    names = [jar.name for jar in jars.read_lock()]
    assert f"kafka_2.13-{jars.KAFKA_VERSION}.jar" in names
    assert len(names) == len(set(names)) > 40


def test_a_line_that_is_no_pin_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "broken.sha256"
    lock.write_text("# head\nabc  vn.example:thing:1.0\n")
    with pytest.raises(InstallFailed, match="line 2"):
        jars.read_lock(lock)


def test_a_missing_jar_is_fetched_and_kept(cache: Path, mirror: Path) -> None:
    assert jars.install(_unheard, [GOOD]) == [cache / "thing-1.0.jar"]
    mirror.unlink()
    assert jars.install(_unheard, [GOOD])[0].read_bytes() == CONTENT


def test_a_damaged_jar_is_fetched_anew(cache: Path, mirror: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "thing-1.0.jar").write_bytes(CONTENT[:5])
    assert jars.install(_unheard, [GOOD])[0].read_bytes() == CONTENT


def test_another_file_of_the_same_name_is_refused(cache: Path, mirror: Path) -> None:
    mirror.write_bytes(b"something else")
    with pytest.raises(WrongChecksum, match=r"thing-1\.0\.jar"):
        jars.install(_unheard, [GOOD])
    assert not list(cache.iterdir())


@pytest.mark.usefixtures("cache")
def test_without_a_network_the_error_names_the_jar_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(jars.MIRROR_VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(InstallFailed, match=rf"thing-1\.0\.jar[\s\S]*{jars.MIRROR_VARIABLE}"):
        jars.install(_unheard, [GOOD])
