"""The pytest plugin: a city in one process, and golden streams. See docs/testing.md.

What it gives is imported when a test asks for it, so that other tests do not wait for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from motcua.replay import Recording, Replayed
    from motcua.testing.city import City
    from motcua.testing.known import Known


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("motcua", "dossiers in tests (motcua)")
    group.addoption(
        "--golden",
        choices=("check", "write"),
        default="check",
        help="compare golden streams with their files, or write the files (never where CI is set)",
    )
    group.addoption(
        "--motcua-seed",
        type=int,
        default=0,
        metavar="N",
        help="another seed makes other ids, so another order of what happens at one instant; "
        "and it is the first order that `orders` tries",
    )
    group.addoption(
        "--motcua-orders",
        type=int,
        default=10,
        metavar="N",
        help="how many orders `orders` tries of each recording (10)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to write golden streams where nobody reads them."""
    if config.getoption("golden") == "write" and os.environ.get("CI"):
        raise pytest.UsageError(
            "--golden=write is not for CI: write them at your desk, read them, commit them"
        )


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which seed it is, if it is another than usual."""
    seed = config.getoption("motcua_seed")
    return f"motcua: --motcua-seed={seed}" if seed else None


@pytest.fixture
def city(request: pytest.FixtureRequest) -> City:
    """A city of this test's own: the four services in one process, and a clock."""
    from motcua.testing.city import City

    return City(request.config.getoption("motcua_seed"))


@pytest.fixture
def at(city: City) -> Callable[[str], None]:
    """Moves the city to a time, as in Vietnam: ``at("2024-03-25 17:01")``."""
    return city.at


@pytest.fixture
def recording(request: pytest.FixtureRequest) -> Callable[[str], Recording]:
    """Reads a recording that lies beside the test: ``recording("day.jsonl.gz")``."""
    from motcua.replay import read

    def beside(name: str) -> Recording:
        __tracebackhide__ = True
        path = request.path.parent / name
        if not path.is_file():
            pytest.fail(f"there is no recording {path}", pytrace=False)
        return read(path)

    return beside


@pytest.fixture
def replay() -> Callable[..., Replayed]:
    """Replays a recording: ``replay(recording("day.jsonl.gz")).alerts()``."""
    from motcua.replay import replay

    return replay


class Orders:
    """Tries orders in which a city's services may come to a recording."""

    def __init__(self, count: int, seed: int, folder: Path) -> None:
        self._count = count
        self._seed = seed
        self._folder = folder

    def __call__(self, recording: Recording) -> None:
        """Fail if something else comes of it in any of them, with a failing test left behind."""
        from motcua.replay.order import order_of
        from motcua.replay.orders import at_once, leave, narrowed, unlike

        __tracebackhide__ = True
        than = at_once(recording)
        for seed in range(self._seed, self._seed + self._count):
            found = unlike(recording, order_of(seed), than)
            if found is not None:
                less, least = narrowed(recording, found)
                test = leave(self._folder, less, least)
                again = f"--motcua-orders=1 --motcua-seed={seed}"
                pytest.fail(f"{found}\nthe calmest: {least}\n{test}\nagain: {again}", pytrace=False)


@pytest.fixture
def orders(request: pytest.FixtureRequest, tmp_path: Path) -> Orders:
    """Tries that the same comes of a recording in any permitted order: ``orders(recording)``."""
    option = request.config.getoption
    return Orders(option("motcua_orders"), option("motcua_seed"), tmp_path)


class Golden:
    """Compares what a test made with the file that is kept of it."""

    def __init__(self, path: Path, *, write: bool) -> None:
        self._path = path
        self._write = write

    def __call__(self, *dossiers: Known | City, name: str = "stream") -> None:
        """Check the stream of these dossiers, or of all of a city's, against its file.

        `name` tells the streams of one test apart. Fail, naming dossier, event and field, if it is
        another one.
        """
        from motcua.testing.city import City
        from motcua.testing.golden import golden_text

        __tracebackhide__ = True
        each = [d for one in dossiers for d in (one.dossiers if isinstance(one, City) else [one])]
        self._check(golden_text(each), name)

    def days(self, done: Replayed, *, name: str = "days") -> None:
        """Check what a replay decided against its file: a digest per unit and day.

        `done`: a replay that kept its records. Fail, naming unit and day, if it is another one.
        Raise ValueError if nothing was kept.
        """
        from motcua.testing.golden_days import golden_days

        __tracebackhide__ = True
        if not done.log:
            raise ValueError("nothing was kept: replay(recording, keep=True)")
        self._check(golden_days(record.event for record in done.log), name)

    def _check(self, text: str, name: str) -> None:
        from motcua.testing.golden import parting

        __tracebackhide__ = True
        path = self._path / f"{name}.txt"
        if self._write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.is_file():
            pytest.fail(f"there is no golden stream {path}: --golden=write makes it", pytrace=False)
        found = parting(path.read_text(encoding="utf-8"), text)
        if found is not None:
            pytest.fail(f"{found}\n\nIf that is meant: --golden=write ({path})", pytrace=False)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares dossiers with the file of the test's golden stream, or writes it."""
    test = re.sub(r"[^\w.-]+", "_", request.node.name).strip("_")
    path = request.path.parent / "golden" / request.path.stem / test
    return Golden(path, write=request.config.getoption("golden") == "write")


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Tell partings as the command line does, when there were to be none."""
    if op != "==" or right != [] or not isinstance(left, list) or not left:
        return None
    from motcua.replay.parting import Parting, grouped

    if not all(isinstance(one, Parting) for one in left):
        return None
    lines = ["what was recorded is decided otherwise"]
    for alike, mine in grouped(left):
        lines += [f"{len(mine)} x {alike}", f"  first {mine[0].subject}, record {mine[0].number}"]
    return lines


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the story of each dossier of a test that failed: what came before is what is asked."""
    report = yield
    funcargs = getattr(item, "funcargs", {})
    if report.when != "call" or not report.failed or "city" not in funcargs:
        return report
    from motcua.testing.city import City
    from motcua.testing.golden import golden_text

    city = funcargs["city"]
    if isinstance(city, City):  # a test may have another fixture of that name
        for dossier in city.dossiers:
            report.sections.append((f"{dossier!r}"[1:-1], golden_text([dossier])))
    return report
