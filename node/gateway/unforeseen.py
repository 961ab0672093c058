"""What a caller learns of an error: its code, or of a bug an id only, under which the log of the node has the rest."""

import traceback

import structlog

from node.answers.error_answer import coded
from node.errors import EnlaceError
from node.system_random import random_bytes

log = structlog.get_logger()


def error_to_show(error: Exception) -> EnlaceError:
    """The error with a code that `error` is or stands for. A bug is logged here, with the id that the error names."""
    known = coded(error)
    if known is not None:
        return known
    number = random_bytes(8).hex()
    log.critical("request_failed", id=number, exception="".join(traceback.format_exception(error)))
    message = "an error that was not foreseen; the log of the node has it"
    return EnlaceError("bug", message, hint=f"report it with the id {number}")
