"""One run of an import: reads, translates, and sends what an earlier run has not sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import Protocol

from contracts.wire.envelope import Event
from services.intake.imports.bookmarks import Bookmark, Bookmarks
from services.intake.imports.codes import Codes, NoCode
from services.intake.imports.correction import (
    Correction,
    NotCorrectable,
    correction_of,
    standard_of,
)
from services.intake.imports.csv_log import read_csv
from services.intake.imports.log import LogError, LogFile, LoggedTrace, opened
from services.intake.imports.mapping import CsvSource
from services.intake.imports.report import Report
from services.intake.imports.rules import CompiledMapping
from services.intake.imports.scratch import scratch
from services.intake.imports.told_before import Told, ToldBefore, compared
from services.intake.imports.translate import TranslatedTrace, translate
from services.intake.imports.xes import read_xes
from services.shared.corrections import KEY

BATCH = 500
"""The number of facts after which a batch is sent; a trace is never divided."""

OnRead = Callable[[int, int], None]
"""Is called with the number of bytes read, and the file's size in bytes."""


class Publisher(Protocol):
    """Writes events to Kafka and waits for the acks; see `services.runtime.kafka.producer`."""

    async def publish(self, events: Sequence[Event]) -> None: ...


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256. Raise LogError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LogError(path, 0, f"cannot be read: {error.strerror}") from error


def read(file: LogFile, compiled: CompiledMapping) -> Iterator[LoggedTrace]:
    """Return the traces of the file, in the format that the mapping names."""
    source = compiled.source
    if isinstance(source, CsvSource):
        return read_csv(file, source, compiled.promise_columns)
    return read_xes(file)


@contextmanager
def translated(
    path: Path, compiled: CompiledMapping, progress: OnRead, entered: datetime
) -> Iterator[Iterator[TranslatedTrace]]:
    """Yield an iterator over the translated traces. It raises LogError where the file breaks, or
    if the mapping says that the log tells of a time later than `entered`, when the import is made.
    """
    as_of = compiled.source.as_of
    if as_of is not None and as_of > entered:
        raise LogError(path, 0, f"source.as_of, {as_of.isoformat()}, lies in the future")
    with opened(path) as file, scratch() as notes:
        codes = Codes(notes)

        def each() -> Iterator[TranslatedTrace]:
            for trace in read(file, compiled):
                told = translate(compiled, trace, entered)
                # Broken traces too: one may be broken because its case appears twice.
                if told.code is not None and told.case is not None:
                    try:
                        codes.claim(told.code, told.case, told.line)
                    except NoCode as error:
                        told.breaks(trace, str(error), compiled.source.activity)
                progress(file.position, file.size)
                yield told
                if told.broken is not None and compiled.source.on_error == "stop":
                    why = f"the trace from here is broken, and on_error is stop: {told.broken}"
                    raise LogError(path, told.line, why)

        yield each()


def check(
    path: Path,
    compiled: CompiledMapping,
    report: Report,
    *,
    now: datetime,
    limit: int | None,
    progress: OnRead,
) -> None:
    """Translate the file into the report and send nothing."""
    with translated(path, compiled, progress, now) as traces:
        try:
            for told in islice(traces, limit):
                report.add(told)
        except LogError as error:
            report.stopped_by(error)


async def send(
    path: Path,
    compiled: CompiledMapping,
    report: Report,
    *,
    publisher: Publisher,
    bookmarks: Bookmarks,
    told_before: ToldBefore,
    now: datetime,
    limit: int | None,
    progress: OnRead,
    correct: bool = False,
) -> None:
    """Translate the file and send what the bookmarks do not know to be acknowledged.

    Every trace is translated again, for the report and for the codes, but only those after the
    bookmark are sent, and of them no fact that says something else than before. All of them are
    entered when the import was begun. A run that dies between an acknowledgement and its bookmark
    sends one batch twice, with the same ids. With `correct`, a case that says something else is
    told anew. Raise what the publisher or the bookmarks raise.
    """
    done = (await bookmarks.begun()).traces
    entered = await bookmarks.entered(now)
    traces_read: list[tuple[TranslatedTrace, bool]] = []  # and whether an earlier run has sent it

    async def flush(*, finished: bool = False) -> None:
        known = await told_before.of(told.case for told, _ in traces_read if told.case)
        batch: list[Event] = []
        new: dict[str, Told] = {}
        corrected: dict[str, Correction] = {}
        for told, was_sent in traces_read:
            if told.broken is not None or told.case is None:
                continue
            before = known.get(told.case, Told())
            found = compared(told.facts, before, entered)
            if correct and (found.differs or before.begun):
                try:
                    made = correction_of(told.facts, before, entered)
                except NotCorrectable as error:
                    report.cannot_correct(told, str(error))
                    continue
                report.compare(told, found)
                corrected[told.case] = made
                batch += made.events
                continue
            report.compare(told, found, unfinished=len(before.begun))
            if before.begun:
                continue  # nobody knows whether a correction is on the log
            code = before.code or told.facts[0].subject
            standard = None if before.contents else standard_of(told.facts)
            new[told.case] = Told(found.new, code, standard=standard)
            if not was_sent and (found.new or not correct):
                batch += found.to_send
        traces_read.clear()
        await told_before.begin({c: _keys(made.events) for c, made in corrected.items()})
        if batch:
            await publisher.publish(batch)
            report.sent += len(batch)
        # After the acknowledgement: what was not told must not count as told.
        await told_before.note(new)
        await told_before.replace({case: made.told for case, made in corrected.items()})
        if report.traces > done or finished:
            broken = report.traces - report.traces_taken
            await bookmarks.note(Bookmark(report.traces, broken, finished, report.left_out))

    complete = False
    facts = 0
    with translated(path, compiled, progress, entered) as traces:
        try:
            for told in islice(traces, limit):
                report.add(told)
                was_sent = report.traces <= done
                report.already_sent += was_sent
                traces_read.append((told, was_sent))
                facts += len(told.facts)
                if facts >= BATCH:
                    await flush()
                    facts = 0
            # With a limit equal to the file's length, the next run finds nothing left.
            complete = limit is None
        except LogError as error:
            report.stopped_by(error)
    await flush(finished=complete)


def _keys(events: Sequence[Event]) -> list[str]:
    return [event.id[:KEY] for event in events]
