"""The line by which a process that runs on says that it is ready: one JSON object, the first line on stdout."""

import os
import sys
from typing import Any

import msgspec
import structlog

from node.standard_streams import AnswerStream, LogStream


def say_ready(event: str, **fields: Any) -> None:
    """Write the line. A process outlives the loss of its output."""
    line = {"event": event, **fields, "pid": os.getpid()}
    stdout = sys.stdout.without_waiting() if isinstance(sys.stdout, AnswerStream) else sys.stdout
    stdout.write(msgspec.json.encode(line).decode() + "\n")
    stdout.flush()
    if isinstance(stdout, LogStream) and stdout.is_losing:
        structlog.get_logger().warning("ready_line_lost")
