"""What a text on the log says of a person, and how the texts of an event are rewritten by it.

Every type of text in the contracts declares it. Whoever passes events on outside the city, in a
recording above all, goes by that alone and knows no event type.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import AwareDatetime, BaseModel


class Personal(StrEnum):
    """What a text says of a person. It is written into the type: ``Annotated[str, Personal.…]``."""

    NOTHING = "nothing"
    """Nothing: a code, a word of the product's or of the rules', a hash."""
    CITIZEN = "citizen"
    """Which citizen it is."""
    OFFICER = "officer"
    """Which officer it is."""
    RECIPIENT = "recipient"
    """Which citizen or officer it is."""
    FREE_TEXT = "free-text"
    """Whatever a person wrote, about whomever."""
    DOCUMENT = "document"
    """The name of a paper that somebody handed in or owes."""
    LEGACY_ID = "legacy-id"
    """By which an older system finds the citizen."""
    PAYMENT_REFERENCE = "payment-reference"
    """By which a bank finds the payer."""
    CONTACT = "contact"
    """How a person is reached, be it sealed, or by which a provider finds them."""
    RULES = "rules"
    """A file of rules, which names heads and officers."""


class Undeclared(TypeError):
    """A field's type does not say what its text says of a person."""


Rewrite = Callable[[Personal, str], str]
"""Returns what stands in a text's place; the same text if it may stay."""

M = TypeVar("M", bound=BaseModel)
_PLAIN = (int, float, AwareDatetime, Enum, NoneType)
_Change = Callable[[Any, Rewrite], Any]


def rewritten(value: M, rewrite: Rewrite) -> M:
    """Return the model with each of its texts rewritten, those of models within it too.

    The fields are not checked again: what `rewrite` returns has to fit them. Raise Undeclared,
    with the field's name, if a text does not say what it tells.
    """
    change = _model(type(value))
    return value if change is None else change(value, rewrite)


@cache
def written_freely(cls: type[BaseModel]) -> frozenset[str]:
    """Return the model's own fields in which people write what they like: texts, papers' names."""
    hints = get_type_hints(cls, include_extras=True)
    free = {Personal.FREE_TEXT, Personal.DOCUMENT}
    return frozenset(name for name in cls.model_fields if free & _told(hints[name]))


def _told(hint: Any) -> set[Personal]:
    found = {hint} if isinstance(hint, Personal) else set()
    return found.union(*map(_told, get_args(hint)))


@cache
def _model(cls: type[BaseModel]) -> _Change | None:
    hints = get_type_hints(cls, include_extras=True)
    found = {name: _change(hints[name], f"{cls.__name__}.{name}") for name in cls.model_fields}
    changes = {name: change for name, change in found.items() if change is not None}
    if not changes:
        return None

    def change(value: BaseModel, rewrite: Rewrite) -> BaseModel:
        # Only what was given is given: a field that was left out stays left out.
        given = changes.keys() & value.model_fields_set
        new = {name: changes[name](getattr(value, name), rewrite) for name in given}
        return value.model_copy(update=new)

    return change


def _change(hint: Any, field: str) -> _Change | None:
    """Return what changes a value of that type; None if there is no text of a person in it."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        told = [one for one in args[1:] if isinstance(one, Personal)]
        if not told:
            return _change(args[0], field)
        if args[0] is not str or len(told) > 1:
            raise Undeclared(f"{field}: declare it once, and on the text itself: {hint}")
        return None if told[0] is Personal.NOTHING else _text(told[0])
    if origin in (Union, UnionType):
        changes = [change for one in args if (change := _change(one, field)) is not None]
        if len(changes) > 1:
            raise Undeclared(f"{field}: which of {hint} a value is, cannot be told")
        return _unless_none(changes[0]) if changes else None
    if origin is tuple and args[1:] == (...,):
        return _each(_change(args[0], field))
    if origin is dict:
        return _items(_change(args[0], field), _change(args[1], field))
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _model(hint)
    if isinstance(hint, type) and issubclass(hint, _PLAIN):
        return None
    raise Undeclared(f"{field}: say what it tells of a person, as contracts/personal.py has it")


def _text(kind: Personal) -> _Change:
    return lambda value, rewrite: rewrite(kind, value)


def _unless_none(change: _Change) -> _Change:
    return lambda value, rewrite: None if value is None else change(value, rewrite)


def _each(change: _Change | None) -> _Change | None:
    if change is None:
        return None
    return lambda value, rewrite: tuple(change(one, rewrite) for one in value)


def _items(key: _Change | None, value: _Change | None) -> _Change | None:
    if key is None and value is None:
        return None
    of_key, of_value = key or _same, value or _same
    return lambda found, rewrite: {
        of_key(name, rewrite): of_value(text, rewrite) for name, text in found.items()
    }


def _same(value: Any, rewrite: Rewrite) -> Any:
    return value
