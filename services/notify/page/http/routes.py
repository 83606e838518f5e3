"""The status page over HTTP: the form, the dossier, its updates, its JSON, receipt and letter."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from fastapi.routing import APIRoute

from contracts.events.notify import PreferencesRequested, RatingRequested
from contracts.model import EventData
from contracts.values import Locale
from services.notify.dossier.plan import locale as chosen_locale
from services.notify.dossier.policy import Policy
from services.notify.page.http.accept import is_browser, language
from services.notify.page.http.errors import PAGE_ERRORS, PageError, page_error_of
from services.notify.page.http.events import EventStream
from services.notify.page.http.forms import (
    LONGEST_FORM,
    Fields,
    asked,
    fields_of,
    one,
    preferences,
    rating,
)
from services.notify.page.http.html import SCORES, TOLD, Html, other_than, secured
from services.notify.page.http.letter import letter
from services.notify.page.http.links import Links
from services.notify.page.http.live import Live
from services.notify.page.http.not_found import add_not_found_page
from services.notify.page.http.receipt import receipt
from services.notify.page.security.client_address import client_address
from services.notify.page.security.form_limit import FormLimit
from services.notify.page.security.gate import Gate, NotOpened, NotYetHere, Opened
from services.notify.page.security.guesses import Guesses, GuessLimits, TooMany
from services.notify.page.settings import PageSettings
from services.notify.page.text.words import Words
from services.notify.page.view.channel_choice import ReachCheck, offered_channels
from services.notify.page.view.portal import PortalView, portal
from services.notify.page.view.status import status_view
from services.runtime import (
    Answers,
    Json,
    Problem,
    Requests,
    Running,
    client,
    failing,
    takes,
    unaudited,
    wall_clock,
)
from services.shared.city import City
from services.shared.lookup_key import LookupKeys

GUESSES = "motcua_guesses"
"""The database of the counters of guesses and of forms. Nothing in it is worth a backup."""
_GUESSES_AT_ONCE = 20
"""Connections on which they are counted; more wait for one."""

Code = Annotated[str, Path(max_length=80, description="The dossier code.")]
Key = Annotated[str, Query(max_length=64, description="The look-up key on the receipt.")]
Lang = Annotated[str, Query(description="`vi` or `en`; another is as if it were not there.")]
Data = TypeVar("Data", bound=EventData)

_CLOSED: Answers = {
    404: failing("No dossier has this code and this look-up key."),
    429: failing("Too many wrong codes or keys; ask again later."),
}
_TEXT = {"schema": {"type": "string"}}
_PAGE = {"text/html": _TEXT}
_PAGES: Answers = {
    404: {"description": "No dossier has this code and this look-up key.", "content": _PAGE},
    422: {"description": "A field is not as it should be.", "content": _PAGE},
    429: {"description": "Too many wrong codes or keys, or forms.", "content": _PAGE},
    503: {"description": "Database or log cannot be reached.", "content": _PAGE},
}
"""On these routes, errors are told as a page."""


_BY_GATE = unaudited("whatever opens a dossier here is told by the gate")


def _form(*fields: str) -> dict[str, Any]:
    """Return a form's part of the OpenAPI document: its fields, and that it leads to a page."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in fields}}
    body = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    return {
        "status_code": 303,
        "response_class": RedirectResponse,
        "openapi_extra": {"requestBody": body, **takes(LONGEST_FORM), **_BY_GATE},
    }


def add_page(
    app: FastAPI,
    running: Running[PageSettings],
    requests: Requests,
    *,
    policy: Policy,
    city: Callable[[], City],
    links: Links,
    keys: LookupKeys,
    reach: ReachCheck | None,
) -> None:
    """Add the status page. Raise TextWrong if its wording is not as it should be.

    `reach` is None where messages are only written down: no contacts are kept there.
    """
    settings = running.settings
    html = Html(links)
    limits = GuessLimits(settings.guesses_by_code, settings.guesses_by_address)
    wall = wall_clock(settings)  # how often somebody may try is no matter of a replay's time
    # Whoever guesses takes no connection from those who read or write dossiers.
    counters = client(settings.guesses_mongo or settings.mongo, connections=_GUESSES_AT_ONCE)
    running.closing.append(counters.close)
    guesses = Guesses(counters[GUESSES]["guesses"], keys.secret, limits, wall)
    gate = Gate(running.dossiers.store, guesses, keys, running.audit)
    often = FormLimit(counters[GUESSES]["forms"], settings.forms_by_code, wall)
    live = Live(
        running.dossiers.store.collection,
        running.stopping,
        running.tasks,
        most=settings.live_pages,
        most_by_address=settings.live_pages_by_address,
    )

    def words() -> Mapping[Locale, Words]:
        """Return the names of things by the catalogue in force."""
        return {locale: Words(city().catalogue, locale) for locale in Locale}

    def address(request: Request) -> str:
        return client_address(request, settings.trusted_proxies)

    def wanted(request: Request) -> Locale:
        """Return the language for a client whose dossier is not known yet."""
        accepted = request.headers.get("accept-language", "")
        return language(request.query_params.get("lang", ""), accepted)

    async def opened(request: Request, code: str, key: str) -> Opened:
        """Open a dossier for a program: raise Problem if that fails."""
        try:
            return await gate.open(code, key, address(request))
        except (NotOpened, NotYetHere, TooMany) as error:
            raise page_error_of(error).problem() from None

    class Pages(APIRoute):
        """Tells errors as a page, in the language of the request."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                try:
                    return await handler(request)
                except PAGE_ERRORS as error:
                    return html.trouble(page_error_of(error), wanted(request))
                except RequestValidationError:
                    if not is_browser(request.headers.get("accept", "")):
                        raise
                    # Code or key is longer than any: no dossier has them.
                    return html.trouble(PageError(422, "not-opened"), wanted(request))

            return handle

    files = APIRouter(tags=["status page"])
    pages = APIRouter(
        route_class=Pages,
        tags=["status page"],
        default_response_class=HTMLResponse,
        responses=_PAGES,
    )

    @pages.get("/", openapi_extra=unaudited("it shows nothing of anybody"))
    async def start(request: Request, lang: Lang = "") -> Response:
        """Show the form that asks for dossier code and look-up key."""
        return html.start(wanted(request))

    @pages.post("/", **_form("code", "key"))
    async def find(request: Request, lang: Lang = "") -> Response:
        """Lead to the dossier, if code and key belong together."""
        fields = await fields_of(request)
        code = one(fields, "code")
        try:
            found = await gate.open(code, one(fields, "key"), address(request))
        except PAGE_ERRORS as error:
            return html.trouble(page_error_of(error), wanted(request), code)
        return _lead(links.status(found.code, found.key, wanted(request)))

    @files.get(
        "/status/{code}.json",
        response_model=PortalView,
        responses=_CLOSED,
        openapi_extra=_BY_GATE,
    )
    async def read(request: Request, code: Code, key: Key = "") -> Response:
        """Return the dossier for other portals, with the national portal's state codes."""
        found = await opened(request, code, key)
        view = portal(found.state, words(), html.texts, running.clock.now())
        return secured(Json(view))

    @app.get(
        "/status/{code}/events",
        tags=["status page"],
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": _TEXT}}, **_CLOSED},
        openapi_extra=_BY_GATE,
    )
    async def follow(
        request: Request,
        code: Code,
        key: Key = "",
        v: Annotated[int, Query(ge=0, description="The version that the page shows.")] = 0,
        last_event_id: Annotated[int | None, Header(ge=0)] = None,
    ) -> Response:
        """Send server-sent events: one each time that the dossier has changed."""
        found = await opened(request, code, key)
        stream = EventStream(live, found.code, max(v, last_event_id or 0), address(request))
        return secured(stream)

    @pages.get("/status/{code}", openapi_extra=_BY_GATE)
    async def show(
        request: Request, code: Code, key: Key = "", lang: Lang = "", told: str = ""
    ) -> Response:
        """Show the dossier."""
        found = await gate.open(code, key, address(request))
        state = found.state
        # A link from a message opens the page in the language of the citizen's messages.
        locale = _locale(lang) if lang else chosen_locale(state)
        return html.page(
            "status.html",
            locale,
            other=links.status(found.code, found.key, other_than(locale)),
            look=status_view(state, words()[locale], running.clock.now()),
            key=found.key,
            version=found.version,
            told=told if told in TOLD else "",
            received=state.span.received_at is not None,
            rating=policy.ratings,
            scores=SCORES,
            choice=state.choice,
            chosen_locale=chosen_locale(state),
            channels=offered_channels(policy, state.choice),
        )

    @pages.get("/receipt/{code}", openapi_extra=_BY_GATE)
    async def print_receipt(
        request: Request, code: Code, key: Key = "", lang: Lang = ""
    ) -> Response:
        """Show the receipt for printing in both languages, with the status page's QR code."""
        found = await gate.open(code, key, address(request))
        locale = _locale(lang) if lang else chosen_locale(found.state)
        shown = receipt(found, words(), links.link(found.code))
        elsewhere = links.receipt(found.code, found.key, other_than(locale))
        return html.page("receipt.html", locale, other=elsewhere, **shown)

    @pages.get("/letter/{code}", openapi_extra=_BY_GATE)
    async def print_letter(
        request: Request, code: Code, key: Key = "", lang: Lang = ""
    ) -> Response:
        """Show the unit's letter of apology for printing, on its form, in both languages."""
        found = await gate.open(code, key, address(request))
        locale = _locale(lang) if lang else chosen_locale(found.state)
        elsewhere = links.letter(found.code, found.key, other_than(locale))
        return html.page("letter.html", locale, other=elsewhere, **letter(found, words()))

    async def sent(
        request: Request, code: str, data_of: Callable[[Fields], Data]
    ) -> tuple[Opened, Data]:
        """Return the dossier that a form is about, and what the form asks for."""
        fields = await fields_of(request)
        data = data_of(fields)
        found = await gate.open(code, one(fields, "key"), address(request))
        await often.send(found.code)
        return found, data

    async def ask_for(found: Opened, data: EventData, lang: str, at: str = "") -> Response:
        what = await asked(requests, found.code, data)
        return _lead(links.status(found.code, found.key, _locale(lang), what) + at)

    @pages.post("/status/{code}/preferences", **_form("key", *PreferencesRequested.model_fields))
    async def prefer(request: Request, code: Code, lang: Lang = "") -> Response:
        """Choose how the citizen is told about this dossier."""
        found, chosen = await sent(request, code, preferences)
        if reach is not None and found.state.citizen is not None:
            await reach.check(found.code, found.state.citizen, chosen.channels or ())
        return await ask_for(found, chosen, lang)

    @pages.post("/status/{code}/rating", **_form("key", *RatingRequested.model_fields))
    async def rate(request: Request, code: Code, lang: Lang = "") -> Response:
        """Give the citizen's rating."""
        found, given = await sent(request, code, rating)
        return await ask_for(found, given, lang, "#rating")

    @files.get(
        "/page/{name}",
        response_class=Response,
        responses={
            200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
            404: failing("There is no such file."),
        },
        openapi_extra=unaudited("it is the same for everyone"),
    )
    async def read_static(name: str) -> Response:
        """Return a file that belongs to the pages. Its address changes with its content."""
        file = html.static.get(name)
        if file is None:
            raise Problem(404, "unknown-file", f"there is no {name}")
        for_ever = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(file.content, media_type=file.media_type, headers=for_ever)

    for router in (files, pages):
        _answer_head(router)
        app.include_router(router)
    add_not_found_page(app, html)


def _answer_head(router: APIRouter) -> None:
    """Answer HEAD wherever GET is answered; only GET is documented. The server omits the body."""
    for route in tuple(router.routes):
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            router.add_api_route(
                route.path,
                route.endpoint,
                methods=["HEAD"],
                response_class=Response,
                include_in_schema=False,
                openapi_extra=route.openapi_extra,
            )


def _locale(lang: str) -> Locale:
    """Return the language asked for, or Vietnamese if it is not known."""
    return language(lang, "")


def _lead(where: str) -> Response:
    """Redirect after a form, so that reloading the page does not send the form again."""
    return secured(RedirectResponse(where, 303))
