"""The errors of the client, in one tree. Pure.

    ClientError                    code, message, path, hint, errors, status
    ├── InvalidCall                the arguments, the address or the token cannot be used; nothing was sent
    └── GatewayProblem             the gateway answered with a problem (RFC 9457), or did not answer
        ├── InvalidRequest         400, 406, 411, 413, 414, 415, 431: the request is wrong
        ├── NotAllowed             401, 403: no token, another scope, an expired or revoked token
        ├── NotFound               404, 405: there is no such report, message or endpoint
        ├── Refused                409, 422: the report is not valid, or contradicts an earlier one; see `errors`
        ├── RateLimited            429: too many requests; see `retry_after_seconds`
        ├── Unavailable            408, 502, 503, 504, or no answer: the same call may succeed later
        ├── GatewayFault           500 and other statuses: a fault of the gateway
        └── AnswerMalformed        the answer is not one of this gateway

`code` is stable; docs/errors.md has the meaning and the remedy of each one. No error contains the token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from schemas.excerpts import MESSAGE_CHARACTERS_MAX, within


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """What is wrong with one field of a report or of a request."""

    path: str
    """Such as `entities[0].person.category`; empty for the whole input."""

    code: str
    message: str
    allowed: tuple[str, ...] = ()
    """The allowed values, if the schema lists them."""


class ClientError(Exception):
    """An error with a stable code, and a hint how to correct it."""

    retriable: ClassVar[bool] = False
    """The same call may succeed later. The client has repeated it already as often as its policy says."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        path: str | None = None,
        hint: str | None = None,
        errors: Sequence[FieldProblem] = (),
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        message = within(message, MESSAGE_CHARACTERS_MAX)
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        self.hint = hint
        self.errors = tuple(errors)
        self.status = status
        """Status of HTTP; None if there was no answer."""
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        """Code and message, and the first fields that are wrong."""
        fields = "; ".join(f"{error.path}: {error.message} ({error.code})" for error in self.errors[:3])
        return f"{self.code}: {self.message}" + (f" [{fields}]" if fields else "")


class InvalidCall(ClientError):
    """The arguments, the address or the token cannot be used; nothing was sent."""


class GatewayProblem(ClientError):
    """The gateway answered with a problem, or did not answer."""


class InvalidRequest(GatewayProblem):
    """The gateway cannot read the request, or a parameter is wrong."""


class NotAllowed(GatewayProblem):
    """The token is missing, wrong, expired or revoked, or lacks the scope."""


class NotFound(GatewayProblem):
    """There is no such report, message or endpoint."""


class Refused(GatewayProblem):
    """The report is not valid, or contradicts what was handed in before. Nothing was kept; see `errors`."""


class RateLimited(GatewayProblem):
    """The token has used its requests; try again after `retry_after_seconds`."""

    retriable = True


class Unavailable(GatewayProblem):
    """The gateway cannot be reached, or cannot do it now."""

    retriable = True


class GatewayFault(GatewayProblem):
    """The gateway has a fault. Report it with the code."""


class AnswerMalformed(GatewayProblem):
    """The answer has another form than that of this gateway."""


class NotStored(ClientError):
    """A recipient will not store the report: it was withheld, rejected or not addressed."""


class TimedOut(ClientError):
    """The state was not reached in time."""

    retriable = True


STATUSES: Final[dict[int, type[GatewayProblem]]] = {
    **dict.fromkeys((400, 406, 411, 413, 414, 415, 431), InvalidRequest),
    **dict.fromkeys((401, 403), NotAllowed),
    **dict.fromkeys((404, 405), NotFound),
    **dict.fromkeys((409, 422), Refused),
    429: RateLimited,
    **dict.fromkeys((408, 502, 503, 504), Unavailable),
}
"""Status -> class of the error; every other status is a GatewayFault."""

CODES: Final[dict[str, type[GatewayProblem]]] = {"not_found": NotFound}
"""Code -> class of the error, where the code says more than the status."""
