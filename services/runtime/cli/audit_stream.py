"""``motcua audit stream``: security events go to those who watch, as they happen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import start_http_server

from services.runtime.audit.delivery import Delivery, Render
from services.runtime.audit.outlets import EventFile, outlet_of
from services.runtime.audit.security_events import (
    ENTERPRISE,
    json_line,
    octet_counted,
    syslog,
)
from services.runtime.logging import configure
from services.runtime.settings import Settings, settings_told


class Form(StrEnum):
    """How an event is written."""

    SYSLOG = "syslog"
    JSON = "json"


def stream(
    to: Annotated[
        str, typer.Option(help="tcp://host:port, tls://host:port, or a file that grows.")
    ],
    form: Annotated[
        Form | None,
        typer.Option(
            "--format", help="RFC 5424, or a JSON object a line. Default: json into a file."
        ),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Whose certificates the collector may have.")
    ] = None,
    enterprise: Annotated[
        int, typer.Option(min=1, help="The city's IANA enterprise number, for structured data.")
    ] = ENTERPRISE,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve Prometheus metrics there; without it, none.")
    ] = None,
) -> None:
    """Deliver security events until ended: each at least once, in order.

    It waits as long as the collector is away, and goes on where it stopped; its place is kept by
    Kafka, in a group of its own. Over a connection, syslog is framed by octet counts (RFC 6587).

    Example: `motcua audit stream --to tls://soc.city.example:6514`
    """
    settings = settings_told(Settings)
    configure("audit", level=settings.log_level, as_json=settings.log_json)
    outlet = outlet_of(to, ca_file)
    chosen = form or (Form.JSON if isinstance(outlet, EventFile) else Form.SYSLOG)
    render = _render(chosen, enterprise, framed=not isinstance(outlet, EventFile))
    if metrics_port is not None:
        start_http_server(metrics_port)
    asyncio.run(_until_ended(Delivery(settings.kafka, outlet, render)))


def _render(form: Form, enterprise: int, *, framed: bool) -> Render:
    if form is Form.JSON:
        return json_line
    write = partial(syslog, host=socket.gethostname(), enterprise=enterprise)
    if framed:
        return lambda link: octet_counted(write(link))
    return lambda link: write(link) + b"\n"


async def _until_ended(delivery: Delivery) -> None:
    running = asyncio.create_task(delivery.run(), name="delivery")
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running
