"""Every text in the contracts says what it tells of a person, and is rewritten by that alone."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

import contracts.events  # noqa: F401  (registers the classes)
from contracts.events.intake import FilingForm, ReceptionRequested
from contracts.events.notify import Preferences
from contracts.model import EventData, registered
from contracts.personal import Personal, Undeclared, rewritten
from contracts.values import CitizenRef, FreeText, Label, OfficerId
from tests.support.facts import filing


def bracketed(kind: Personal, text: str) -> str:
    return f"<{kind} {text}>"


@pytest.mark.parametrize("cls", registered().values(), ids=lambda cls: cls.TYPE)
def test_every_text_of_every_event_says_what_it_tells_of_a_person(cls: type[EventData]) -> None:
    rewritten(cls.model_construct(), bracketed)  # raises if a field does not say


class Inner(BaseModel):
    note: FreeText


class Outer(BaseModel):
    """A text in every place that the contracts have texts in."""

    by: OfficerId
    citizen: CitizenRef | None = None
    notes: tuple[Inner, ...] = ()
    inner: Inner | None = None
    words: dict[Label, FreeText] = Field(default_factory=dict)
    code: Label = "H29.15"
    number: int = 1


def test_a_text_is_rewritten_wherever_it_is() -> None:
    outer = Outer(
        by="a", citizen="b", notes=(Inner(note="c"),), inner=Inner(note="d"), words={"e": "f"}
    )
    assert rewritten(outer, bracketed) == Outer(
        by="<officer a>",
        citizen="<citizen b>",
        notes=(Inner(note="<free-text c>"),),
        inner=Inner(note="<free-text d>"),
        words={"e": "<free-text f>"},
    )


def test_the_models_within_an_event_are_rewritten_too() -> None:
    form = FilingForm(**filing(citizen="b", documents=("c",), preferences=Preferences()))
    found = rewritten(ReceptionRequested(filing=form), bracketed)
    assert found.filing == form.model_copy(
        update={"citizen": "<citizen b>", "documents": ("<document c>",)}
    )


def test_what_was_left_out_stays_left_out() -> None:
    assert rewritten(Outer(by="a"), bracketed).model_fields_set == {"by"}


class Plain(BaseModel):
    text: str


class Nested(BaseModel):
    inner: Plain | None = None


class Keyed(BaseModel):
    words: dict[str, FreeText]


class Twice(BaseModel):
    who: Annotated[OfficerId, Personal.CITIZEN]


class Either(BaseModel):
    who: OfficerId | Inner


class Anything(BaseModel):
    what: tuple[Any, ...]


@pytest.mark.parametrize(
    ("cls", "field"),
    [
        (Plain, "Plain.text"),
        (Nested, "Plain.text"),
        (Keyed, "Keyed.words"),
        (Twice, "Twice.who"),
        (Either, "Either.who"),
        (Anything, "Anything.what"),
    ],
)
def test_a_text_that_does_not_say_it_clearly_is_an_error_that_names_it(
    cls: type[BaseModel], field: str
) -> None:
    with pytest.raises(Undeclared, match=f"^{field}:"):
        rewritten(cls.model_construct(), bracketed)
