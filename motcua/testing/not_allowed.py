"""What a test fails with whose request is refused against its expectation."""

from __future__ import annotations

from contracts.events.refusals import Refusal
from contracts.wire.envelope import Event
from motcua.testing.local_time import told


class NotAllowed(AssertionError):
    """A request was refused. Says which, of which dossier, dated when, and why."""

    def __init__(self, request: Event, refusal: Refusal) -> None:
        super().__init__(
            f"{request.subject}: {request.data.NAME} of {told(request.time)} was refused, "
            f"{refusal.reason}: {refusal.detail}"
        )
        self.refusal = refusal
