"""Structured logs on stderr: one JSON object a line, or text for the eye. Never a payload, a key or a token.

The catalogue of events is docs/events.md.
"""

import logging
import sys
import time
from typing import Final

import structlog

from schemas.types import LogFormat, LogSection

LIBRARY: Final = "aiokafka"
REPEAT_SECONDS: Final = 60.0  # a client without a cluster says the same several times a second


def configure(section: LogSection) -> None:
    """Send every event at or above the level to stderr in the format of the configuration."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if section.format is LogFormat.json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # the default shows local variables: keys and payloads
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[section.level.upper()]),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,  # a command logs warnings until `run` has read what the home asks for
    )
    library = logging.getLogger(LIBRARY)
    library.handlers = [_LibraryLog()]
    library.propagate = False
    library.setLevel(logging.WARNING)


class _LibraryLog(logging.Handler):
    """Says once a minute what the Kafka client says, as an event like all others: its kind, never its arguments."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Of one place in the library, at most once in `REPEAT_SECONDS`."""
        place = f"{record.name}:{record.lineno}"
        now = time.monotonic()
        if now - self._said.get(place, float("-inf")) >= REPEAT_SECONDS:
            self._said[place] = now
            structlog.get_logger().warning("kafka_client_warned", place=place, says=str(record.msg)[:200])
