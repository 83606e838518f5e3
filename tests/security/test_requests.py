"""Requests that are made to cost much: large ones, slow ones, deep ones, and many at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from contracts.wire.topics import PAGE
from deploy.local.stack.city import City, cpu_seconds
from tests.support.office import OFFICER, WARD_HEAD, Office, filing
from tests.support.signed_in import PORTAL

pytestmark = pytest.mark.integration

_CHEAP = 1.0
"""Seconds of a processor, beside which an idle service's own are few: what it is asked meanwhile
would have to wait for more."""
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_JSON = {"content-type": "application/json"}


@contextlib.contextmanager
def cheaply(city: City, service: str) -> Iterator[None]:
    """What is done inside must not keep the service busy, however busy the machine is."""
    pid = city.of(service).process.pid
    before = cpu_seconds(pid)
    yield
    assert cpu_seconds(pid) - before < _CHEAP


async def test_a_form_that_grows_eighteenfold_holds_nobody_up(city: City) -> None:
    url = city.of(PAGE).url
    letter = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}".encode()
    with cheaply(city, PAGE):
        async with httpx.AsyncClient(timeout=30) as http:
            for field, number, status in (
                (b"code=", 87_000, 413),
                (b"code=", 1300, 404),
                (b"code=H29.1-260211-0001&key=", 1300, 404),
            ):
                answer = await http.post(url, content=field + letter * number, headers=_FORM)
                assert answer.status_code == status


async def test_long_texts_in_every_place_of_the_page_hold_nobody_up(city: City) -> None:
    url = city.of(PAGE).url
    long = "\ufdfa" * 2000
    places: list[tuple[str, dict[str, str], dict[str, str]]] = [
        (f"/status/{long}", {}, {}),
        ("/status/H29.1-260211-0001", {"key": long}, {}),
        ("/status/H29.1-260211-0001.json", {"key": long}, {}),
        ("/receipt/H29.1-260211-0001", {"key": "x", "lang": long}, {}),
        ("/", {"lang": long}, {"accept-language": "vi;q=" + "1" * 20_000}),
        ("/", {}, {"accept": "text/html;q=0." + "1" * 20_000}),
        ("/", {}, {"x-forwarded-for": "1," * 10_000}),
    ]
    with cheaply(city, PAGE):
        async with httpx.AsyncClient(timeout=30) as http:
            for path, params, headers in places:
                answer = await http.get(url + path, params=params, headers=headers)
                assert answer.status_code < 500


@pytest.mark.parametrize("service", ["intake", "routing", "sla", "notify"])
async def test_headers_without_an_end_are_not_kept(city: City, service: str) -> None:
    url = urlsplit(city.of(service).url)
    assert url.hostname is not None
    assert url.port is not None
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 100_000_000:
            writer.write(b"X-%d: " % sent + b"a" * 60_000 + b"\r\n")
            await writer.drain()
            sent += 60_000
    writer.close()
    assert sent < 10_000_000


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 30_000,
        b'{"filing":' * 3000,
        b'{"filing": ' + b"1" * 20_000 + b"}",
        b'{"by": "' + b"\\u0000" * 5000 + b'"}',
        json.dumps({f"f{n}": n for n in range(2500)}).encode(),
    ],
    ids=["deep list", "deep object", "long number", "nothing to read", "thousands of fields"],
)
async def test_a_body_that_is_made_to_be_costly_is_refused(
    city: City, office: Office, content: bytes
) -> None:
    url = city.of("intake").url
    headers = {**_JSON, **office.signed_in.header(OFFICER)}
    with cheaply(city, "intake"):
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await http.post(f"{url}/dossiers", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    assert len(answer.content) < 20_000


async def test_each_route_says_what_it_takes_and_takes_no_more(city: City, office: Office) -> None:
    # Of whom a route does not let in it reads nothing, and says so instead.
    callers = [office.signed_in.header(who) for who in (OFFICER, WARD_HEAD, PORTAL)]
    tried = 0
    async with httpx.AsyncClient(timeout=30) as http:
        for service in ("intake", "routing", "sla", "notify"):
            url = city.of(service).url
            document = (await http.get(f"{url}/openapi.json")).json()
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    if "requestBody" not in operation:
                        continue
                    most = operation["x-max-body"]
                    assert most <= 262_144
                    where = url + path.replace("{code}", "H29.1-260211-0001").replace(
                        "{ref}", "somebody"
                    ).replace("{sender}", "email")
                    kind = _FORM if most == 4096 else _JSON
                    statuses = {
                        (
                            await http.request(
                                method,
                                where,
                                content=b" " * (most + 1),
                                headers={**kind, **caller},
                            )
                        ).status_code
                        for caller in callers
                    }
                    assert 413 in statuses <= {403, 413}, where
                    tried += 1
    assert tried > 20


async def test_bodies_that_never_end_are_given_up_and_others_are_served(
    city: City, office: Office
) -> None:
    url = urlsplit(city.of("intake").url)
    assert url.hostname is not None
    assert url.port is not None
    # Of a stranger no body would be held.
    signed = office.signed_in.header(OFFICER)
    bearer = f"Authorization: {signed['Authorization']}\r\n".encode()
    half: list[asyncio.StreamWriter] = []
    for _ in range(400):
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(
            b"POST /dossiers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 131072\r\n" + bearer + b"\r\n" + b" " * 100_000
        )
        await writer.drain()
        half.append(writer)
    # 40 MB are on their way, and 33 MB may be held: this one comes later, or is taken now.
    where = f"{city.of('intake').url}/dossiers"
    async with httpx.AsyncClient(timeout=30) as http, asyncio.timeout(30):
        while True:
            answer = await http.post(where, json={"filing": filing()}, headers=signed)
            if answer.status_code != 503:
                break
            assert answer.headers["retry-after"] == "5"
            await asyncio.sleep(0.2)  # the attack goes on until its bodies are given up
    assert answer.status_code == 201, answer.text
    for writer in half:
        writer.close()
