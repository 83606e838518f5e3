"""What a mail server refuses: the address, this mail, or us; for good or for now."""

from __future__ import annotations

import pytest

from services.notify.channels.provider import (
    Deferred,
    MaybeTaken,
    NotTaken,
    Rejected,
)
from services.notify.channels.smtp import SmtpProvider
from tests.support.mail_servers import Mailbox, Serve, outgoing


@pytest.mark.parametrize(
    ("to", "meaning"), [("bounces@example.test", Rejected), ("full@example.test", Deferred)]
)
async def test_an_address_is_refused_for_good_or_for_now(
    serve: Serve, to: str, meaning: type[Exception]
) -> None:
    provider = SmtpProvider(await serve())
    with pytest.raises(meaning):
        await provider.send(outgoing(to))
    await provider.close()


@pytest.mark.parametrize(
    ("says", "meaning"),
    [
        ("550 no such user", Rejected),
        ("550 5.1.1 no such user", Rejected),
        ("550 5.2.1 mailbox disabled", Rejected),
        ("554 5.4.4 no such domain", Rejected),
        ("553 5.1.8 sender's domain unknown", NotTaken),
        ("554 5.7.1 <client>: relay access denied", NotTaken),
        ("550 5.7.1 client host rejected", NotTaken),
        ("530 5.7.0 must issue a STARTTLS command first", NotTaken),
        ("503 need MAIL command", NotTaken),
        ("554 go away", NotTaken),
        ("550 relay not permitted", NotTaken),
        ("550 Access denied - Invalid HELO name", NotTaken),
        ("550 SPF: 192.0.2.1 is not allowed to send mail from example.test", NotTaken),
        ("551 we do not relay", NotTaken),
        ("550 rejected because your IP is in a black list at bl.example", NotTaken),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts", NotTaken),
        ("550 4.7.1 come back later", NotTaken),
        ("450 4.1.2 recipient address rejected: domain not found", Deferred),
        ("450 4.2.0 grey listed", Deferred),
        ("452 4.2.2 over quota", Deferred),
        ("450 mailbox busy", Deferred),
        ("450 4.1.8 sender's domain not found", NotTaken),
        ("450 4.7.25 cannot find your host name", NotTaken),
        ("451 4.7.1 try again later", NotTaken),
        ("452 4.3.1 insufficient system storage", NotTaken),
        ("452 too many recipients", NotTaken),
        ("421 4.3.2 shutting down", NotTaken),
    ],
)
async def test_only_what_is_said_of_the_address_says_nothing_of_the_server(
    serve: Serve, mailbox: Mailbox, says: str, meaning: type[Exception]
) -> None:
    provider = SmtpProvider(await serve())
    mailbox.to_rcpt = says
    with pytest.raises(meaning) as raised:
        await provider.send(outgoing())
    assert type(raised.value) is meaning
    mailbox.to_rcpt = None
    await provider.send(outgoing("another@example.test"))
    await provider.close()


async def test_a_server_that_refuses_one_after_the_other_and_says_no_more_refuses_us(
    serve: Serve, mailbox: Mailbox
) -> None:
    provider = SmtpProvider(await serve())
    mailbox.to_rcpt = "550 no"
    ends = []
    for name in "aabcd":
        with pytest.raises((Rejected, NotTaken)) as raised:
            await provider.send(outgoing(f"{name}@example.test"))
        ends.append(raised.type)
    assert ends == [Rejected, Rejected, Rejected, NotTaken, NotTaken]
    # It takes somebody: what it refuses now is them again.
    mailbox.to_rcpt = None
    await provider.send(outgoing("e@example.test"))
    mailbox.to_rcpt = "550 no"
    with pytest.raises(Rejected):
        await provider.send(outgoing("c@example.test"))
    await provider.close()


async def test_a_server_that_says_exactly_whom_it_means_is_believed_however_often(
    serve: Serve, mailbox: Mailbox
) -> None:
    provider = SmtpProvider(await serve())
    mailbox.to_rcpt = "550 5.1.1 no such user"
    for name in "abcdef":
        with pytest.raises(Rejected):
            await provider.send(outgoing(f"{name}@example.test"))
    await provider.close()


@pytest.mark.parametrize(
    ("says", "meaning"),
    [
        ("451 4.3.0 later", NotTaken),
        ("550 5.7.1 we do not know you", NotTaken),
        ("552 too large", Rejected),
        ("554 5.6.0 spam", Rejected),
        ("554 5.7.1 we do not know you", NotTaken),
    ],
)
async def test_a_mail_is_refused_for_good_or_for_now(
    serve: Serve, mailbox: Mailbox, says: str, meaning: type[Exception]
) -> None:
    provider = SmtpProvider(await serve())
    mailbox.to_data = says
    with pytest.raises(meaning):
        await provider.send(outgoing())
    mailbox.to_data = "250 OK"
    await provider.send(outgoing("another@example.test"))
    await provider.close()


@pytest.mark.parametrize("says", ["452 4.2.2 mailbox {} is over quota", "450 4.1.0 user={}, later"])
@pytest.mark.parametrize("name", ["nguyen.van.an", "NGUYEN.VAN.AN", "nguyen.van.an+hoso"])
async def test_a_mailbox_that_is_named_without_its_domain_is_not_in_the_reason(
    serve: Serve, mailbox: Mailbox, says: str, name: str
) -> None:
    provider = SmtpProvider(await serve())
    kept = f"not now: {says.format('[address]')}"
    mailbox.to_rcpt = says.format(name)
    with pytest.raises(NotTaken) as raised:
        await provider.send(outgoing("nguyen.van.an+hoso@example.test"))
    assert str(raised.value) == kept
    mailbox.to_rcpt, mailbox.to_data = None, says.format(name)
    with pytest.raises(NotTaken) as raised:
        await provider.send(outgoing("nguyen.van.an+hoso@example.test"))
    assert str(raised.value) == kept
    await provider.close()


async def test_a_server_that_hangs_up_after_the_mail_may_have_taken_it(
    serve: Serve, mailbox: Mailbox
) -> None:
    provider = SmtpProvider(await serve())
    mailbox.hangs_up = True
    with pytest.raises(MaybeTaken):
        await provider.send(outgoing())
    await provider.close()
    assert len(mailbox.mails) == 1
