"""Structured logs: one line per event, as JSON by default, readable by people on request."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import structlog


def configure(service: str, *, level: str = "INFO", as_json: bool = True) -> None:
    """Set up logging for the process; every line carries the service's name.

    Lines about a dossier carry ``dossier`` (its code) and ``event`` ids as ``event_id``, and never
    a citizen's name or contact data.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        # Not rich's: it prints local variables too, which include addresses and secrets.
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.StackInfoRenderer(),
            *([structlog.processors.format_exc_info] if as_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([structlog.processors.format_exc_info] if as_json else []),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The clients log every reconnection at length; the engine says the same in one line.
    for noisy in ("aiokafka", "pymongo", "faststream", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    handler.addFilter(_not_again())


def _not_again() -> Callable[[logging.LogRecord], bool]:
    """Return a filter that lets a client log the same text once in ten seconds."""
    said: dict[tuple[str, object], float] = {}

    def lets_through(record: logging.LogRecord) -> bool:
        what = (record.name, record.msg)
        last = said.get(what)
        if last is not None and record.created - last < 10.0:
            return False
        if len(said) > 1000:
            said.clear()
        said[what] = record.created
        return True

    return lets_through
