"""Readers of single JSON values: texts, numbers, codes, dates, times, ids, bytes.

A reader adds its errors to `found`. A wrong value has a stand-in of the right type, so that the caller can go on
looking for errors. The rules are in schemas/json_form/json_values.py.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from schemas import codes, formats, schema_files
from schemas.excerpts import quoted
from schemas.field_errors import Findings

Read = Callable[[Any, str, Findings], Any]

_JSON_NAMES: Final = {dict: "an object", list: "a list", str: "a text", int: "a whole number", bool: "true or false"}
_FORMS: Final = {
    r"[0-9]{1,18}(\.[0-9]{1,12})?": "be a decimal such as 12.5",
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?": "be a date of the form YYYY, YYYY-MM or YYYY-MM-DD",
    r"[A-Z]{2}[A-Z0-9]{3}": "be a UN/LOCODE such as BZBZE",
}
"""Pattern -> its form in words."""

_NUMBER_SHOWN_MAX: Final = 10**20


def check_code(value: str, listed: codes.CodeList, path: str, found: Findings) -> None:
    """Add an error if a code is not in the list."""
    if value not in listed.codes:
        message = f"{quoted(value)} is not in the list {listed.name} (version {listed.version})"
        found.add(path, "unknown_code", message, listed.ordered)


def is_kind(kind: type, value: Any, path: str, found: Findings) -> bool:
    """Whether the value has exactly this type (True is not a number); adds an error if not."""
    if type(value) is kind:
        return True
    found.add(path, "wrong_type", f"must be {_JSON_NAMES[kind]}, not {shown(value)}")
    return False


def shown(value: Any) -> str:
    """A JSON value as a message names it: scalars with their value, lists and objects without."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f"the text {quoted(value)}"
        case list() | dict():
            return _JSON_NAMES[type(value)]
    return f"the number {repr(value) if abs(value) < _NUMBER_SHOWN_MAX else 'with many digits'}"


def enum_reader(symbols: tuple[str, ...]) -> Read:
    """The reader of a value that must be one of these symbols."""

    def read_enum(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(str, value, path, found):
            return symbols[0]
        if value not in symbols:
            found.add(path, "unknown_code", f"{quoted(value)} is not one of {', '.join(symbols)}", symbols)
            return symbols[0]
        return value

    return read_enum


def number_reader(bounds: tuple[int, int], form: str | None) -> Read:
    """The reader of a whole number within bounds, or of a date or time that becomes one."""
    low, high = bounds
    parse = {"date": formats.parse_date, "time": formats.parse_time}.get(form or "")

    def read_number(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(int, value, path, found):
            return low
        if not low <= value <= high:
            found.add(path, "out_of_range", f"must be between {low:,} and {high:,}, not {shown(value)}")
            return low
        return value

    return read_number if parse is None else _parsed(parse, 0)


def text_reader(attributes: dict[str, Any], namespace: str) -> Read:
    """The reader of a text within its bounds, of a code in its list, or of a UUID."""
    if attributes.get("format") == "uuid":
        return _parsed(lambda text: str(formats.parse_uuid(text)), "")
    bytes_min, bytes_max = schema_files.text_bounds(attributes, namespace)
    pattern = re.compile(attributes["pattern"]) if "pattern" in attributes else None
    name = attributes.get("codes", "")
    listed = codes.load(name) if name and "{" not in name else None
    verbatim = attributes.get("verbatim", False)

    def read_text(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(str, value, path, found):
            return ""
        if listed is not None:
            check_code(value, listed, path, found)
            return value
        length = len(value.encode(errors="surrogatepass"))
        if length > bytes_max:
            found.add(path, "too_long", f"has {length:,} bytes; at most {bytes_max:,} are allowed")
        elif length < bytes_min:
            found.add(path, "missing", "is empty")
        elif not _is_unicode(value) or ("\0" in value and not verbatim):
            found.add(path, "wrong_format", "contains NUL or half of a surrogate pair")
        elif pattern is not None and not pattern.fullmatch(value):
            form = _FORMS.get(pattern.pattern, f"match {pattern.pattern}")
            found.add(path, "wrong_format", f"must {form}, not {quoted(value)}")
        return value

    return read_text


def _is_unicode(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def read_boolean(value: Any, path: str, found: Findings) -> Any:
    """Read true or false."""
    return value if is_kind(bool, value, path, found) else False


def bytes_reader(attributes: dict[str, Any]) -> Read:
    """The reader of base64 with bounds on its bytes, or of a UUID as 16 bytes."""
    if attributes.get("format") == "uuid":
        return _parsed(lambda text: formats.parse_uuid(text).bytes, b"")
    low, high = attributes.get("minBytes", 0), attributes.get("maxBytes", schema_files.BYTES_MAX)
    low, high = (attributes["size"],) * 2 if "size" in attributes else (low, high)

    def parse(text: str) -> bytes:
        data = formats.parse_bytes(text)
        if not low <= len(data) <= high:
            raise ValueError(f"must be base64 of {low:,} to {high:,} bytes")
        return data

    return _parsed(parse, b"")


def _parsed(parse: Callable[[str], Any], stand_in: Any) -> Read:
    def read_parsed(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(str, value, path, found):
            return stand_in
        try:
            return parse(value)
        except ValueError as error:
            found.add(path, "wrong_format", f"{error}, not {quoted(value)}")
            return stand_in

    return read_parsed
