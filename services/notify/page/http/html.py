"""Assemble pages: templates, wording, static files, and the headers that keep a key safe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.nodes import Call, Const, Name

from contracts.values import Locale
from contracts.visible import shown
from services.notify.page.http.errors import TROUBLE_KEYS, PageError
from services.notify.page.http.links import Links
from services.notify.page.text.texts import FOLDER, load_texts
from services.notify.page.view.status import LOOK_KEYS

HERE = Path(__file__).parent
TOLD = frozenset({"preferences", "rating", "already-rated", "pending", "refused"})
"""What a page says about a form that was sent."""
SCORES = ("5", "4", "3", "2", "1")

_SPEAKERS = frozenset({"t", "vi", "en"})
"""The names by which a template calls for a text."""
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # Nothing from elsewhere, nothing inline, in no frame: what an officer writes stays text.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

_BY_LANGUAGE = {"Vary": "Accept-Language"}
"""For a page in the language that the browser asks for."""
_CODE_ROOM = 80
"""Characters that fit into the form's field."""


@dataclass(frozen=True, slots=True)
class Static:
    """A file that belongs to the pages."""

    content: bytes
    media_type: str
    mark: str
    """The beginning of the content's hash."""


class Html:
    """Makes responses. The constructor raises TextWrong if a text is not as it should be."""

    def __init__(self, links: Links, texts: Path = FOLDER) -> None:
        self._links = links
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.static = {path.name: _read(path) for path in (HERE / "static").iterdir()}
        said = {key for name in self._environment.list_templates() for key in self._said(name)}
        chosen = {f"told.{told}" for told in TOLD} | {f"rating.{score}" for score in SCORES}
        channels = {f"preferences.{channel}" for channel in ("email", "sms", "zalo", "webhook")}
        languages = {f"preferences.{locale}" for locale in Locale}
        self.texts = load_texts(
            said | LOOK_KEYS | TROUBLE_KEYS | chosen | channels | languages, texts
        )

    def page(
        self,
        template: str,
        locale: Locale,
        *,
        other: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """Return a page; `other` is its address in the other language."""
        texts = self.texts[locale]
        body = self._environment.get_template(template).render(
            t=texts,
            say=texts.say,
            vi=self.texts[Locale.VI],
            en=self.texts[Locale.EN],
            locale=locale,
            links=self._links,
            static=self._static,
            other=other,
            **values,
        )
        return HTMLResponse(body, status, _HEADERS | (headers or {}))

    def trouble(self, trouble: PageError, locale: Locale, code: str = "") -> Response:
        """Return the start page with the reason for the trouble, and the form to try again.

        `code` was typed in and need not be typed again. A key is never given back.
        """
        return self.page(
            "start.html",
            locale,
            other=self._links.start(other_than(locale)),
            status=trouble.status,
            headers=trouble.headers | _BY_LANGUAGE,
            trouble=trouble,
            code=code[:_CODE_ROOM],
        )

    def start(self, locale: Locale) -> Response:
        """Return the page where code and key are typed in."""
        return self.page(
            "start.html",
            locale,
            other=self._links.start(other_than(locale)),
            headers=_BY_LANGUAGE,
            trouble=None,
            code="",
        )

    def lost(self, status: int) -> Response:
        """Return the page for an address that does not exist, in both languages."""
        return self.page("lost.html", Locale.VI, other=self._links.start(Locale.EN), status=status)

    def _static(self, name: str) -> str:
        return self._links.static(name, self.static[name].mark)

    def _said(self, template: str) -> Iterator[str]:
        """Yield the text keys that a template uses."""
        loader = self._environment.loader
        assert loader is not None
        source = loader.get_source(self._environment, template)[0]
        for call in self._environment.parse(source).find_all(Call):
            if isinstance(call.node, Name) and call.node.name in _SPEAKERS and call.args:
                key = call.args[0]
                if isinstance(key, Const) and isinstance(key.value, str):
                    yield key.value


def secured(response: Response) -> Response:
    """Return a response that is no page, with the same security headers."""
    response.headers.update(_HEADERS)
    return response


def other_than(locale: Locale) -> Locale:
    """Return the language that a page can be changed to."""
    return Locale.EN if locale is Locale.VI else Locale.VI


def _shown(value: Any) -> Any:
    """Return text that people wrote as it may be shown. What was made here is HTML already."""
    return shown(value) if type(value) is str else value


def _read(path: Path) -> Static:
    content = path.read_bytes()
    return Static(content, _TYPES[path.suffix], sha256(content).hexdigest()[:10])
