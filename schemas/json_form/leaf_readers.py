"""Readers of the JSON form of single values: texts, numbers, codes, dates, times, ids, bytes.

Pure. A reader notes what is wrong and goes on; what it returns then is not used. The rules stand in
schemas/json_form/json_values.py.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from schemas import codes, formats, schema_files
from schemas.field_errors import Findings

Read = Callable[[Any, str, Findings], Any]

_JSON_NAMES: Final = {dict: "an object", list: "a list", str: "a text", int: "a whole number", bool: "true or false"}
SHOWN_CHARACTERS_MAX: Final = 64  # of a wrong value in a message


def check_code(value: str, listed: codes.CodeList, path: str, found: Findings) -> None:
    """Notes a code that is not of the list."""
    if value not in listed.codes:
        message = f"{shown(value)} is no code of {listed.name} (version {listed.version})"
        found.add(path, "unknown_code", message, listed.ordered)


def is_kind(kind: type, value: Any, path: str, found: Findings) -> bool:
    """Whether the value is of this type itself (True is no number); notes it if not."""
    if type(value) is kind:
        return True
    found.add(path, "wrong_type", f"is {_JSON_NAMES[kind]}")
    return False


def shown(value: str) -> str:
    """A wrong value as a message quotes it: escaped, and not longer than a line."""
    return repr(value if len(value) <= SHOWN_CHARACTERS_MAX else value[:SHOWN_CHARACTERS_MAX] + "…")


def enum_reader(symbols: tuple[str, ...]) -> Read:
    """One of these symbols."""

    def read_enum(value: Any, path: str, found: Findings) -> Any:
        if is_kind(str, value, path, found) and value not in symbols:
            found.add(path, "unknown_code", f"{shown(value)} is none of {', '.join(symbols)}", symbols)
        return value

    return read_enum


def number_reader(bounds: tuple[int, int], form: str | None) -> Read:
    """A whole number within bounds, or a date or time for one."""
    low, high = bounds
    parse = {"date": formats.parse_date, "time": formats.parse_time}.get(form or "")

    def read_number(value: Any, path: str, found: Findings) -> Any:
        if is_kind(int, value, path, found) and not low <= value <= high:
            found.add(path, "out_of_range", f"lies between {low:,} and {high:,}")
        return value

    return read_number if parse is None else _parsed(parse)


def text_reader(attributes: dict[str, Any], namespace: str) -> Read:
    """A text within its bounds, or a code of its list, or a UUID in lower case."""
    if attributes.get("format") == "uuid":
        return _parsed(lambda text: str(formats.parse_uuid(text)))
    bytes_min, bytes_max = schema_files.text_bounds(attributes, namespace)
    pattern = re.compile(attributes["pattern"]) if "pattern" in attributes else None
    name = attributes.get("codes", "")
    listed = codes.load(name) if name and "{" not in name else None
    verbatim = attributes.get("verbatim", False)

    def read_text(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(str, value, path, found):
            return None
        if listed is not None:
            check_code(value, listed, path, found)
            return value
        length = len(value.encode(errors="surrogatepass"))
        if length > bytes_max:
            found.add(path, "too_long", f"has {length:,} bytes; at most {bytes_max:,} are lawful")
        elif length < bytes_min:
            found.add(path, "missing", "is empty")
        elif not _is_unicode(value) or ("\0" in value and not verbatim):
            found.add(path, "wrong_format", "holds NUL or half of a surrogate pair")
        elif pattern is not None and not pattern.fullmatch(value):
            found.add(path, "wrong_format", f"matches {pattern.pattern}")
        return value

    return read_text


def _is_unicode(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def read_boolean(value: Any, path: str, found: Findings) -> Any:
    """True or false."""
    is_kind(bool, value, path, found)
    return value


def bytes_reader(attributes: dict[str, Any]) -> Read:
    """Bytes within their bounds from base64, or 16 from a UUID."""
    if attributes.get("format") == "uuid":
        return _parsed(lambda text: formats.parse_uuid(text).bytes)
    low, high = attributes.get("minBytes", 0), attributes.get("maxBytes", schema_files.BYTES_MAX)
    low, high = (attributes["size"],) * 2 if "size" in attributes else (low, high)

    def parse(text: str) -> bytes:
        data = formats.parse_bytes(text)
        if not low <= len(data) <= high:
            raise ValueError(f"is base64 of {low:,} to {high:,} bytes")
        return data

    return _parsed(parse)


def _parsed(parse: Callable[[str], Any]) -> Read:
    def read_parsed(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(str, value, path, found):
            return None
        try:
            return parse(value)
        except ValueError as error:
            found.add(path, "wrong_format", str(error))
            return None

    return read_parsed
