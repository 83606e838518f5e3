"""A citizen at the status page: asks as a browser does, through a proxy of ours."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from contracts.wire.topics import PAGE
from deploy.local.stack.city import Instance
from services.notify.page.security.guesses import WINDOW
from services.shared.lookup_key import lookup_key
from tests.support.documented import documented
from tests.support.eventually import eventually

PUBLIC = "https://hoso.example.vn"
WRONG = "AAAAAAAAAA"
_numbers = itertools.count(1)


class Citizen:
    """Someone at the status page, with an address of their own."""

    def __init__(self, instance: Instance, address: str | None = None) -> None:
        self.address = address or f"10.7.{next(_numbers)}.1"
        self._http = httpx.Client(
            base_url=instance.url,
            timeout=30.0,
            headers={"X-Forwarded-For": self.address},
            event_hooks={"response": [documented(PAGE).check]},
        )

    def __enter__(self) -> Citizen:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(
        self, path: str, headers: dict[str, str] | None = None, **params: str
    ) -> httpx.Response:
        return self._http.get(path, headers=headers, params=params or None)

    def head(self, path: str) -> httpx.Response:
        return self._http.head(path)

    def post(self, path: str, **fields: str | list[str]) -> httpx.Response:
        return self._http.post(path, data=fields)

    def status(self, code: str, what: str = "", **params: str) -> httpx.Response:
        return self.get(f"/status/{code}{what}", None, key=key_of(code), **params)

    @contextmanager
    def following(self, code: str, version: int) -> Iterator[Iterator[str]]:
        """The events of an open page, one by one."""
        params = {"key": key_of(code), "v": str(version)}
        with self._http.stream("GET", f"/status/{code}/events", params=params) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield (line for line in answer.iter_lines() if line.startswith("data:"))


def key_of(code: str) -> str:
    return lookup_key("tests", code)


def begin_of_a_window() -> None:
    """Waits, if need be, until a window of counting does not end within the test."""
    left = WINDOW.total_seconds() - time.time() % WINDOW.total_seconds()
    if left < 20:
        eventually(
            lambda: time.time() % WINDOW.total_seconds() < WINDOW.total_seconds() / 2,
            timeout=left + 5,
        )
