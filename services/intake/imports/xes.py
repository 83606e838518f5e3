"""Reads XES (IEEE 1849), the exchange format of process logs, trace by trace."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from services.intake.imports.log import (
    MAX_EVENTS,
    MAX_KEYS,
    MAX_TOKEN,
    MAX_TRACE,
    UNPACKING,
    LogError,
    LogFile,
    LoggedEvent,
    LoggedTrace,
)

_VALUES = frozenset({"string", "date", "int", "float", "boolean", "id"})
_CONTAINERS = frozenset({"list", "container"})
_MAX_DEPTH = 32


def read_xes(file: LogFile) -> Iterator[LoggedTrace]:
    """Yield the traces of the file, one after another, in constant memory.

    Attributes are text under their keys; a nested attribute is found under ``outer/inner``, and a
    key's second value under ``key#2``. An event outside any trace becomes a trace of its own,
    without attributes. Raise LogError, after the last complete trace, where the file is broken or
    has a document type: entities are refused.
    """
    found = _Handler(file)
    fed = 0
    try:
        for chunk in file.chunks():
            found.parser.Parse(chunk, False)
            yield from found.take()
            if (fault := file.fault_after(len(chunk))) is not None:
                raise found.refusal(fault)
            fed += len(chunk)
            if fed - found.parser.CurrentByteIndex > MAX_TOKEN + len(chunk):
                raise found.refusal(f"one tag is longer than {MAX_TOKEN} bytes")
        found.parser.Parse(b"", True)
        yield from found.take()
    except expat.ExpatError as error:
        yield from found.take()
        what = expat.ErrorString(error.code) or "unknown fault"
        raise LogError(file.path, error.lineno, f"broken XML: {what}") from error
    except LogError:
        yield from found.take()
        raise
    except UNPACKING as error:
        yield from found.take()
        raise found.refusal(f"the compressed file is broken here: {error}") from error


class _Handler:
    def __init__(self, file: LogFile) -> None:
        self._path = file.path
        self._done: list[LoggedTrace] = []
        self._trace: LoggedTrace | None = None
        self._event: LoggedEvent | None = None
        self._keys: list[str] = []
        self._ignored = 0
        self._weight = 0
        """The characters of the trace so far."""
        self._rooted = False
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def take(self) -> list[LoggedTrace]:
        """Return the traces that have become complete since the last call."""
        done, self._done = self._done, []
        return done

    def refusal(self, what: str) -> LogError:
        return LogError(self._path, self.parser.CurrentLineNumber, what)

    def _doctype(self, *_: object) -> None:
        # Without a document type there are no entities: no external ones, no entity bombs.
        raise self.refusal("a document type (DOCTYPE) is refused: XES has none")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        line = self.parser.CurrentLineNumber
        if self._ignored:
            self._ignored += 1
        elif not self._rooted:
            if name != "log":
                raise self.refusal(f"not XES: the outermost element is {name!r}, not 'log'")
            self._rooted = True
        elif name == "trace" and self._trace is None:
            self._trace = LoggedTrace(line)
            self._weight = 0
        elif name == "event" and self._event is None:
            self._event = LoggedEvent(line, {})
        elif self._trace is None and self._event is None:
            self._ignored = 1  # the log's own attributes, its extensions, classifiers, globals
        elif name in _VALUES or name in _CONTAINERS:
            self._attribute(name, attributes)
        elif name == "values":
            self._deeper("")
        else:
            raise self.refusal(f"not XES: element {name!r} cannot stand here")

    def _attribute(self, name: str, attributes: dict[str, str]) -> None:
        key = attributes.get("key")
        if key is None:
            raise self.refusal(f"the attribute {name!r} has no key")
        self._deeper(key)
        if name in _VALUES:
            owner = self._event or self._trace
            assert owner is not None
            if len(owner.attributes) >= MAX_KEYS:
                raise self.refusal(f"more than {MAX_KEYS} attributes of one event or trace")
            path = plain = "/".join(filter(None, self._keys))
            times = 1
            while path in owner.attributes:
                times += 1
                path = f"{plain}#{times}"
            value = owner.attributes[path] = attributes.get("value", "")
            self._weight += len(path) + len(value)
            if self._weight > MAX_TRACE:
                raise self.refusal(f"a trace has more than {MAX_TRACE} characters")

    def _deeper(self, key: str) -> None:
        if len(self._keys) == _MAX_DEPTH:
            raise self.refusal(f"attributes are nested more than {_MAX_DEPTH} deep")
        self._keys.append(key)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if self._ignored:
            self._ignored -= 1
        elif self._keys:
            self._keys.pop()
        elif name == "event" and self._event is not None:
            trace = self._trace or LoggedTrace(self._event.line)
            trace.events.append(self._event)
            self._event = None
            if self._trace is None:
                self._done.append(trace)
                self._weight = 0
            elif len(trace.events) > MAX_EVENTS:
                raise self.refusal(f"a trace has more than {MAX_EVENTS} events")
        elif name == "trace" and self._trace is not None:
            self._done.append(self._trace)
            self._trace = None
