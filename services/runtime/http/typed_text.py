"""Texts that people type, as they arrive over HTTP: stricter than what the log may hold.

A contract is not narrowed within a version, so that the log stays readable. So the route checks
more strictly, and what it lets in is the contract's own request.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

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
    for name in model.model_fields_set:
        value = getattr(model, name)
        clean = _value(value, (*where, name), faults)
        if clean != value:
            changed[name] = clean
    return model.model_copy(update=changed) if changed else model


def _value(value: Any, where: Where, faults: list[InitErrorDetails]) -> Any:
    if isinstance(value, BaseModel):
        return _model(value, where, faults)
    if isinstance(value, tuple):
        return tuple(_value(each, (*where, at), faults) for at, each in enumerate(value))
    if type(value) is str:
        try:
            return written(value)
        except ValueError as error:
            why = PydanticCustomError("unreadable", "{why}", {"why": str(error)})
            faults.append(InitErrorDetails(type=why, loc=where, input=value))
    return value


Typed = Annotated[Model, AfterValidator(_typed)]
"""A request whose texts, at any depth, have something to read in them and nothing hidden."""
