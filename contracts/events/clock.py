"""The record that moves the time of a recorded stream."""

from contracts.model import EventData, Kind


class ClockTicked(EventData, kind=Kind.FACT, owner="clock"):
    """Everything that happened before this event's time stands before it in its partition.

    A punctuated watermark: it fires timers under the stream clock. The feeder of a recorded or
    simulated stream writes it to every partition; it means nothing to the wall clock of a live
    city. It belongs to no dossier: its subject is ``clock``.
    """


CLOCK_SUBJECT = "clock"
