"""A real SMTP server for the local stack, which writes down all that it accepts.

    python -m deploy.local.smtp_server --ledger FILE --smtp-port N --page-port N

A message is answered with 250 only after its line is in the ledger. `--delay-ms` makes the server
slow and `--fail-rate` makes it refuse a share of the messages for now (451), drawn from `--seed`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import socket
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.ledger import LedgerWriter, accepted_now, read_ledger
from deploy.local.smtp_page import Mailbox, serve


class Handler:
    """What aiosmtpd asks when a message has come in."""

    def __init__(
        self, ledger: LedgerWriter, mailbox: Mailbox, *, delay_s: float, fail_rate: float, seed: int
    ) -> None:
        self._ledger = ledger
        self._mailbox = mailbox
        self._delay_s = delay_s
        self._fail_rate = fail_rate
        self._random = random.Random(seed)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """The answer to a message: 250 once it is in the ledger, 451 if it is refused for now."""
        if self._delay_s:
            await asyncio.sleep(self._delay_s)  # the slowness that was asked for
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
        return "250 2.0.0 Accepted"


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError if a port is taken."""
    ledger = LedgerWriter(options.ledger, fsync=options.fsync)
    mailbox = Mailbox(read_ledger(options.ledger))
    handler = Handler(
        ledger,
        mailbox,
        delay_s=options.delay_ms / 1000,
        fail_rate=options.fail_rate,
        seed=options.seed,
    )
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    page = serve(options.page_port, mailbox, options.ledger)
    # A name of its own: aiosmtpd would look the machine's up, which can take seconds.
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="motcua.local", enable_SMTPUTF8=True, loop=loop),
        "127.0.0.1",
        options.smtp_port,
        family=socket.AF_INET,
        backlog=1024,
    )
    sys.stderr.write(f"smtp on {options.smtp_port}, page on {options.page_port}\n")
    await ended.wait()
    server.close()
    page.shutdown()
    ledger.close()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--ledger", type=Path, required=True, help="NDJSON file to append to")
    made.add_argument("--smtp-port", type=int, required=True)
    made.add_argument("--page-port", type=int, required=True)
    made.add_argument("--fsync", action="store_true", help="answer only when it is on the disk")
    made.add_argument("--delay-ms", type=int, default=0, help="wait this long before each answer")
    made.add_argument("--fail-rate", type=float, default=0.0, help="share of 451 answers, 0 to 1")
    made.add_argument("--seed", type=int, default=0, help="of the draw for --fail-rate")
    return made


if __name__ == "__main__":
    asyncio.run(run(parser().parse_args()))
