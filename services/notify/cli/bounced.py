"""``motcua message bounced``: a mail server passes a bounce on to notify."""

from __future__ import annotations

import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Annotated, NoReturn

import typer

from services.notify.channels.delivery_report import NoReport, NotOurs, read_report
from services.notify.channels.settings import SENDERS, ChannelSettings
from services.notify.channels.standard_webhooks import key_of, signed
from services.runtime import settings_told

_TIMEOUT = 30.0
"""Seconds for notify's answer: less than any mail server waits for a command."""
_NEVER = (413, 422)
"""Answers that will stay the same at another attempt."""


def bounced(
    to: Annotated[
        str, typer.Option(help="Notify's address, e.g. https://notify.example.vn/receipts/email.")
    ],
    secret_file: Annotated[
        Path | None,
        typer.Option(
            help="Its first word is the secret; else MOTCUA_SMTP_SECRET (or MOTCUA_SMTP2_SECRET)."
        ),
    ] = None,
) -> None:
    """Read a mail from standard input; if it is a bounce of ours, pass it to notify, signed.

    For a mail server, which pipes into it what comes to MOTCUA_SMTP_SENDER. It ends with

    - 0: notify has it; or it is no bounce of ours, and nothing was done. So nothing goes back to
      a citizen who has answered, nor in a circle. Somebody must read that mailbox all the same.
    - 75 (EX_TEMPFAIL): not now (notify or its log is away, the secret is another one, the address
      is wrong). Keep the mail and try again.
    - 65 (EX_DATAERR): it is a bounce of ours, and notify will never take it.

    What a citizen has written stays here: only bounces of ours are passed on.

    Example: `motcua message bounced --to https://notify.example.vn/receipts/email <mail`
    """
    raw = sys.stdin.buffer.read()
    try:
        read_report(raw)
    except (NoReport, NotOurs) as error:
        _end(os.EX_OK, f"nothing to hand on: {error}")
    try:
        key = _key(to, secret_file)
    except (OSError, ValueError) as error:
        _end(os.EX_TEMPFAIL, f"there is no secret to sign with: {error}")
    try:
        status = _posted(to, raw, key)
    except (OSError, HTTPException, ValueError) as error:
        _end(os.EX_TEMPFAIL, f"notify cannot be reached: {error!r}")
    if status in _NEVER:
        _end(os.EX_DATAERR, f"notify takes no such mail: {status}")
    if status != 204:
        _end(os.EX_TEMPFAIL, f"notify does not take it now: {status}")


def _key(to: str, file: Path | None) -> bytes:
    """Return the key to sign with. Raise OSError or ValueError if there is none.

    While the secret is being changed there are two; notify has known the first for longer.
    """
    if file is not None:
        secrets = file.read_text(encoding="ascii").split()
        keys = [key_of(secret) for secret in secrets]
    else:
        provider = SENDERS.get(to.rstrip("/").rpartition("/")[2], "")
        keys = settings_told(ChannelSettings).receipt_keys(provider)
    if not keys:
        raise ValueError("none is set")
    return keys[0]


def _posted(to: str, raw: bytes, key: bytes) -> int:
    """Return the status of notify's answer. Raise OSError, HTTPException or ValueError."""
    if not to.startswith(("https://", "http://")):
        raise ValueError("its address begins with https://")
    name = f"bounce_{hashlib.sha256(raw).hexdigest()[:32]}"
    headers = {"Content-Type": "message/rfc822", **signed(key, name, int(time.time()), raw)}
    request = urllib.request.Request(to, raw, headers, method="POST")
    try:
        with urllib.request.build_opener(_Elsewhere).open(request, timeout=_TIMEOUT) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


class _Elsewhere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: after most of them nothing would be passed on at all."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def _end(code: int, why: str) -> NoReturn:
    """Exit with this code, and say why on standard error, which the mail server logs."""
    typer.echo(why, err=True)
    raise typer.Exit(code)
