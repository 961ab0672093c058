"""Structured logs on stderr: one JSON object a line, or text for the eye. Never a payload, a key or a token.

The catalogue of events is docs/events.md.
"""

import logging
import sys

import structlog

from schemas.types import LogFormat, LogSection


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
