"""Structured logs on stderr: one JSON object a line, or text for people. Never a payload, a key or a token.

The catalogue of events is docs/events.md.
"""

import logging
import sys
import time
from typing import Final

import structlog

from node.runtime.event_counts import EventCounts
from node.standard_streams import LogStream
from schemas.types import LogFormat, LogSection

LIBRARY: Final = "aiokafka"
REPEAT_SECONDS: Final = 60.0  # without a cluster, the client repeats its warnings several times a second


def configure(section: LogSection, *, counts: EventCounts | None = None) -> None:
    """Write every event at or above the configured level to stderr, in the configured format.

    With `counts`, events that others can cause are counted after the first one.
    """
    renderers: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer()]
    if section.format is not LogFormat.json:
        text = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # the default shows local variables: keys and payloads
        )
        renderers = [_printable, text]
    structlog.configure(
        processors=[
            *([] if counts is None else [counts]),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[section.level.upper()]),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=False,  # a command logs warnings until `run` has read the configuration of its home
    )
    library = logging.getLogger(LIBRARY)
    library.handlers = [_LibraryLog()]
    library.propagate = False
    library.setLevel(logging.WARNING)


def configure_counting(section: LogSection) -> EventCounts:
    """Write events as a daemon does: those that others can cause are counted. The caller writes the counts."""
    counts = EventCounts()
    configure(section, counts=counts)
    return counts


def _printable(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape what would move the cursor of a terminal: texts come from files and from other nodes."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


class _Lines:
    """Writes each event as a line to stderr; says afterwards how many lines were lost (node/standard_streams.py)."""

    def msg(self, line: str) -> None:
        """Write one event."""
        sys.stderr.write(line + "\n")
        lost = sys.stderr.take_lost() if isinstance(sys.stderr, LogStream) else 0
        if lost:
            structlog.get_logger().warning("log_lines_lost", lines=lost)

    log = debug = info = warn = warning = error = critical = fatal = exception = msg


class _LibraryLog(logging.Handler):
    """Turns a warning of the Kafka client into an event that has the message template and not its arguments."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._logged_at: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a warning, at most once in `REPEAT_SECONDS` for each place in the library."""
        place = f"{record.name}:{record.lineno}"
        now = time.monotonic()
        if now - self._logged_at.get(place, float("-inf")) >= REPEAT_SECONDS:
            self._logged_at[place] = now
            structlog.get_logger().warning("kafka_client_warned", place=place, says=str(record.msg)[:200])
