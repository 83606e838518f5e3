"""The page that shows what the local gateway accepted. Whatever came in is shown, never run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from html import escape

from deploy.local.gateway_behaviour import Behaviour
from deploy.local.gateway_http import Response
from deploy.local.gateway_ledger import Entry

SHOWN = 500

_FRAME = """<!doctype html><html lang="vi"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ccc;
vertical-align: top }}
td {{ overflow-wrap: anywhere }} td.text {{ white-space: pre-wrap }}
</style></head><body><h1>{title}</h1>{body}</body></html>"""


class Shown:
    """The newest messages and how many there ever were."""

    def __init__(self, earlier: Iterable[Entry] = ()) -> None:
        self._newest: deque[Entry] = deque(maxlen=SHOWN)
        self._count = 0
        for entry in earlier:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """One more message was accepted."""
        self._count += 1
        self._newest.append(entry)

    def page(self, behaviour: Behaviour) -> Response:
        """The list, newest first, and how the gateway behaves."""
        rows = "".join(
            f"<tr><td>{escape(entry.time)}<td>{escape(entry.channel)}<td>{escape(entry.to)}"
            f'<td class="text">{escape(entry.text)}<td>{entry.parts}</tr>'
            for entry in reversed(self._newest)
        )
        odd = {name: value for name, value in behaviour.to_json().items() if value}
        body = (
            f"<p>{self._count} accepted, {len(self._newest)} shown. "
            f'<a href="/ledger">Ledger (NDJSON)</a></p><p>Behaviour: {escape(repr(odd))}</p>'
            f"<table><tr><th>Time (UTC)<th>By<th>To<th>Text<th>Parts</tr>{rows}</table>"
        )
        return Response(
            200,
            _FRAME.format(title="Messages that were accepted", body=body).encode(),
            "text/html; charset=utf-8",
            {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )
