"""Which media types a request may have, and which answers it accepts. Pure."""

from collections.abc import Collection
from typing import Final

from node.http.http_error import HttpError
from schemas.excerpts import quoted

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
PROBLEM: Final = "application/problem+json"
HTML: Final = "text/html"
EVENTS: Final = "text/event-stream"
NDJSON_NAMES: Final = (NDJSON, "application/ndjson", "application/jsonl", "application/jsonlines", JSON)
CHARSETS: Final = ("utf-8", "utf8")


def check_content_type(value: str | None, allowed: Collection[str]) -> None:
    """Raise HttpError `content_type_unsupported` for a body of another type. A body without a type is read as JSON."""
    if value is None:
        return
    media_type, *parameters = (part.strip().lower() for part in value.split(";"))
    charset = next((part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    if media_type not in allowed or charset not in CHARSETS:
        first = next(iter(allowed))
        message = f"a body of type {quoted(value)} is not read here"
        hint = f"send {first} in UTF-8, and say so"
        raise HttpError(415, "content_type_unsupported", message, path="Content-Type", hint=hint)


def check_content_encoding(value: str | None) -> None:
    """Raise HttpError `content_encoding_unsupported` for a body that is compressed.

    A small compressed body can unpack to any size. Reports are small, so nothing is gained.
    """
    if value is not None and value.strip().lower() not in ("", "identity"):
        message = "a compressed body is not read here"
        hint = "send the body as it is, without Content-Encoding"
        raise HttpError(
            415,
            "content_encoding_unsupported",
            message,
            path="Content-Encoding",
            hint=hint,
            headers={"Accept-Encoding": "identity"},
        )


def check_accept(value: str | None, media_type: str) -> None:
    """Raise HttpError `not_acceptable` if the caller does not accept an answer of this type."""
    if not accepts(value, media_type):
        message = f"the answer is {media_type}, and the header Accept does not allow it"
        raise HttpError(406, "not_acceptable", message, path="Accept", hint=f"send `Accept: {media_type}`")


def accepts(value: str | None, media_type: str) -> bool:
    """Whether the header Accept allows an answer of this type. Without the header, every type is allowed."""
    if value is None or not value.strip():
        return True
    wanted = ("*/*", f"{media_type.partition('/')[0]}/*", media_type)
    for part in value.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name in wanted and not any(_is_zero(parameter) for parameter in parameters):
            return True
    return False


def _is_zero(parameter: str) -> bool:
    name, _, number = parameter.partition("=")
    return name.strip() == "q" and number.strip() in ("0", "0.", "0.0", "0.00", "0.000")
