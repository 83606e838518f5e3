"""The page that shows the mail which the local SMTP server accepted.

`/` lists the newest first, `/message/N` shows one, `/ledger` is the whole ledger as NDJSON, and
`POST /bounces` says where bounces should go. Everything that came by mail is escaped: it is shown,
never run.
"""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Iterable
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

from deploy.local.fakes.frame import framed, moment
from deploy.local.fakes.smtp.accepted import AcceptedMail
from deploy.local.fakes.smtp.bounces import Bounces

SHOWN = 500


class Mailbox:
    """The newest messages, kept in memory for the page. Used by several threads."""

    def __init__(self, earlier: Iterable[AcceptedMail] = ()) -> None:
        self._newest: deque[tuple[int, AcceptedMail]] = deque(maxlen=SHOWN)
        self._count = 0
        self._lock = Lock()
        for entry in earlier:
            self.add(entry)

    def add(self, entry: AcceptedMail) -> None:
        """Add an accepted message."""
        with self._lock:
            self._count += 1
            self._newest.append((self._count, entry))

    def snapshot(self) -> tuple[int, list[tuple[int, AcceptedMail]]]:
        """Return the number of all accepted messages, and the newest, numbered, newest first."""
        with self._lock:
            return self._count, list(reversed(self._newest))


def list_page(mailbox: Mailbox) -> str:
    """Return the list of messages, newest first."""
    count, newest = mailbox.snapshot()
    rows = "".join(
        f'<tr><td class="short">{escape(moment(entry.time))}<td>{escape(", ".join(entry.rcpt_to))}'
        f'<td><a href="/message/{number}">{escape(entry.subject or "(no subject)")}</a>'
        for number, entry in newest
    )
    body = f'<p>{count} accepted, {len(newest)} shown. <a href="/ledger">Ledger (NDJSON)</a></p>'
    body += f"<table><tr><th>Time (UTC)<th>To<th>Subject</tr>{rows}</table>"
    return framed("Mail that was accepted", body)


def message_page(entry: AcceptedMail) -> str:
    """Return a page for one message: its envelope and its readable body."""
    facts = {
        "Accepted": entry.time,
        "Envelope from": entry.mail_from,
        "Envelope to": ", ".join(entry.rcpt_to),
        "Message-ID": entry.message_id,
        "Size": f"{entry.size} bytes",
    }
    rows = "".join(f"<tr><th>{name}<td>{escape(value)}</tr>" for name, value in facts.items())
    body = (
        f'<p><a href="/">All mail</a></p><table>{rows}</table><pre>{escape(text_of(entry))}</pre>'
    )
    return framed(entry.subject or "(no subject)", body)


def text_of(entry: AcceptedMail) -> str:
    """Return the readable body of a message: plain text if it has any, else its HTML source."""
    part = entry.parsed().get_body(("plain", "html"))
    if part is None:
        return entry.raw.decode("utf-8", "replace")
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # a charset that nobody knows
        return entry.raw.decode("utf-8", "replace")


def serve(port: int, mailbox: Mailbox, bounces: Bounces, ledger: Path) -> ThreadingHTTPServer:
    """Serve the page on 127.0.0.1:`port` from a thread. Raise OSError if it is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self._html(list_page(mailbox))
            elif self.path == "/ledger":
                self._ledger()
            else:
                kind, _, number = self.path.lstrip("/").partition("/")
                shown = {str(key): entry for key, entry in mailbox.snapshot()[1]}
                if kind == "message" and number in shown:
                    self._html(message_page(shown[number]))
                else:
                    self.send_error(HTTPStatus.NOT_FOUND, "No such page, or a message long past")

        def do_POST(self) -> None:
            # It listens on this machine only; this keeps out web pages in its browser.
            if self.path != "/bounces" or self.headers.get("Content-Type") != "application/json":
                self.send_error(HTTPStatus.NOT_FOUND, "No such page, or no JSON for it")
                return
            try:
                length = int(self.headers.get("Content-Length", "0"))
                bounces.to = str(json.loads(self.rfile.read(length))["to"])
            except (ValueError, KeyError, TypeError):
                self.send_error(HTTPStatus.UNPROCESSABLE_ENTITY, 'Write {"to": "http://..."}')
                return
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()

        def _html(self, page: str) -> None:
            content = page.encode("utf-8", "replace")
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header(
                "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
            )
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _ledger(self) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/x-ndjson; charset=utf-8")
            self.end_headers()
            with ledger.open("rb") as lines:
                shutil.copyfileobj(lines, self.wfile)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: requests are not worth a line in the SMTP server's log."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="page", daemon=True).start()
    return server
