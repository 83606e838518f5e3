"""How the local gateway behaves: well, or as badly as it is told to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace


class Nonsense(ValueError):
    """There is no such behaviour; the text says which there are."""


@dataclass(frozen=True)
class Behaviour:
    """What can be changed while it runs. Rates are shares of the messages, 0 to 1."""

    away: bool = False
    """It refuses connections, as if it were not there."""
    ignore_keys: bool = False
    """A message that comes twice is accepted twice."""
    hold: bool = False
    """It takes requests and does nothing with them until it is told otherwise."""
    delay_ms: int = 0
    """It waits this long before it does anything."""
    fail_rate: float = 0.0
    """Answered with 503 and not accepted."""
    drop_answer_rate: float = 0.0
    """Accepted, and then it hangs up without an answer."""
    lose_receipt_rate: float = 0.0
    double_receipt_rate: float = 0.0
    undelivered_rate: float = 0.0
    """Accepted, and the receipt says that it did not arrive."""
    receipt_delay_ms: int = 20
    """Receipts are sent after up to this long, so that they come out of order."""

    def changed(self, changes: dict[str, object]) -> Behaviour:
        """Return the behaviour with these changes. Raise Nonsense for an unknown name or value."""
        known = {item.name: str(item.type) for item in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise Nonsense(f"no such behaviour: {name}; there are {', '.join(known)}")
            if not _fits(known[name], value):
                raise Nonsense(f"{name} cannot be {value!r}")
        return replace(self, **changes)  # type: ignore[arg-type]  # each was looked at just now

    def to_json(self) -> dict[str, object]:
        """Return it as it is shown."""
        return asdict(self)


def _fits(kind: str, value: object) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) and value >= 0 if kind == "int" else 0 <= value <= 1
