"""A record that a service uses, as it is found by its headers alone."""

from __future__ import annotations

from typing import Any

import msgspec
from aiokafka import ConsumerRecord

from services.runtime.core.dead_letter import Redrive, place_of


class Wanted(msgspec.Struct):
    """A record that the service uses, and the subject that it is about."""

    record: ConsumerRecord[Any, Any]
    headers: dict[str, bytes]
    subject: str | None
    """None if the key cannot be a subject."""
    type_name: str
    short: bytes
    """The event's `short_id`."""
    content: bytes
    """What the record says (see `stored.content_of`)."""
    redrive: Redrive | None = None
    dead_letter_id: str = ""

    @property
    def place(self) -> str:
        """Where the record stands: topic, partition and offset."""
        return place_of(self.record)
