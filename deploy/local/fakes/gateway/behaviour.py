"""How the local gateway behaves: well, or as badly as it is told to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace


class Nonsense(ValueError):
    """There is no such behaviour. Says which there are."""


@dataclass(frozen=True)
class Behaviour:
    """What can be changed while it runs. Rates are shares of the messages, 0 to 1."""

    away: bool = False
    """It refuses connections, as a gateway does that is not there."""
    ignore_keys: bool = False
    """A message that comes twice is accepted twice."""
    hold: bool = False
    """It takes requests in and does nothing with them, until it is told otherwise."""
    delay_ms: int = 0
    """It waits so long before it does anything."""
    fail_rate: float = 0.0
    """Answered with 503 and not accepted."""
    drop_answer_rate: float = 0.0
    """Accepted, and then it hangs up without an answer."""
    lose_receipt_rate: float = 0.0
    double_receipt_rate: float = 0.0
    undelivered_rate: float = 0.0
    """Accepted, and the receipt says that it did not arrive."""
    receipt_delay_ms: int = 20
    """Receipts are sent after up to so long, so that they do not come in order."""

    def changed(self, changes: dict[str, object]) -> Behaviour:
        """The behaviour with some of it changed. Raises Nonsense."""
        known = {item.name: str(item.type) for item in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise Nonsense(f"no such behaviour: {name}; there are {', '.join(known)}")
            if not _fits(known[name], value):
                raise Nonsense(f"{name} cannot be {value!r}")
        return replace(self, **changes)  # type: ignore[arg-type]  # each was looked at just now

    def to_json(self) -> dict[str, object]:
        """As it is shown."""
        return asdict(self)


def _fits(kind: str, value: object) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) and value >= 0 if kind == "int" else 0 <= value <= 1
