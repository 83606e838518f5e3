"""The addresses of the status page. Those that open a dossier contain its look-up key.

The key stands in the query because a QR code and a link in a message can only be followed with GET.
So it must not travel on from there: every page is sent with ``Referrer-Policy: no-referrer`` and
``Cache-Control: no-store``, has no link to another site and loads nothing from one; this service
writes no access log, and its metrics are labelled by route, not by address. What is typed into the
form travels in a POST body: a key tried for a wrong code is in no history and no proxy's log.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from contracts.values import Locale
from services.shared.lookup_key import LookupKeys


class Links:
    """Makes addresses. Those of pages are relative to the host, whatever its name."""

    def __init__(self, public_url: str | None, keys: LookupKeys) -> None:
        self._public_url = public_url
        self._keys = keys
        self._base = urlsplit(public_url).path if public_url else ""

    def link(self, code: str) -> str:
        """Return the public address of a dossier's page; empty if no public address is set."""
        if self._public_url is None:
            return ""
        query = urlencode({"key": self._keys.key(code)})
        return f"{self._public_url}/status/{quote(code)}?{query}"

    def start(self, locale: Locale) -> str:
        """Return the address of the page where code and key are typed in."""
        return f"{self._base}/?{urlencode({'lang': locale})}"

    def status(self, code: str, key: str, locale: Locale, told: str = "") -> str:
        """Return a dossier's page; `told` names what it says about a form that was sent."""
        return self._at(code, "", key=key, lang=locale, **({"told": told} if told else {}))

    def portal(self, code: str, key: str) -> str:
        """Return the address of the same data for other portals."""
        return self._at(code, ".json", key=key)

    def events(self, code: str, key: str, version: int) -> str:
        """Return the address of the events after that version of the dossier."""
        return self._at(code, "/events", key=key, v=str(version))

    def form(self, code: str, name: str) -> str:
        """Return where a form goes: `name` is ``preferences`` or ``rating``. Its key is a field."""
        return self._at(code, f"/{name}")

    def receipt(self, code: str, key: str, locale: Locale) -> str:
        """Return the address of the receipt for printing."""
        query = urlencode({"key": key, "lang": locale})
        return f"{self._base}/receipt/{quote(code)}?{query}"

    def letter(self, code: str, key: str, locale: Locale) -> str:
        """Return the address of the letter of apology for printing."""
        query = urlencode({"key": key, "lang": locale})
        return f"{self._base}/letter/{quote(code)}?{query}"

    def static(self, name: str, mark: str) -> str:
        """Return the address of a static file; another content has another mark."""
        return f"{self._base}/page/{name}?{urlencode({'v': mark})}"

    def _at(self, code: str, what: str, **query: str) -> str:
        path = f"{self._base}/status/{quote(code)}{what}"
        return f"{path}?{urlencode(query)}" if query else path
