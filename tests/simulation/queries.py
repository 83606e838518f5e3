"""Queries and updates as MongoDB has them: as much of its language as the services speak.

Whatever else they come to say raises NotImplementedError, rather than be taken for something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Document = dict[str, Any]
_MISSING = object()


def matches(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether a document is one of those that the query asks for."""
    return all(_meets(_at(document, path), wanted) for path, wanted in query.items())


def updated(document: Document, update: Any) -> Document:
    """The document after an update, by operators or by a pipeline."""
    if isinstance(update, list):
        (stage,) = update
        ((name, expression),) = stage.items()
        if name != "$replaceWith":
            raise NotImplementedError(name)
        return dict(_value(document, expression))
    found = dict(document)
    for name, fields in update.items():
        for path, wanted in fields.items():
            if "." in path:
                raise NotImplementedError(path)
            known = found.get(path, _MISSING)
            match name:
                case "$set":
                    found[path] = wanted
                case "$inc":
                    found[path] = wanted if known is _MISSING else known + wanted
                case "$max":
                    found[path] = wanted if known is _MISSING else max(known, wanted)
                case "$addToSet":
                    there = [] if known is _MISSING else list(known)
                    found[path] = there + [x for x in wanted["$each"] if x not in there]
                case _:
                    raise NotImplementedError(name)
    return found


def sort_key(document: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """The place of a document in the order by a field; what lacks it comes first."""
    value = _at(document, path)
    missing = value is _MISSING or value is None
    return (not missing, None if missing else value)


def _at(document: Mapping[str, Any], path: str) -> Any:
    if "." not in path:
        return document.get(path, _MISSING)
    value: Any = document
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _MISSING
        value = value[part]
    return value


def _meets(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and wanted and all(name[0] == "$" for name in wanted):
        return all(_passes(value, name, operand) for name, operand in wanted.items())
    if wanted is None:
        return value is _MISSING or value is None
    return bool(value == _stored(wanted))


def _passes(value: Any, name: str, operand: Any) -> bool:
    if name == "$exists":
        return (value is not _MISSING) is bool(operand)
    if name == "$not":
        return not _meets(value, operand)
    if name == "$ne":
        return not _meets(value, operand)
    if name == "$in":
        return value is not _MISSING and value in operand
    if name == "$type":
        if operand != "date":
            raise NotImplementedError(operand)
        return isinstance(value, datetime)
    if name == "$regex":
        return isinstance(value, str) and re.search(operand, value) is not None
    if value is _MISSING or value is None:
        return False  # only values of one type are compared
    operand = _stored(operand)
    if name == "$lt":
        return bool(value < operand)
    if name == "$lte":
        return bool(value <= operand)
    if name == "$gt":
        return bool(value > operand)
    if name == "$gte":
        return bool(value >= operand)
    raise NotImplementedError(name)


def _stored(value: Any) -> Any:
    """A value as the database keeps it: times to the millisecond."""
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def _value(document: Document, expression: Any) -> Any:
    if expression == "$$ROOT":
        return document
    if isinstance(expression, str) and expression.startswith("$"):
        return document.get(expression[1:])
    if isinstance(expression, Mapping):
        ((name, operand),) = expression.items()
        if name == "$literal":
            return operand
        if name == "$eq":
            return _value(document, operand[0]) == _value(document, operand[1])
        if name == "$cond":
            test, then, otherwise = operand
            return _value(document, then if _value(document, test) else otherwise)
        raise NotImplementedError(name)
    return expression
