"""Reads the query of a URL strictly. Pure.

- Names and values are percent-encoded UTF-8. `+` is a space, as in forms.
- A parameter that the endpoint does not have is refused, and the nearest one is named.
- A parameter may be repeated only if the endpoint says so.
- An empty value counts as left out: forms send the fields that nobody filled in.
- Control characters are refused: no filter needs them, and databases do not take all of them.
"""

import difflib
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from node.errors import UsageError
from node.http.http_error import HttpError
from schemas.excerpts import quoted

QUERY_LENGTH_MAX: Final = 8_192  # bytes; a URL that browsers and proxies pass on
VALUES_MAX: Final = 50  # of a parameter

Query = Mapping[str, tuple[str, ...]]


def parse_query(raw: bytes, repeated: Mapping[str, bool]) -> Query:
    """The values of each parameter; `repeated` has the names, and whether a name may occur more than once.

    Raises HttpError or UsageError whose path is the name of the parameter.
    """
    if len(raw) > QUERY_LENGTH_MAX:
        message = f"the query has {len(raw):,} bytes; {QUERY_LENGTH_MAX:,} are allowed"
        raise HttpError(414, "query_too_long", message, path="query", hint="ask for less at once")
    found: dict[str, list[str]] = {}
    for part in raw.split(b"&"):
        name_bytes, _, value_bytes = part.partition(b"=")
        name, value = _decoded(name_bytes, "query"), ""
        if not name and not value_bytes:
            continue
        if name not in repeated:
            raise _unknown(name, repeated)
        value = _decoded(value_bytes, name)
        if value:
            found.setdefault(name, []).append(value)
    for name, values in found.items():
        _check_count(name, len(values), VALUES_MAX if repeated[name] else 1)
    return {name: tuple(values) for name, values in found.items()}


def single(query: Query, name: str) -> str | None:
    """The value of a parameter that occurs at most once."""
    return next(iter(query.get(name, ())), None)


def parse_limit(query: Query, *, default: int, highest: int) -> int:
    """The parameter `limit`: 1 to `highest`. Raises UsageError."""
    text = single(query, "limit")
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= len(str(highest)) and 1 <= int(text) <= highest:
        return int(text)
    message = f"limit is a number from 1 to {highest:,}"
    raise UsageError("value_invalid", message, path="limit", hint="read the next page with `after`")


def _decoded(raw: bytes, name: str) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        message = "the value is not percent-encoded UTF-8"
        raise HttpError(400, "encoding_wrong", message, path=name, hint="encode the value as UTF-8") from None
    if any(unicodedata.category(character) == "Cc" for character in text):
        message = "the value contains control characters"
        raise UsageError("value_invalid", message, path=name, hint="leave them out")
    return text


def _check_count(name: str, count: int, most: int) -> None:
    if count > most:
        message = f"{name} occurs {count} times; {most} {'is' if most == 1 else 'are'} allowed"
        raise UsageError("value_invalid", message, path=name, hint="ask again with fewer values")


def _unknown(name: str, known: Mapping[str, bool]) -> HttpError:
    shown = name[:64]
    nearest = difflib.get_close_matches(shown, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"one of {', '.join(known)}" if known else "leave it out"
    message = f"{quoted(name)} is not a parameter of this request"
    return HttpError(400, "parameter_unknown", message, path=shown, hint=hint)
