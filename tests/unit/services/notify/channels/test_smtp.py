"""What is handed to a mail server, and what is not. The servers are real ones."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from contracts.catalogue import load_catalogue
from services.notify.channels.provider import (
    Accepted,
    Misconfigured,
    NotTaken,
    Outgoing,
    Rejected,
)
from services.notify.channels.settings import ChannelSettings
from services.notify.channels.smtp import MailServer, SmtpProvider, Tls, compose
from services.notify.settings import NotifySettings
from services.notify.wording.renderer import Renderer
from tests.support.mail_servers import SUBJECT, TEXT, Asked, Mailbox, Serve, outgoing


def content_of(envelope: Envelope) -> bytes:
    """A mail's bytes as they were received; aiosmtpd decodes none unless it is told to."""
    assert isinstance(envelope.content, bytes)
    return envelope.content


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, and a certificate for 127.0.0.1 that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def knows(
    _server: Any, _session: Session, _envelope: Envelope, _kind: str, login: Any
) -> AuthResult:
    good = isinstance(login, LoginPassword) and login == LoginPassword(b"city", b"secret")
    return AuthResult(success=good, handled=False)


def test_a_long_vietnamese_subject_keeps_every_letter_and_space() -> None:
    raw = compose("mot-cua@example.test", outgoing())
    mail = message_from_bytes(raw)
    assert str(make_header(decode_header(mail["Subject"]))) == SUBJECT
    assert mail["Message-ID"] == "<m-1@motcua>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert all(len(line) < 998 for line in raw.split(b"\r\n"))


async def test_what_an_officer_wrote_is_plain_text_in_a_mail_and_never_a_header(
    serve: Serve, mailbox: Mailbox
) -> None:
    hostile = "<script>alert(1)</script>\nBcc: all@example.test\r\n\r\n<b>"
    text = Renderer(load_catalogue()).render(
        "stopped", "vi", "H29.101-260311-0001", {"procedure": hostile, "reason": hostile}
    )
    provider = SmtpProvider(await serve())
    await provider.send(Outgoing("m-1", "H29.101-260311-0001", "a@example.test", text))
    await provider.close()
    (envelope,) = mailbox.mails
    assert envelope.rcpt_tos == ["a@example.test"]
    mail = message_from_bytes(content_of(envelope), policy=policy.default)
    assert mail.get_content_type() == "text/plain"
    assert not mail.is_multipart()
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    # Nobody's mail program takes it for markup, so nothing of it is masked.
    assert "<script>alert(1)</script>" in mail.get_content()


@pytest.mark.parametrize(
    "to",
    [
        "nguyễn@example.test",
        "a b@example.test",
        "<a@b>",
        "a@b\r\nRCPT",
        "root,a@example.test",
        "root;a@example.test",
        '"root"@example.test',
    ],
)
async def test_an_address_that_no_server_can_take_is_rejected_and_asks_none(to: str) -> None:
    provider = SmtpProvider(MailServer("smtp", "127.0.0.1", 1, "x@example.test"))
    with pytest.raises(Rejected, match="address"):
        await provider.send(outgoing(to))


async def test_a_server_that_is_away_has_taken_nothing() -> None:
    provider = SmtpProvider(MailServer("smtp", "127.0.0.1", 1, "x@example.test", timeout=2))
    with pytest.raises(NotTaken):
        await provider.send(outgoing())


async def test_one_connection_is_kept_for_many_mails(serve: Serve, mailbox: Mailbox) -> None:
    provider = SmtpProvider(await serve())
    for _ in range(3):
        assert await provider.send(outgoing()) == Accepted("smtp")
    await provider.close()
    assert len(mailbox.mails) == 3
    assert len(mailbox.transports) == 1


async def test_a_connection_that_the_server_has_closed_is_opened_again(
    serve: Serve, mailbox: Mailbox
) -> None:
    provider = SmtpProvider(await serve())
    await provider.send(outgoing())
    mailbox.transports[0].abort()
    assert await provider.send(outgoing()) == Accepted("smtp")
    await provider.close()
    assert len(mailbox.transports) == 2


@pytest.mark.parametrize("subject", ["H29.101-260311-0001", "H29.15@2024-03-08"])
async def test_a_server_that_can_is_asked_to_say_by_our_name_what_bounces_later(
    serve: Serve, mailbox: Mailbox, subject: str
) -> None:
    mailbox.knows_dsn = True
    provider = SmtpProvider(await serve())
    for _ in range(2):
        await provider.send(Outgoing("m-1", subject, "a@example.test", TEXT))
    await provider.close()
    mail = [
        f"MAIL FROM:<mot-cua@example.test> ENVID={subject}:m-1 RET=HDRS",
        "RCPT TO:<a@example.test> NOTIFY=FAILURE",
    ]
    assert Asked.commands == ["EHLO", *mail, *mail]
    headers = [message_from_bytes(content_of(each)) for each in mailbox.mails]
    assert {each["X-Motcua-Reference"] for each in headers} == {f"{subject}:m-1"}


async def test_a_server_that_cannot_is_asked_for_nothing(serve: Serve, mailbox: Mailbox) -> None:
    provider = SmtpProvider(await serve())
    await provider.send(outgoing())
    await provider.close()
    assert Asked.commands == [
        "EHLO",
        "MAIL FROM:<mot-cua@example.test>",
        "RCPT TO:<a@example.test>",
    ]


async def test_a_name_that_is_too_long_for_an_envelope_stands_in_the_headers_alone(
    serve: Serve, mailbox: Mailbox
) -> None:
    mailbox.knows_dsn = True
    provider = SmtpProvider(await serve())
    subject = f"H29{'.15' * 40}-240307-0001"
    await provider.send(Outgoing("m-1", subject, "a@example.test", TEXT))
    await provider.close()
    assert Asked.commands[1] == "MAIL FROM:<mot-cua@example.test> RET=HDRS"
    (envelope,) = mailbox.mails
    header = message_from_bytes(content_of(envelope))["X-Motcua-Reference"]
    assert header.split() == [f"{subject}:m-1"]


async def test_a_server_that_knows_no_extensions_at_all_takes_mail_too(
    serve: Serve, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_old(server: SMTP, _hostname: str) -> None:
        await server.push("502 5.5.1 command not implemented")

    monkeypatch.setattr(Asked, "smtp_EHLO", too_old)
    provider = SmtpProvider(await serve())
    assert await provider.send(outgoing()) == Accepted("smtp")
    await provider.close()
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_mail_goes_over_tls_with_a_password(
    serve: Serve, mailbox: Mailbox, certificate: Path, tls: Tls
) -> None:
    server = await serve(
        tls,
        server_context(certificate),
        authenticator=knows,
        auth_required=True,
        auth_require_tls=tls is Tls.STARTTLS,
    )
    trusted = MailServer(
        **{**vars(server), "ca_file": certificate, "user": "city", "password": "secret"}
    )
    provider = SmtpProvider(trusted)
    assert await provider.send(outgoing()) == Accepted("smtp")
    await provider.close()
    (session,) = mailbox.sessions
    assert session.authenticated
    assert session.ssl is not None or tls is Tls.IMPLICIT
    for wrong in ({"password": "guess"}, {"ca_file": None}):
        provider = SmtpProvider(MailServer(**{**vars(trusted), **wrong}))
        with pytest.raises(Misconfigured):
            await provider.send(outgoing())
    assert len(mailbox.mails) == 1


async def test_nothing_is_said_in_clear_to_a_server_that_has_no_tls(
    serve: Serve, mailbox: Mailbox
) -> None:
    server = await serve(Tls.STARTTLS)
    provider = SmtpProvider(server)
    with pytest.raises(NotTaken):
        await provider.send(outgoing())
    assert mailbox.mails == []


@pytest.mark.parametrize("name", ["smtp", "smtp2"])
@pytest.mark.parametrize("host", ["mail", "mail.example.vn", "192.0.2.1", "2001:db8::1"])
def test_mail_goes_in_clear_only_in_a_trial_and_only_if_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, name: str, host: str
) -> None:
    monkeypatch.delenv("MOTCUA_TRIAL")
    told = {f"{name}_host": host}
    assert {s.tls for s in ChannelSettings.model_validate(told).mail_servers()} == {Tls.STARTTLS}
    told |= {f"{name}_tls": "none"}
    with pytest.raises(
        ValidationError, match=f"MOTCUA_{name.upper()}_TLS: mail would go to {host}"
    ):
        ChannelSettings.model_validate(told)
    in_clear = ChannelSettings.model_validate({**told, "trial": True}).mail_servers()
    assert [(s.name, s.host) for s in in_clear if s.tls is Tls.NONE] == [(name, host)]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_to_this_very_machine_mail_may_go_in_clear(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.delenv("MOTCUA_TRIAL")
    told = {"smtp_host": host, "smtp_tls": "none"}
    (server,) = ChannelSettings.model_validate(told).mail_servers()
    assert server.tls is Tls.NONE


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"smtp_user": "a", "smtp_password": "b", "smtp_tls": "none"}, "not sent in clear"),
        ({"smtp_user": "a", "smtp_tls": "starttls"}, "belong together"),
        (
            {"smtp2_host": "x", "smtp2_user": "a", "smtp2_password": "b", "smtp2_tls": "none"},
            "smtp2.*in clear",
        ),
        ({"channels": "email,sms"}, "sms needs sms_url"),
        ({"sms_secret": "hunter2"}, "whsec_"),
        ({"smtp2_secret": "hunter2"}, "whsec_"),
    ],
)
def test_settings_that_cannot_be_are_named(settings: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        NotifySettings(**settings)  # type: ignore[arg-type]
