"""Why a page is not shown, in one form for people and another for programs."""

from __future__ import annotations

from dataclasses import dataclass

from pymongo.errors import PyMongoError

from services.notify.page.security.form_limit import TooManyForms
from services.notify.page.security.gate import NotOpened, NotYetHere
from services.notify.page.security.guesses import TooMany
from services.notify.page.view.channel_choice import OutOfReach
from services.runtime import Problem, is_transient

_WAIT = 5
"""Seconds after which broker or database may be back."""


class NotReceived(Exception):
    """The dossier was not received, so it has no receipt."""


class NoLetter(Exception):
    """No letter of apology was written about the dossier."""


class WrongForm(Exception):
    """A form's fields are not what its page allows."""


class HalfQuiet(Exception):
    """One end of the quiet hours is missing."""


@dataclass(frozen=True, slots=True)
class PageError:
    """One reason. `what` is stable; the texts ``trouble.<what>`` and ``…-more`` explain it."""

    status: int
    what: str
    retry_after: int | None = None
    """Seconds."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say when to come again."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the text: the minutes to wait, rounded up."""
        return {} if self.retry_after is None else {"minutes": str(-(-self.retry_after // 60))}

    def problem(self) -> Problem:
        """Return the error for programs."""
        return Problem(self.status, self.what, _FOR_PROGRAMS[self.what], headers=self.headers)


_FOR_PROGRAMS = {
    "not-opened": "no dossier with this code and this look-up key",
    "not-yet-here": "the key is right, and the dossier has not arrived here yet; ask again later",
    "too-many": "too many wrong codes or keys; ask again later",
    "too-often": "too many forms were sent about this dossier; send it again later",
    "unavailable": "the state cannot be read or written now; ask again later",
    "not-received": "the dossier was not received",
    "no-letter": "no letter of apology was written about the dossier",
    "half-quiet": "quiet hours need both a beginning and an end",
    "out-of-reach": "the citizen left no address for any of the channels that were chosen",
    "wrong-form": "the form's fields are not as they should be",
}
TROUBLE_KEYS = frozenset(
    f"trouble.{what}{more}" for what in _FOR_PROGRAMS for more in ("", "-more")
)

PAGE_ERRORS = (
    NotOpened,
    NotYetHere,
    TooMany,
    TooManyForms,
    NotReceived,
    NoLetter,
    HalfQuiet,
    OutOfReach,
    WrongForm,
    Problem,
    PyMongoError,
)
"""Errors that the citizen sees as a page. Everything else is a defect."""


def page_error_of(error: Exception) -> PageError:
    """Return the page error for one of `PAGE_ERRORS`. Raise any other error again."""
    match error:
        case NotOpened():
            return PageError(404, "not-opened")
        case NotYetHere():
            return PageError(404, "not-yet-here")
        case TooMany():
            return PageError(429, "too-many", error.seconds)
        case TooManyForms():
            return PageError(429, "too-often", error.seconds)
        case NotReceived():
            return PageError(404, "not-received")
        case NoLetter():
            return PageError(404, "no-letter")
        case HalfQuiet():
            return PageError(422, "half-quiet")
        case OutOfReach():
            return PageError(422, "out-of-reach")
        case WrongForm():
            return PageError(422, "wrong-form")
        case PyMongoError() if is_transient(error):
            return PageError(503, "unavailable", _WAIT)
        case Problem() if error.status_code == 503:
            return PageError(503, "unavailable", _WAIT)
        case _:
            raise error
