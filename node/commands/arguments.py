"""Parses the texts that a caller gives as arguments: ids, times, codes, identifiers. Pure.

Each function raises UsageError whose path is the name of the field.
"""

from datetime import datetime
from uuid import UUID

from node.errors import UsageError
from node.reports import identifier_text, identifiers
from schemas import codes


def parse_id(text: str, field: str = "id") -> UUID:
    """A report id or a message id."""
    try:
        return UUID(text)
    except ValueError:
        raise UsageError("usage", f"{text} is not a UUID", path=field) from None


def parse_time(text: str, field: str) -> int:
    """A time of RFC 3339 in ms; a date without a time is its midnight in UTC."""
    try:
        time = datetime.fromisoformat(text if "T" in text or " " in text else f"{text}T00:00:00+00:00")
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise UsageError("usage", f"{text} is not a time with a zone", path=field, hint="as 2026-11-23T12:00:00Z")
    return int(time.timestamp() * 1000)


def parse_code(text: str, list_name: str, field: str) -> str:
    """A code of a list of the schemas, as `subjects`; lower case is accepted."""
    code, listed = text.upper(), codes.load(list_name)
    if code not in listed.codes:
        message = f"{code} is not one of {list_name} (version {listed.version})"
        raise UsageError("unknown_code", message, path=field, hint=f"one of {', '.join(listed.ordered)}")
    return code


def parse_identifier(text: str, field: str) -> tuple[str, str]:
    """SCHEME=VALUE as scheme and normalised value."""
    name, separator, value = text.partition("=")
    if not separator or not value.strip():
        raise UsageError("usage", "an identifier is SCHEME=VALUE", path=field, hint="as IMO=9074729")
    scheme = parse_code(name, "schemes", field)
    try:
        return scheme, identifiers.normalise(scheme, value)
    except identifier_text.IdentifierError as error:
        raise UsageError("invalid_identifier", error.reason, path=field, hint=error.hint) from None
