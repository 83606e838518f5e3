"""A pytest plugin: where the environment says CI=true, a skipped test has failed.

Nobody reads a list of skips; so what is not proven there must be red, or stand in `MAY_SKIP`.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

MAY_SKIP = {
    "docker": "CI has no Docker daemon; all else runs on Kafka and MongoDB from packages",
    "permits": "the city's own permit log is no part of the product",
}
"""The markers of the tests that may be skipped in CI, each with the reason."""


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Makes a skipped test a failed one, unless it may be skipped or was expected to fail."""
    report = yield
    may = hasattr(report, "wasxfail") or any(map(item.get_closest_marker, MAY_SKIP))
    if report.skipped and not may and _in_ci():
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Makes a module that skips itself while it is collected a failed one."""
    report = yield
    if report.skipped and _in_ci():
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"in CI nothing is skipped but {', '.join(MAY_SKIP)}. {why}"
