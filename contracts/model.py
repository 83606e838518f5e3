"""The base of every event's data, and the registry that finds a class by type and version."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

NAMESPACE = "vn.motcua"
"""The reverse-DNS prefix of every CloudEvents type that this system owns."""

Owner = Literal["intake", "routing", "sla", "notify", "clock", "rules"]


class Kind(StrEnum):
    """The two kinds of record on the log."""

    REQUEST = "request"
    """What someone asks; only the owning service acts on it."""
    FACT = "fact"
    """What the owning service decided, or an older system reported; everyone may act on it."""


class EventData(BaseModel):
    """The data of one event. A subclass is one type in one version; see `registered`.

    Fields that a newer minor writer added are ignored on read. So adding an optional field keeps a
    version; anything else makes a new one (see `contracts.tooling.compatibility`).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        ser_json_timedelta="iso8601",
        use_attribute_docstrings=True,  # so that a field's docstring reaches its JSON Schema
    )

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    TYPE: ClassVar[str]
    KIND: ClassVar[Kind]
    OWNER: ClassVar[Owner]
    TOPIC: ClassVar[str]
    SUBJECT_FIELD: ClassVar[str | None] = None
    """The field with the subject, if the subject differs from that of the causing event; that one's
    where the field is None."""

    def __init_subclass__(
        cls,
        *,
        kind: Kind | None = None,
        owner: Owner | None = None,
        version: int = 1,
        topic: str = "dossier.events",
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if kind is None or owner is None:
            return  # a base that several types share, not a type itself
        cls.NAME = cls.__name__
        cls.VERSION = version
        cls.TYPE = f"{NAMESPACE}.{cls.NAME}.v{version}"
        cls.KIND = kind
        cls.OWNER = owner
        cls.TOPIC = topic
        if cls.TYPE in _registry:
            raise TypeError(f"two classes claim the event type {cls.TYPE}")
        _registry[cls.TYPE] = cls


_registry: dict[str, type[EventData]] = {}


def registered() -> dict[str, type[EventData]]:
    """Return every current event class, by CloudEvents type. Import `contracts.events` first."""
    return dict(_registry)
