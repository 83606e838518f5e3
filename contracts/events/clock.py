"""The record by which whoever feeds a recorded stream moves its time."""

from contracts.model import EventData, Kind


class ClockTicked(EventData, kind=Kind.FACT, owner="clock"):
    """Everything that happened before this event's time stands before it in its partition.

    A punctuated watermark: under the stream clock it is what fires timers. It is written to
    every partition by the one who feeds a recorded or simulated stream, and means nothing to
    the wall clock of a live city. It belongs to no dossier: its subject is ``clock``.
    """


CLOCK_SUBJECT = "clock"
