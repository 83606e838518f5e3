"""Texts that people type, as they arrive over HTTP: stricter than what the log may hold.

A contract is not narrowed within a version, so that the log stays readable. So the route checks
more strictly, and what it lets in is the contract's own request.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from contracts.naming import names_a_person
from contracts.personal import written_freely
from contracts.visible import written

Model = TypeVar("Model", bound=BaseModel)

Where = tuple[int | str, ...]


def _typed(model: Model) -> Model:
    faults: list[InitErrorDetails] = []
    clean = _model(model, (), faults)
    if faults:
        raise ValidationError.from_exception_data(type(model).__name__, faults)
    return clean


def _model(model: Model, where: Where, faults: list[InitErrorDetails]) -> Model:
    changed = {}
    free = written_freely(type(model))
    for name in model.model_fields_set:
        value = getattr(model, name)
        clean = _value(value, (*where, name), faults, free=name in free)
        if clean != value:
            changed[name] = clean
    return model.model_copy(update=changed) if changed else model


def _value(value: Any, where: Where, faults: list[InitErrorDetails], *, free: bool) -> Any:
    if isinstance(value, BaseModel):
        return _model(value, where, faults)
    if isinstance(value, tuple):
        return tuple(_value(each, (*where, at), faults, free=free) for at, each in enumerate(value))
    if type(value) is str:
        try:
            return _names_nobody(written(value)) if free else written(value)
        except ValueError as error:
            why = PydanticCustomError("unreadable", "{why}", {"why": str(error)})
            faults.append(InitErrorDetails(type=why, loc=where, input=value))
    return value


def _names_nobody(text: str) -> str:
    if found := names_a_person(text):
        raise ValueError(
            f"has {found} in it: leave it out, since what is written here is kept for ever"
        )
    return text


Typed = Annotated[Model, AfterValidator(_typed)]
"""A request whose texts, at any depth, have something to read in them and nothing hidden; where
people write freely, nobody's address or number either."""
