"""What an old JSON Schema accepted and a new one does not, field by field.

The log is kept for ever and read again: what was valid once must stay valid. So the question is
always whether every body that the old schema allowed is still allowed, and still means the same.
Where that cannot be decided (one pattern for another), the answer is no.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_MEANINGLESS = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "deprecated"}
)
_UPPER = ("maxLength", "maxItems", "maxProperties")
_LOWER = ("minLength", "minItems", "minProperties")
_SAME_OR_GONE = ("pattern", "format", "multipleOf", "uniqueItems")
_FIXED = ("x-kind", "x-owner", "x-topic")
_JUDGED = frozenset(
    {
        *("type", "enum", "const", "anyOf", "default"),
        *("properties", "required", "items", "additionalProperties"),
        *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
        *(*_UPPER, *_LOWER, *_SAME_OR_GONE, *_FIXED),
    }
)
_UNSET = object()


def narrowings(old: Schema, new: Schema) -> list[str]:
    """Return each thing that `old` allowed or meant and `new` does not. Empty: a safe change."""
    return list(_Comparison(old.get("$defs", {}), new.get("$defs", {})).node("body", old, new))


class _Comparison:
    def __init__(self, old_definitions: Schema, new_definitions: Schema) -> None:
        self._old_definitions = old_definitions
        self._new_definitions = new_definitions
        self._open: set[tuple[str, str]] = set()

    def node(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if all(pair):
            if pair in self._open:
                return  # a recursive type: this pair is being compared already
            self._open.add(pair)
        yield from self._resolved(
            place, _resolve(old, self._old_definitions), _resolve(new, self._new_definitions)
        )
        self._open.discard(pair)

    def _resolved(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        for keyword in sorted((old.keys() | new.keys()) - _MEANINGLESS - _JUDGED):
            if old.get(keyword, _UNSET) != new.get(keyword, _UNSET):
                yield f"{place}: {keyword} changed, which no rule here can judge"
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(place, old, new)
            return
        if told := list(_types(place, old, new)):
            yield from told
            return  # the bounds of another type say nothing more
        yield from _values(place, old, new)
        yield from _bounds(place, old, new)
        for keyword in _SAME_OR_GONE:
            if new.get(keyword) and new[keyword] != old.get(keyword):
                yield f"{place}: {keyword} is now {new[keyword]!r}"
        for keyword in _FIXED:
            if old.get(keyword) != new.get(keyword):
                yield f"{place}: {keyword} is now {new.get(keyword)!r}, was {old.get(keyword)!r}"
        yield from self._fields(place, old, new)
        for keyword, inside in (("items", f"{place}[]"), ("additionalProperties", f"{place}.*")):
            yield from self._part(inside, old.get(keyword, True), new.get(keyword, True))

    def _alternatives(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        choices = new.get("anyOf", [new])
        for alternative in old.get("anyOf", [old]):
            told = [list(self.node(place, alternative, choice)) for choice in choices]
            if all(told):  # no new alternative accepts it; the nearest one says why
                yield from min(told, key=lambda lines: (_is_type_change(lines), len(lines)))

    def _fields(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(needed - needed_before):
            what = "is now required" if name in before else "is new and required"
            yield f"{place}.{name}: {what}"
        for name in before:
            inside = f"{place}.{name}"
            if name not in after:
                yield f"{inside}: removed"
                continue
            yield from self.node(inside, before[name], after[name])
            was, now = before[name].get("default", _UNSET), after[name].get("default", _UNSET)
            if name not in needed_before | needed and was != now:
                yield f"{inside}: what its absence means changed"

    def _part(self, place: str, old: Any, new: Any) -> Iterator[str]:
        if new is True or old is False:
            return
        if new is False:
            yield f"{place}: no longer allowed"
        else:
            yield from self.node(place, {} if old is True else old, new)


def _resolve(node: Schema, definitions: Schema) -> Schema:
    while "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**definitions[node["$ref"].rpartition("/")[2]], **beside}
    return node


def _is_type_change(lines: list[str]) -> bool:
    return any(": type " in line for line in lines)


def _types(place: str, old: Schema, new: Schema) -> Iterator[str]:
    allowed = _listed(new.get("type"))
    if not allowed:
        return
    if "number" in allowed:
        allowed = allowed | {"integer"}
    before = _listed(old.get("type"))
    if not before and all(isinstance(value, str) for value in _fixed_values(old) or (None,)):
        before = {"string"}  # an enumeration need not name the type of its values
    if gone := sorted((before or {"anything"}) - allowed):
        yield f"{place}: type {' or '.join(gone)} is no longer allowed"


def _listed(types: Any) -> set[str]:
    return {types} if isinstance(types, str) else set(types or ())


def _fixed_values(node: Schema) -> list[Any] | None:
    return [node["const"]] if "const" in node else node.get("enum")


def _values(place: str, old: Schema, new: Schema) -> Iterator[str]:
    now = _fixed_values(new)
    if now is None:
        return
    before = _fixed_values(old)
    if before is None:
        yield f"{place}: limited to {now!r}"
    elif gone := [value for value in before if value not in now]:
        yield f"{place}: the values {gone!r} are no longer allowed"


def _bounds(place: str, old: Schema, new: Schema) -> Iterator[str]:
    nothing = float("inf")
    for keyword in _LOWER:
        if new.get(keyword, 0) > old.get(keyword, 0):
            yield f"{place}: {keyword} is now {new[keyword]}"
    for keyword in _UPPER:
        if new.get(keyword, nothing) < old.get(keyword, nothing):
            yield f"{place}: {keyword} is now {new[keyword]}"
    # A bound, and whether it is itself excluded, so that "at least 0" and "above 0" compare.
    low_now, low_before = (_limit(n, "minimum", "exclusiveMinimum", 1) for n in (new, old))
    if low_now > low_before:
        yield f"{place}: the lower bound is now {low_now[0]}"
    high_now, high_before = (_limit(n, "maximum", "exclusiveMaximum", -1) for n in (new, old))
    if high_now < high_before:
        yield f"{place}: the upper bound is now {high_now[0]}"


def _limit(node: Schema, inclusive: str, exclusive: str, sign: int) -> tuple[float, int]:
    limits = [(node[inclusive], 0)] if inclusive in node else []
    limits += [(node[exclusive], sign)] if exclusive in node else []
    stricter = max if sign > 0 else min
    return stricter(limits, default=(-sign * float("inf"), 0))
