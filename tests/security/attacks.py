"""Attacks from outside, each as large as it is told to be: guesses, slow bodies, open pages, text.

What they come to is counted by answer. `Nobody` stands for a connection that got none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

NOBODY = "no answer"
_SECONDS = 60.0
"""After so many without an answer, there is none."""
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_LONG = {"Content-Length": "4000"}
Came = Counter[str]
"""How often each answer came: a status, or `NOBODY`."""


@dataclass(frozen=True)
class Target:
    """Where one service listens."""

    host: str
    port: int

    @classmethod
    def at(cls, url: str) -> Target:
        """The target of an address without a path."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        return cls(parts.hostname, parts.port)


def addresses(count: int) -> Iterator[str]:
    """So many addresses of this machine alone, 127.1.0.1 and on: no proxy has to be believed."""
    first = int(IPv4Address("127.1.0.1"))
    return (str(IPv4Address(first + n)) for n in range(count))


@asynccontextmanager
async def connected(
    target: Target, source: str | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection from that address."""
    local = None if source is None else (source, 0)
    reader, writer = await asyncio.open_connection(target.host, target.port, local_addr=local)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def request(
    method: str,
    path: str,
    body: bytes = b"",
    kind: str = _FORM,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """One request that keeps no connection."""
    told = {
        "Host": "hoso.example.vn",
        "Connection": "close",
        "Content-Length": str(len(body)),
        "Content-Type": kind,
        **(headers or {}),
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode(errors=_ODDLY) + body


async def answer(target: Target, content: bytes, source: str | None = None) -> str:
    """The status of the answer, or `NOBODY`."""
    try:
        async with asyncio.timeout(_SECONDS), connected(target, source) as (reader, writer):
            writer.write(content)
            await writer.drain()
            return await _status(reader)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return NOBODY


async def _status(reader: asyncio.StreamReader) -> str:
    line = await reader.readline()
    return line.split(b" ")[1].decode() if line else NOBODY


async def side_by_side(acts: Iterable[Callable[[], Awaitable[str]]], at_once: int) -> Came:
    """Does them all, so many at a time; counts what they come to."""
    waiting, came = iter(acts), Came()

    async def work() -> None:
        for act in waiting:
            came[await act()] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return came


async def guesses(page: Target, codes: list[str], *, count: int, at_once: int) -> Came:
    """Each address guesses one key: of these dossiers, and of ones that are made up."""

    def guess(number: int, source: str) -> Callable[[], Awaitable[str]]:
        made_up = f"H29.101-260211-{number % 10_000:04}"
        code = codes[number // 2 % len(codes)] if number % 2 else made_up
        form = urlencode({"code": code, "key": f"AAAA{number:06}"}).encode()
        return lambda: answer(page, request("POST", "/", form), source)

    return await side_by_side((guess(*one) for one in enumerate(addresses(count))), at_once)


async def slow_bodies(
    target: Target, path: str, *, count: int, signed: Mapping[str, str] | None = None
) -> Came:
    """Each announces a body and sends a byte a second, until it is given up."""

    async def drip() -> str:
        head = request(
            "POST", path, kind=_JSON if signed else _FORM, headers={**(signed or {}), **_LONG}
        )
        try:
            async with asyncio.timeout(_SECONDS), connected(target) as (reader, writer):
                writer.write(head)
                answered = asyncio.create_task(_status(reader))
                while not answered.done():
                    writer.write(b"a")
                    with contextlib.suppress(OSError):
                        await writer.drain()
                    await asyncio.wait({answered}, timeout=1.0)
                return answered.result()
        except (OSError, TimeoutError):
            return NOBODY

    return await side_by_side([drip] * count, count)


class OpenPages:
    """Status pages that stay open, each from an address of its own."""

    def __init__(self, page: Target, code: str, key: str) -> None:
        self._page = page
        self._path = f"/status/{code}/events?{urlencode({'key': key, 'v': 0})}"
        self._tasks: list[asyncio.Task[None]] = []
        self.came = Came()
        self.told = 0
        """How many were told since `expect` was called."""
        self._waits = 0
        self._all_told = asyncio.Event()

    async def open(self, count: int, at_once: int) -> None:
        """Opens so many; returns when each is answered."""

        async def one(source: str) -> str:
            answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self._tasks.append(asyncio.create_task(self._follow(source, answered)))
            return await answered

        ways = ((lambda s=source: one(s)) for source in addresses(count))
        self.came += await side_by_side(ways, at_once)

    def expect(self) -> None:
        """From now on it is counted who is told of a change."""
        self.told, self._waits = 0, self.came["200"]
        self._all_told.clear()

    async def all_told(self, seconds: float = _SECONDS) -> None:
        """Waits until every open page was told. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self._all_told.wait()

    async def close(self) -> None:
        """Closes them all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, source: str, answered: asyncio.Future[str]) -> None:
        try:
            async with connected(self._page, source) as (reader, writer):
                writer.write(request("GET", self._path))
                status = await _status(reader)
                if status == "200":
                    # What it has missed by then is told at once: that is no news.
                    await _next_event(reader)
                answered.set_result(status)
                while status == "200":
                    await _next_event(reader)
                    self.told += 1
                    if self.told >= self._waits:
                        self._all_told.set()
        except (OSError, asyncio.IncompleteReadError):
            if not answered.done():
                answered.set_result(NOBODY)


async def _next_event(reader: asyncio.StreamReader) -> None:
    while not (await reader.readuntil(b"\n")).startswith(b"data:"):
        pass


ODD = (
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 1300,
    "x" * 30_000,
    "e" + "\N{COMBINING ACUTE ACCENT}" * 4000,
    "\N{RIGHT-TO-LEFT OVERRIDE}cod.exe\N{POP DIRECTIONAL FORMATTING}",
    "\N{WOMAN}\N{ZERO WIDTH JOINER}" * 900,
    "\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}\N{ZERO WIDTH NO-BREAK SPACE}",
    "\x00\x07\x1b[2J",
    "\ud800",
    "{{reason}} ${7*7} <script>alert(1)</script>",
    "x\r\nBcc: everybody@example.test\r\n\r\n",
    '{"$gt": ""}',
    "../../../etc/passwd\N{FULLWIDTH SOLIDUS}..",
    "\N{FULLWIDTH DIGIT NINE}" * 12,
    "-0", "1e400", "NaN", "", " " * 2000,
)  # fmt: skip
"""Text that somebody did not think of."""


def odd_requests(
    document: Mapping[str, Any], signed: Mapping[str, str], texts: Iterable[str] = ODD
) -> Iterator[tuple[str, bytes]]:
    """Each text at each place of each operation that an OpenAPI document names: in the path, in the
    query, in the headers and in every field of the body, the others being as they should.

    `signed`: the headers of whoever asks. Yields what is asked (method and path as documented) and
    its request.
    """
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for text in texts:
                for content in _odd(document, method.upper(), path, operation, signed, text):
                    yield f"{method.upper()} {path}", content


def _odd(
    document: Mapping[str, Any],
    method: str,
    path: str,
    operation: Any,
    signed: Mapping[str, str],
    text: str,
) -> Iterator[bytes]:
    parameters = [_whole(document, one) for one in operation.get("parameters", ())]
    in_path = {p["name"]: str(_sample(document, p["schema"])) for p in parameters if _is(p, "path")}
    needed = {
        p["name"]: str(_sample(document, p["schema"]))
        for p in parameters
        if _is(p, "query") and p.get("required")
    }
    media: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    kind, schema = next(((k, m["schema"]) for k, m in media.items()), (_FORM, None))
    body = None if schema is None else _sample(document, schema)

    def made(
        values: Mapping[str, str], query: Mapping[str, str], body: Any, **headers: str
    ) -> bytes:
        where = path
        for name, value in values.items():
            where = where.replace(f"{{{name}}}", quote(value[:2000], safe="", errors=_ODDLY))
        if query:
            where += "?" + urlencode({k: v[:2000] for k, v in query.items()}, errors=_ODDLY)
        content = b"" if body is None else _encoded(kind, body)
        return request(method, where, content, kind, {**signed, **headers})

    for name in in_path:
        yield made({**in_path, name: text}, needed, body)
    for parameter in parameters:
        if _is(parameter, "query"):
            yield made(in_path, {**needed, parameter["name"]: text}, body)
        elif _is(parameter, "header"):
            value = _ENDS_A_HEADER.sub(" ", text[:4000])
            yield made(in_path, needed, body, **{parameter["name"]: value})
    if body is not None:
        for place in _places(body):
            yield made(in_path, needed, _replaced(body, place, text))


_ODDLY = "surrogatepass"
_ENDS_A_HEADER = re.compile(r"[\r\n\0]")


def _is(parameter: Mapping[str, Any], where: str) -> bool:
    return bool(parameter["in"] == where)


def _encoded(kind: str, body: Any) -> bytes:
    if kind == _FORM and isinstance(body, str):
        return body.encode(errors=_ODDLY)
    if kind == _FORM:
        return urlencode({k: str(v) for k, v in body.items()}, errors=_ODDLY).encode()
    return json.dumps(body).encode()


def _whole(document: Mapping[str, Any], schema: Any) -> Any:
    while "$ref" in schema:
        found: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema


def _sample(document: Mapping[str, Any], schema: Any) -> Any:
    """Something that the schema allows, with every property that it names."""
    schema = _whole(document, schema)
    for word in ("example", "const", "default"):
        if schema.get(word) is not None:
            return schema[word]
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _sample(document, schema[word][0])
    match schema.get("type"):
        case "object":
            return {k: _sample(document, v) for k, v in schema.get("properties", {}).items()}
        case "array":
            return [_sample(document, schema.get("items", {"type": "string"}))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return "2026-02-11T08:00:00+07:00" if schema.get("format") == "date-time" else "H29.1"


def _places(body: Any) -> Iterator[tuple[Any, ...]]:
    """The ways to every value in a body, and to a field that it does not know."""
    if isinstance(body, dict):
        yield ("nobody-knows-this",)
        for name, value in body.items():
            yield from ((name, *rest) for rest in _places(value))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from ((number, *rest) for rest in _places(value))
    yield ()


def _replaced(body: Any, place: tuple[Any, ...], text: str) -> Any:
    if not place:
        return text
    first, *rest = place
    if isinstance(body, list):
        return [_replaced(v, tuple(rest), text) if n == first else v for n, v in enumerate(body)]
    return {**body, first: _replaced(body.get(first), tuple(rest), text)}
