"""Notes that a run of the importer takes, on disk once they outgrow a few megabytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def scratch() -> Iterator[sqlite3.Connection]:
    """Yield a database of this run's own, which is deleted afterwards.

    SQLite keeps it in memory while it is small and in a temporary file when it grows, so that a log
    of millions of cases needs no more memory than a short one.
    """
    notes = sqlite3.connect("", isolation_level=None)
    try:
        # Nothing is ever rolled back or read after a crash.
        notes.execute("PRAGMA journal_mode = OFF")
        notes.execute("PRAGMA synchronous = OFF")
        notes.execute("PRAGMA cache_size = -8192")
        yield notes
    finally:
        notes.close()
