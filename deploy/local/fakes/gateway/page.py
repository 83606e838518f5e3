"""The page that shows what the local gateway accepted. Whatever came in is shown, never run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from html import escape

from deploy.local.fakes.frame import framed, moment
from deploy.local.fakes.gateway.accepted import AcceptedMessage
from deploy.local.fakes.gateway.behaviour import Behaviour
from deploy.local.fakes.gateway.http import Response

SHOWN = 500


class Shown:
    """The newest messages, and the number of all accepted ones."""

    def __init__(self, earlier: Iterable[AcceptedMessage] = ()) -> None:
        self._newest: deque[AcceptedMessage] = deque(maxlen=SHOWN)
        self._count = 0
        for entry in earlier:
            self.add(entry)

    def add(self, entry: AcceptedMessage) -> None:
        """Add an accepted message."""
        self._count += 1
        self._newest.append(entry)

    def page(self, behaviour: Behaviour) -> Response:
        """Return the list, newest first, and how the gateway behaves."""
        rows = "".join(
            f'<tr><td class="short">{escape(moment(entry.time))}'
            f'<td class="short">{escape(entry.channel)}<td class="short">{escape(entry.to)}'
            f'<td class="text">{escape(entry.text)}<td>{entry.parts}</tr>'
            for entry in reversed(self._newest)
        )
        odd = [f"{name} {value}" for name, value in behaviour.to_json().items() if value]
        behaves = escape(", ".join(odd) or "well")
        body = (
            f"<p>{self._count} accepted, {len(self._newest)} shown. "
            f'<a href="/ledger">Ledger (NDJSON)</a></p><p>How it behaves: {behaves}</p>'
            f"<table><tr><th>Time (UTC)<th>By<th>To<th>Text<th>Parts</tr>{rows}</table>"
        )
        return Response(
            200,
            framed("Messages that were accepted", body).encode(),
            "text/html; charset=utf-8",
            {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )
