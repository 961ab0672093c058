"""Makes an error of an answer that is a problem (RFC 9457). Pure.

An answer of something between the client and the gateway, such as a proxy, has no body of this form. Its error has the
code `gateway_answer` and the status.
"""

from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec

from enlace.effects import Reply
from enlace.errors import CODES, STATUSES, AnswerMalformed, FieldProblem, GatewayFault, GatewayProblem, Unavailable

PROBLEM_SIZE_BYTES_MAX: Final = 4_000_000  # a larger body is not read as a problem
ANSWER_CODE: Final = "gateway_answer"
FOREIGN_HINT: Final = "something between this client and the gateway answered, or the address is not that of a gateway"


class _Field(msgspec.Struct):
    path: str = ""
    code: str = ""
    message: str = ""
    allowed: tuple[str, ...] = ()


class _Body(msgspec.Struct):
    code: str
    detail: str = ""
    message: str = ""
    path: str | None = None
    hint: str | None = None
    errors: tuple[_Field, ...] = ()


class _Line(msgspec.Struct):
    """A line of a batch: the answer to a report, or why the batch ended early."""

    outcome: str | None = None
    error: _Body | None = None


def problem_of(reply: Reply) -> GatewayProblem:
    """The error of an answer that is not good."""
    body = _body(reply.body)
    if body is None:
        return _foreign(reply)
    kind = CODES.get(body.code) or STATUSES.get(reply.status, GatewayFault)
    return kind(
        body.code,
        body.detail or _phrase(reply.status),
        path=body.path,
        hint=body.hint,
        errors=[
            FieldProblem(path=error.path, code=error.code, message=error.message, allowed=error.allowed)
            for error in body.errors
        ],
        status=reply.status,
        retry_after_seconds=retry_after(reply.headers),
    )


def require_media_type(reply: Reply, expected: str) -> None:
    """Raise GatewayProblem unless the request was done and its answer, if it names its form, is of this one.

    Otherwise the page of a proxy would be read as an answer that has no items.
    """
    if not reply.is_good:
        raise problem_of(reply)
    named = reply.headers.get("content-type", expected).partition(";")[0].strip().lower()
    if named != expected:
        raise AnswerMalformed(ANSWER_CODE, f"the answer is not {expected}", hint=FOREIGN_HINT, status=reply.status)


def is_json(line: bytes) -> bool:
    """Whether a line is whole."""
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except msgspec.MsgspecError:
        return False
    return True


def problem_in_line(line: bytes) -> GatewayProblem | None:
    """The error in a line of a batch that ended early; None for the answer to a report."""
    try:
        found = msgspec.json.decode(line, type=_Line)
    except msgspec.MsgspecError:
        return AnswerMalformed("answer_malformed", "a line of the answer is not the answer to a report")
    if found.outcome is not None:
        return None
    body = found.error or _body(line)
    if body is None:
        return AnswerMalformed("answer_malformed", "a line of the answer has no outcome")
    return Unavailable(body.code, body.detail or body.message, path=body.path, hint=body.hint)


def retry_after(headers: Any) -> float | None:
    """Seconds of the header Retry-After (RFC 9110, 10.2.3); a date is compared with the header Date."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None


def _body(data: bytes) -> _Body | None:
    if len(data) > PROBLEM_SIZE_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(data, type=_Body)
    except msgspec.MsgspecError:
        return None


def _foreign(reply: Reply) -> GatewayProblem:
    """The error of an answer that is not from the gateway."""
    kind = STATUSES.get(reply.status, GatewayFault)
    return kind(
        ANSWER_CODE,
        f"the answer is {reply.status} {_phrase(reply.status)}".rstrip(),
        hint=FOREIGN_HINT,
        status=reply.status,
        retry_after_seconds=retry_after(reply.headers),
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
