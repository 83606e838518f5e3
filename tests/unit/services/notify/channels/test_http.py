"""What gateways and webhooks are sent, and what their answers mean. The servers are real ones."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from traceback import format_exception

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from deploy.local.fakes.gateway.http import Request, Response, answer
from services.notify.channels.gateway import Gateway, SmsProvider, ZaloProvider, judged
from services.notify.channels.provider import (
    Accepted,
    MaybeTaken,
    Misconfigured,
    NotTaken,
    Outgoing,
    Rejected,
)
from services.notify.channels.redact import redacted
from services.notify.channels.standard_webhooks import check, key_of
from services.notify.channels.webhook import WebhookProvider, Webhooks, public
from services.notify.wording.renderer import RenderedMessage
from tests.support.heard import Heard

LINK = "https://tracuu.example.test/t/H29.15-240307-0001"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TEXT = RenderedMessage("Tiêu đề", "Nội dung\n", "Hồ sơ đã tiếp nhận.", "1")


def outgoing(
    to: str = "0903 123 456", short: str = TEXT.short, secret: str | None = None
) -> Outgoing:
    text = RenderedMessage(TEXT.subject, TEXT.body, short, TEXT.version)
    return Outgoing("m-1", "H29.15-240307-0001", to, text, secret)


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    found = Heard()
    await found.server.start()
    yield found
    found.server.close()


def sms(heard: Heard, *, plain: bool = False, timeout: float = 5.0) -> SmsProvider:
    gateway = Gateway(
        "sms", heard.url, "secret-token", f"{heard.url}/receipts/sms", timeout=timeout
    )
    return SmsProvider(gateway, plain=plain, most_parts=2)


async def test_a_gateway_is_sent_what_the_contract_says(heard: Heard) -> None:
    provider = sms(heard)
    assert await provider.send(outgoing()) == Accepted("sms", "gw-1", 2)
    await provider.close()
    (request,) = heard.requests
    assert (request.method, request.path) == ("POST", "/sms")
    assert request.headers["authorization"] == "Bearer secret-token"
    assert request.headers["idempotency-key"] == "m-1"
    assert request.json() == {
        "to": "+84903123456",
        "text": TEXT.short,
        "reference": "H29.15-240307-0001:m-1",
        "receipts": f"{heard.url}/receipts/sms",
    }


async def test_an_sms_is_plain_if_the_city_wants_it_and_never_longer_than_it_may_be(
    heard: Heard,
) -> None:
    for plain in (False, True):
        provider = sms(heard, plain=plain)
        await provider.send(outgoing(short="giấy tờ " * 500 + LINK))
        await provider.close()
    whole, bare = (request.json()["text"] for request in heard.requests)
    assert len(whole) <= 134
    assert len(bare) <= 306
    assert bare.startswith("giay to ")
    assert whole.endswith("… " + LINK)
    assert bare.endswith("... " + LINK)


async def test_a_number_that_is_none_is_rejected_and_no_gateway_is_asked(heard: Heard) -> None:
    for provider in (
        sms(heard),
        ZaloProvider(Gateway("zalo", heard.url, "t"), most_characters=200),
    ):
        with pytest.raises(Rejected):
            await provider.send(outgoing("not a number"))
        await provider.close()
    assert heard.requests == []


async def test_zalo_takes_a_number_or_its_own_id_of_a_user(heard: Heard) -> None:
    provider = ZaloProvider(Gateway("zalo", heard.url, "t"), most_characters=200)
    for to in ("0903 123 456", "4312345678901234567"):
        assert (await provider.send(outgoing(to))).reference == "gw-1"
    await provider.close()
    assert [r.json()["to"] for r in heard.requests] == ["+84903123456", "4312345678901234567"]
    assert {r.path for r in heard.requests} == {"/zalo"}


async def test_zalo_is_sent_no_more_characters_than_it_takes(heard: Heard) -> None:
    provider = ZaloProvider(Gateway("zalo", heard.url, "t"), most_characters=200)
    await provider.send(outgoing("0903 123 456", short="giấy tờ " * 500 + LINK))
    await provider.close()
    (request,) = heard.requests
    text = request.json()["text"]
    assert 190 < len(text) <= 200
    assert text.endswith("… " + LINK)


@pytest.mark.parametrize(
    ("status", "headers", "meaning", "after"),
    [
        (400, {}, Rejected, None),
        (413, {}, Rejected, None),
        (422, {}, Rejected, None),
        (401, {}, Misconfigured, None),
        (402, {}, Misconfigured, None),
        (403, {}, Misconfigured, None),
        (404, {}, Misconfigured, None),
        (301, {"Location": "/elsewhere"}, Misconfigured, None),
        (429, {"Retry-After": "7"}, NotTaken, 7.0),
        (429, {"Retry-After": "999999"}, NotTaken, 600.0),
        (503, {}, NotTaken, None),
        (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, NotTaken, None),
        (409, {}, MaybeTaken, None),
        (500, {}, MaybeTaken, None),
        (502, {}, MaybeTaken, None),
        (504, {}, MaybeTaken, None),
    ],
)
def test_what_an_answer_means(
    status: int, headers: dict[str, str], meaning: type[Exception], after: float | None
) -> None:
    with pytest.raises(meaning) as raised:
        judged(status, headers, b'{"error": "why"}')
    assert type(raised.value) is meaning
    assert getattr(raised.value, "retry_after", None) == after


def test_a_reason_is_kept_whole_until_addresses_are_taken_out_of_it() -> None:
    said = "x" * 190 + " nguyen.van.an@example.vn \\ud800"
    with pytest.raises(Rejected) as raised:
        judged(422, {}, f'{{"error": "{said}"}}'.encode())
    assert str(raised.value).endswith(" nguyen.van.an@example.vn ?")
    assert redacted(str(raised.value)).endswith(" [address] ?")


async def test_to_whom_it_was_is_not_in_a_gateway_s_reason(heard: Heard) -> None:
    async def refuses(_: Request) -> Response | None:
        return answer(422, {"error": "422 no uid 'Nguyen_Van_An.zalo' nor +84903123456 here"})

    heard.says = refuses
    provider = ZaloProvider(Gateway("zalo", heard.url, "t"), most_characters=200)
    with pytest.raises(Rejected) as raised:
        await provider.send(outgoing("0903.123.456"))
    assert "[address] here" in str(raised.value)
    await provider.close()
    with pytest.raises(Rejected) as raised:
        judged(422, {}, b'{"error": "invalid uid \'Nguyen_Van_An.zalo\'"}', "nguyen_van_an.zalo")
    assert str(raised.value) == "422 invalid uid '[address]'"


def test_a_yes_counts_whatever_is_in_it() -> None:
    assert judged(200, {}, b"OK") == {}
    assert judged(202, {}, b'["odd"]') == {}


@pytest.mark.parametrize("parts", ["99999999999999999999", "256", "0", "-1", '"2"', "null"])
async def test_no_answer_says_more_than_an_event_or_a_database_can_hold(
    heard: Heard, parts: str
) -> None:
    async def odd(_: Request) -> Response | None:
        return Response(202, b'{"id": "\\ud800-1", "parts": %s}' % parts.encode())

    heard.says = odd
    provider = sms(heard)
    assert await provider.send(outgoing()) == Accepted("sms", "?-1", 1)
    await provider.close()


async def test_a_token_that_cannot_be_sent_is_seen_to_and_told_to_nobody(heard: Heard) -> None:
    provider = SmsProvider(Gateway("sms", heard.url, "secret-token\n"), plain=False, most_parts=2)
    with pytest.raises(Misconfigured) as raised:
        await provider.send(outgoing())
    await provider.close()
    assert "secret-token" not in "".join(format_exception(raised.value))
    assert heard.requests == []


async def test_a_gateway_that_is_not_there_has_taken_nothing(heard: Heard) -> None:
    heard.server.close()
    provider = sms(heard)
    with pytest.raises(NotTaken):
        await provider.send(outgoing())
    await provider.close()


async def test_a_gateway_that_hangs_up_may_have_taken_it(heard: Heard) -> None:
    async def hangs_up(_: Request) -> Response | None:
        return None

    heard.says = hangs_up
    provider = sms(heard)
    with pytest.raises(MaybeTaken) as raised:
        await provider.send(outgoing())
    assert not raised.value.silent
    await provider.close()


async def test_a_gateway_that_says_nothing_may_have_taken_it(heard: Heard) -> None:
    async def waits(_: Request) -> Response | None:
        await asyncio.Event().wait()
        raise AssertionError

    heard.says = waits
    provider = sms(heard, timeout=0.2)
    with pytest.raises(MaybeTaken) as raised:
        await provider.send(outgoing())
    assert raised.value.silent
    await provider.close()


async def test_an_address_of_a_gateway_that_is_none_has_to_be_seen_to() -> None:
    provider = ZaloProvider(Gateway("zalo", "gopher://x", "t"), most_characters=200)
    with pytest.raises(Misconfigured):
        await provider.send(outgoing())
    await provider.close()


# -- webhooks -----------------------------------------------------------------------------


async def test_a_webhook_is_signed_with_the_receiver_s_own_secret(heard: Heard) -> None:
    provider = WebhookProvider(Webhooks("webhook", private=True), clock=lambda: 1_614_265_330.7)
    url = f"http://localhost:{heard.port}/hook?a=1"
    for _ in range(2):
        assert await provider.send(outgoing(url, secret=SECRET)) == Accepted("webhook")
    await provider.close()
    first, again = heard.requests
    assert first.path == "/hook?a=1"
    assert first.headers["host"] == f"localhost:{heard.port}"
    assert check([key_of(SECRET)], first.headers, first.body, 1_614_265_330) == "m-1"
    assert json.loads(first.body)["data"] == {
        "dossier": "H29.15-240307-0001",
        "subject": TEXT.subject,
        "text": TEXT.body,
    }
    assert again.body == first.body, "by which the receiver sees that it is the same"
    assert again.headers["webhook-id"] == "m-1"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://10.0.0.8/x",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://[::ffff:127.0.0.1]/",
        "http://example.test/",
        "ftp://example.test/",
        "https://",
        "https://user:password@example.test/",
        "nonsense",
        "",
    ],
)
async def test_what_is_not_public_is_never_called(url: str) -> None:
    provider = WebhookProvider(Webhooks("webhook"))
    with pytest.raises(Rejected):
        await provider.send(outgoing(url, secret=SECRET))
    await provider.close()


async def test_a_receiver_s_name_is_not_in_what_is_said_of_its_certificate(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ConnectionKey("127.0.0.1", 443, True, True, None, None, None)
    mismatch = ssl.SSLCertVerificationError(
        "Hostname mismatch, certificate is not valid for 'Hooks.congty-nguyen.test'."
    )
    provider = WebhookProvider(Webhooks("webhook", private=True))

    def post(*_: object, **__: object) -> None:
        raise aiohttp.ClientConnectorCertificateError(key, mismatch)

    async def here(_: URL) -> str:
        return "127.0.0.1"

    monkeypatch.setattr(provider._session, "post", post)
    monkeypatch.setattr(provider, "_address", here)
    with pytest.raises(NotTaken) as raised:
        await provider.send(outgoing("https://hooks.congty-nguyen.test/x", secret=SECRET))
    assert "certificate is not valid for '[address]'" in str(raised.value)
    assert "congty" not in str(raised.value).lower()
    await provider.close()


@pytest.mark.parametrize("secret", [None, "", "hunter2"])
async def test_nothing_goes_unsigned(heard: Heard, secret: str | None) -> None:
    provider = WebhookProvider(Webhooks("webhook", private=True))
    with pytest.raises(Rejected, match="secret"):
        await provider.send(outgoing(f"{heard.url}/x", secret=secret))
    await provider.close()
    assert heard.requests == []


@pytest.mark.parametrize(
    ("status", "meaning"), [(410, Rejected), (301, NotTaken), (404, NotTaken), (500, NotTaken)]
)
async def test_a_receiver_may_say_no_for_good_or_for_now(
    heard: Heard, status: int, meaning: type[Exception]
) -> None:
    async def says(_: Request) -> Response | None:
        return answer(status, {}, Location=f"{heard.url}/elsewhere")

    heard.says = says
    provider = WebhookProvider(Webhooks("webhook", private=True))
    with pytest.raises(meaning):
        await provider.send(outgoing(heard.url, secret=SECRET))
    await provider.close()
    assert len(heard.requests) == 1, "nobody is sent elsewhere"


async def test_what_a_receiver_says_beyond_its_status_is_not_read() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nand so on")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider = WebhookProvider(Webhooks("webhook", private=True, timeout=5.0))
    url = f"http://127.0.0.1:{port}/"
    assert await provider.send(outgoing(url, secret=SECRET)) == Accepted("webhook")
    await provider.close()
    server.close()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::7f00:1", False),
        ("::ffff:0:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert public(address) is expected
