"""A real SMTP server for the local stack, which writes down all that it accepts.

    python -m deploy.local.fakes.smtp.server --ledger FILE --smtp-port N --page-port N

A message is answered with 250 only after its line is in the ledger. `--fail-rate` makes the server
refuse a share of the messages for now (451).
Mail to an address that begins with `bounces-` is accepted, and bounces after `--bounce-ms`;
`POST /bounces` on the page's port says where to, e.g. `{"to": "http://…/receipts/email"}`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import signal
import socket
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.fakes.gateway.part import SECRET
from deploy.local.fakes.signed_posts import SignedPosts
from deploy.local.fakes.smtp.accepted import AcceptedLog, accepted_now, read_accepted_mails
from deploy.local.fakes.smtp.bounces import HOST, Bounces
from deploy.local.fakes.smtp.page import Mailbox, serve

_DSN = re.compile(r" (ENVID|RET|NOTIFY|ORCPT)=(\S+)", re.IGNORECASE)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


class Server(SMTP):
    """An SMTP server with the extension for delivery status notifications (RFC 3461)."""

    envelope_id: str | None = None
    """The name under which the mail's sender wants a bounce to refer to it."""

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Take the parameters that aiosmtpd does not know."""
        asked = {name.upper(): value for name, value in _DSN.findall(arg or "")}
        written = asked.get("ENVID")
        self.envelope_id = written and _XTEXT.sub(lambda found: chr(int(found[1], 16)), written)
        await super().smtp_MAIL(arg and _DSN.sub("", arg))

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Take the same for RCPT. Whatever was asked for, only failures are reported."""
        await super().smtp_RCPT(arg and _DSN.sub("", arg))


class Handler:
    """What aiosmtpd asks when a message has come in."""

    def __init__(
        self,
        ledger: AcceptedLog,
        mailbox: Mailbox,
        bounces: Bounces,
        *,
        bounce_s: float,
        fail_rate: float,
    ) -> None:
        self._ledger = ledger
        self._mailbox = mailbox
        self._bounces = bounces
        self._bounce_s = bounce_s
        self._fail_rate = fail_rate
        self._random = random.Random(0)

    async def handle_EHLO(
        self,
        _server: Server,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Return what the server can do; the last line is marked as such."""
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]

    async def handle_DATA(self, server: Server, _session: Session, envelope: Envelope) -> str:
        """Return the answer: 250 once the message is in the ledger, 451 or 452 for a refusal."""
        if self._fail_rate and self._random.random() < self._fail_rate:
            return "451 4.3.0 Refused on purpose, try again later"
        raw = envelope.original_content or b""
        entry = accepted_now(envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        try:
            await self._ledger.append(entry)
        except OSError as error:
            sys.stderr.write(f"ledger: {error}\n")
            return "452 4.3.1 The ledger cannot be written, try again later"
        self._mailbox.add(entry)
        self._bounces.owe(entry, server.envelope_id, self._bounce_s)
        return "250 2.0.0 Accepted"


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raise OSError if a port is taken."""
    ledger = AcceptedLog(options.ledger, fsync=options.fsync)
    mailbox = Mailbox(read_accepted_mails(options.ledger))
    posts = SignedPosts(SECRET)
    bounces = Bounces(posts)
    handler = Handler(
        ledger,
        mailbox,
        bounces,
        bounce_s=options.bounce_ms / 1000,
        fail_rate=options.fail_rate,
    )
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    page = serve(options.page_port, mailbox, bounces, options.ledger)
    # Its own name: aiosmtpd would look up the machine's, which can take seconds.
    server = await loop.create_server(
        lambda: Server(handler, hostname=HOST, enable_SMTPUTF8=True, loop=loop),
        "127.0.0.1",
        options.smtp_port,
        family=socket.AF_INET,
        backlog=1024,
    )
    sys.stderr.write(f"smtp on {options.smtp_port}, page on {options.page_port}\n")
    await ended.wait()
    server.close()
    page.shutdown()
    await posts.close()
    ledger.close()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--ledger", type=Path, required=True, help="NDJSON file to append to")
    made.add_argument("--smtp-port", type=int, required=True)
    made.add_argument("--page-port", type=int, required=True)
    made.add_argument("--fsync", action="store_true", help="answer only when it is on the disk")
    made.add_argument("--bounce-ms", type=int, default=20, help="wait this long before a bounce")
    made.add_argument("--fail-rate", type=float, default=0.0, help="share of 451 answers, 0 to 1")
    return made


if __name__ == "__main__":
    asyncio.run(run(parser().parse_args()))
