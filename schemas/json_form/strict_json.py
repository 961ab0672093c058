"""Decodes JSON that other programs wrote, strictly: what two readers could understand differently is refused.

Pure. Python's own decoder does the work; this module adds the rules that it lacks (RFC 8259, and I-JSON, RFC 7493):

- A key that occurs twice in an object is refused with the path of the key.
- NaN and Infinity are refused: they are not JSON.
- Half of a surrogate pair is refused: it is not text.
- Lists and objects are nested at most DEPTH_MAX deep.
- Bytes are UTF-8.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

DEPTH_MAX: Final = 64  # a report is nested six deep
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_KEY_QUOTED: Final = 64
_TOKEN_LENGTH: Final = 12  # of a token that may be cut, such as -Infinity or an escape


class JsonError(ValueError):
    """The text is not JSON as this module wants it. `code` is `not_json` or `duplicate`."""

    def __init__(self, code: str, message: str, path: str = "", *, cut: bool = False, end: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        self.cut = cut
        """Whether the text may only be cut: with more of it, it may be valid."""
        self.end = end
        """Where the value ends, if it is JSON and only breaks a rule of this module."""


class _Twice(dict[str, Any]):
    """An object that has a key twice."""

    key = ""


class _KeyTwice(Exception):
    """A key occurs twice in an object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _KeyTwice
    return made


def _marked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) == len(names):
        return dict(pairs)
    marked = _Twice(pairs)
    marked.key = next(name for index, name in enumerate(names) if name in names[:index])
    return marked


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


NUMBERS: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_not_a_number)
"""Numbers become int and float."""

NUMBER_TEXTS: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_not_a_number, parse_int=str, parse_float=str
)
"""Numbers stay the text of the input, so that no digit is lost."""

_ANY_NUMBER: Final = json.JSONDecoder(parse_constant=str, parse_int=str, parse_float=str)
_MARKING: Final = json.JSONDecoder(object_pairs_hook=_marked_object, parse_constant=_not_a_number)


def decode(data: bytes | str, decoder: json.JSONDecoder = NUMBERS) -> Any:
    """The value of a JSON text. Raises JsonError."""
    text = _text_of(data)
    return _decoded(text, decoder, 0, whole=True)[0]


def decode_at(text: str, start: int, decoder: json.JSONDecoder) -> tuple[Any, int]:
    """The value that begins at `start` of a longer text, and where it ends. Raises JsonError."""
    return _decoded(text, decoder, start, whole=False)


def _text_of(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise JsonError("not_json", f"is not valid JSON: byte {error.start + 1:,} is not UTF-8") from None


def _decoded(text: str, decoder: json.JSONDecoder, start: int, *, whole: bool) -> tuple[Any, int]:
    try:
        value, end = (decoder.decode(text), len(text)) if whole else decoder.raw_decode(text, start)
    except _KeyTwice:
        raise _duplicate(text, start, whole=whole) from None
    except json.JSONDecodeError as error:
        raise _syntax(text, error, whole=whole) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # NaN, or an integer with more digits than Python reads
        raise _not_json(text, start, error, whole=whole) from None
    piece = text if whole else text[start:end]
    if piece.count("[") + piece.count("{") > DEPTH_MAX and _depth(piece) > DEPTH_MAX:
        raise _too_deep(end)
    if _SURROGATE.search(piece):
        _check_text(value, end)
    return value, end


def _too_deep(end: int | None = None) -> JsonError:
    return JsonError("not_json", f"is nested more than {DEPTH_MAX} deep", end=end)


def _duplicate(text: str, start: int, *, whole: bool) -> JsonError:
    """The error about a key that occurs twice. It decodes again, with marks, to find the path."""
    try:
        value, end = (_MARKING.decode(text), len(text)) if whole else _MARKING.raw_decode(text, start)
    except json.JSONDecodeError as error:
        return _syntax(text, error, whole=whole)
    except (ValueError, RecursionError) as error:
        return JsonError("not_json", f"is not valid JSON: {error}")
    for path, found in _walk(value):
        if isinstance(found, _Twice):
            where = f"{path}.{_shown(found.key)}".removeprefix(".")
            message = "is named twice in its object; programs differ in which one they take"
            return JsonError("duplicate", message, where, end=end)
    return JsonError("duplicate", "a key is named twice in its object", end=end)


def _not_json(text: str, start: int, error: ValueError, *, whole: bool) -> JsonError:
    """The error about a number, with the end of the value: what is behind it can be read."""
    try:
        end = len(text) if whole else _ANY_NUMBER.raw_decode(text, start)[1]
    except json.JSONDecodeError as syntax:
        return _syntax(text, syntax, whole=whole)
    except RecursionError:
        return _too_deep()
    return JsonError("not_json", f"is not valid JSON: {error}", end=end)


def _syntax(text: str, error: json.JSONDecodeError, *, whole: bool) -> JsonError:
    """The error about wrong syntax; in a part of a longer text, the place in the part means nothing."""
    cut = error.msg.startswith("Unterminated string") or error.pos >= len(text) - _TOKEN_LENGTH
    return JsonError("not_json", f"is not valid JSON: {error if whole else error.msg}", cut=cut)


def _depth(text: str) -> int:
    """How deep lists and objects are nested in valid JSON."""
    depth = deepest = 0
    for match in _STRUCTURE.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            deepest = max(depth, deepest)
        elif mark in "]}":
            depth -= 1
    return deepest


def _check_text(value: Any, end: int) -> None:
    """Raises JsonError if a text contains half of a surrogate pair."""
    for path, found in _walk(value):
        texts = found if isinstance(found, dict) else [found] if isinstance(found, str) else ()
        for text in texts:
            if any("\ud800" <= character <= "\udfff" for character in text):
                message = "is not valid JSON: it contains half of a surrogate pair"
                raise JsonError("not_json", message, path, end=end)


def _walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, f"{path}.{_shown(name)}".removeprefix("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")


def _shown(name: str) -> str:
    """A key as a path shows it: escaped if it is not printable, and shortened."""
    short = name if len(name) <= _KEY_QUOTED else name[:_KEY_QUOTED] + "…"
    return short if short.isprintable() else short.encode("unicode_escape").decode()
