"""Parses the texts that a caller gives as arguments: ids, times, codes, identifiers. Pure.

Each function raises UsageError whose path is the name of the field.
"""

import re
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from node.errors import UsageError
from node.reports.questions import FORM, Question, QuestionRefused, question_of_text
from schemas import codes
from schemas.excerpts import excerpt

# `datetime.fromisoformat` alone takes other forms too, such as eight digits with any text behind them.
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?))?"
)
_ID_HINT: Final = "as 8b8be73a-f678-5a5b-86a4-799c3959547f"


def parse_id(text: str, field: str = "id") -> UUID:
    """A report id or a message id."""
    try:
        return UUID(text)
    except ValueError:
        raise UsageError("usage", f"{excerpt(text)} is not a UUID", path=field, hint=_ID_HINT) from None


def parse_time(text: str, field: str) -> int:
    """A time of RFC 3339 in ms; a date without a time is its midnight in UTC."""
    time: datetime | None = None
    try:
        if match := _TIME.fullmatch(text):
            time = datetime.fromisoformat(text.upper() if match[1] else f"{text}T00:00:00+00:00").astimezone(UTC)
    except (ValueError, OverflowError):  # a zone may lead out of the calendar
        time = None
    if time is None:
        raise UsageError(
            "usage", f"{excerpt(text)} is not a time with a zone", path=field, hint="as 2026-11-23T12:00:00Z"
        )
    return int(time.timestamp() * 1000)


def parse_code(text: str, list_name: str, field: str) -> str:
    """A code of a list of the schemas, as `subjects`; lower case is accepted."""
    code, listed = text.upper(), codes.load(list_name)
    if code not in listed.codes:
        message = f"{excerpt(code)} is not one of {list_name} (version {listed.version})"
        raise UsageError("unknown_code", message, path=field, hint=f"one of {', '.join(listed.ordered)}")
    return code


def parse_identifier(text: str, field: str) -> Question:
    """SCHEME=VALUE or CC:SCHEME=VALUE as a question."""
    try:
        return question_of_text(text)
    except QuestionRefused as refused:
        code, message = refused.error.code, refused.error.message
        raise UsageError(
            "invalid_identifier"
            if code == "invalid_identifier"
            else "unknown_code"
            if code == "unknown_code"
            else "usage",
            f"an identifier is {FORM}" if code in ("missing", "wrong_format") else message,
            path=field,
            hint=refused.hint,
        ) from None
