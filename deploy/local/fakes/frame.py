"""The frame of the local pages that show what the mail server and the gateway accepted."""

from __future__ import annotations

from html import escape

_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto;
padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ccc;
vertical-align: top }}
td, pre {{ overflow-wrap: anywhere }} td.text, pre {{ white-space: pre-wrap }}
td.short {{ white-space: nowrap }}
</style></head><body><h1>{title}</h1>{body}</body></html>"""


def framed(title: str, body: str) -> str:
    """Return a page. The title is escaped here; the body is HTML already."""
    return _FRAME.format(title=escape(title), body=body)


def moment(time: str) -> str:
    """Return a ledger's time (RFC 3339, UTC) to the second, for a narrow column."""
    return time[:19].replace("T", " ")
