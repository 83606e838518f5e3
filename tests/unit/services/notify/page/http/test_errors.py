"""What goes wrong on a page is told to people and to programs."""

from __future__ import annotations

import pytest
from pymongo.errors import ConnectionFailure

from contracts.values import Locale
from services.notify.page.http.errors import HalfQuiet, NotReceived, WrongForm, page_error_of
from services.notify.page.security.form_limit import TooManyForms
from services.notify.page.security.gate import NotOpened, NotYetHere
from services.notify.page.security.guesses import TooMany
from services.notify.page.view.channel_choice import OutOfReach
from services.runtime.http.problem import Problem, unavailable
from tests.support.pages import HTML


@pytest.mark.parametrize(
    ("error", "status", "what", "headers"),
    [
        (NotOpened(), 404, "not-opened", {}),
        (NotYetHere(), 404, "not-yet-here", {}),
        (TooMany(61), 429, "too-many", {"Retry-After": "61"}),
        (TooManyForms(61), 429, "too-often", {"Retry-After": "61"}),
        (NotReceived(), 404, "not-received", {}),
        (WrongForm(), 422, "wrong-form", {}),
        (HalfQuiet(), 422, "half-quiet", {}),
        (OutOfReach(), 422, "out-of-reach", {}),
        (ConnectionFailure(), 503, "unavailable", {"Retry-After": "5"}),
        (unavailable(), 503, "unavailable", {"Retry-After": "5"}),
    ],
)
def test_each_trouble_is_told_to_people_and_to_programs(
    error: Exception, status: int, what: str, headers: dict[str, str]
) -> None:
    trouble = page_error_of(error)
    assert (trouble.status, trouble.what, trouble.headers) == (status, what, headers)
    assert trouble.problem().status_code == status
    for locale in Locale:
        answer = HTML.trouble(trouble, locale)
        assert answer.status_code == status
        assert HTML.texts[locale](f"trouble.{what}") in bytes(answer.body).decode()


def test_waiting_is_said_in_whole_minutes() -> None:
    said = bytes(HTML.trouble(page_error_of(TooMany(61)), Locale.VI).body).decode()
    assert "sau 2 phút" in said


def test_another_problem_is_no_page() -> None:
    with pytest.raises(Problem):
        page_error_of(Problem(422, "invalid-field", "x"))
