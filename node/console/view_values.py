"""Turns values of answers into the texts that pages show. Pure."""

from uuid import UUID

from schemas.formats import date_text, time_text


def time_of(ms: int | None) -> str | None:
    """A time in ms as RFC 3339 in UTC; None for a time that is not known or is outside the calendar."""
    try:
        return None if ms is None else time_text(ms)
    except OverflowError:
        return None


def date_of(days: int) -> str:
    """Days since 1970 as a date; the number if it is outside the calendar."""
    try:
        return date_text(days)
    except (OverflowError, ValueError):
        return str(days)


def id_of(message_id: bytes) -> str:
    """The 16 bytes of a message id as text."""
    return str(UUID(bytes=message_id))


def sentence(label: str) -> str:
    """A label as the beginning of a sentence."""
    return label[:1].upper() + label[1:]


def code_parts(text: str) -> list[tuple[bool, str]]:
    """A text of the manual in parts: whether a part stands between backticks there, and the part without them.

    A text with a backtick that has no second one is one part, as it is.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [(False, text)]
    return [(place % 2 == 1, part) for place, part in enumerate(parts) if part]
