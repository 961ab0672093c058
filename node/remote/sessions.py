"""Opens a session with a gateway for a command, and turns the errors of the client into those of commands.

The codes stay. Of each kind of error the exit code is that of the same error in a local command.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from enlace.errors import (
    AnswerMalformed,
    ClientError,
    GatewayFault,
    InvalidCall,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
)
from enlace.retries import RetryPolicy
from enlace.settings import settings_of
from enlace.sync_session import Session
from node import errors
from node.remote.gateway_address import GatewayAddress

SECONDS_MAX: Final = 30.0  # how long a gateway may send nothing
PATIENCE: Final = RetryPolicy(attempts_max=4)  # a person or a script waits for a command: some seconds
_KINDS: Final[dict[type[ClientError], type[errors.EnlaceError]]] = {
    InvalidCall: errors.UsageError,
    InvalidRequest: errors.UsageError,
    NotAllowed: errors.UsageError,
    NotFound: errors.Refused,
    Refused: errors.Refused,
    GatewayFault: errors.Unavailable,
    AnswerMalformed: errors.Unavailable,
}
"""Class of the client -> class of commands; every other one is Unavailable."""


@contextmanager
def session(address: GatewayAddress, patience: RetryPolicy = PATIENCE) -> Iterator[Session]:
    """A session with the gateway. Inside, an error of the client is raised as the error of commands."""
    try:
        settings = settings_of(
            address.gateway,
            token=None,
            token_file=address.token_file,
            ca_file=address.ca_file,
            certificate_file=None,
            key_file=None,
            timeout_seconds=SECONDS_MAX,
            policy=patience,
        )
        with Session(settings) as opened:
            yield opened
    except ClientError as error:
        raise command_error(error) from None


def command_error(error: ClientError) -> errors.EnlaceError:
    """The error of commands with the same code."""
    kind = _KINDS.get(type(error), errors.Unavailable)
    message = error.message
    if error.errors and error.code != "purpose_missing":
        first = error.errors[0]
        message = f"{message}; {first.path} {first.message}" if first.message not in message else message
    return kind(error.code, message, path=error.path, hint=error.hint)
